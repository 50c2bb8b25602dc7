"""Parses ``smoke``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("smoke", cls=options.Verb)
@options.settings
@options.cluster
@options.local
@click.option(
    "--junit",
    cls=options.LocalOption,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="also write the results as JUnit XML.",
)
@options.output
@click.pass_obj
def command(shared: Shared, junit: Path | None) -> None:
    """Check that every server responds and returns the demo.

    The exit code is 0 if every check passed, else 1.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.smoke_local import smoke_local

        passed = smoke_local(shared.data_dir, junit, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs.smoke import smoke

        passed = smoke(shared.target, shared.terminal)
    sys.exit(0 if passed else 1)
