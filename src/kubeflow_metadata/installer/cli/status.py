"""Parses ``status``."""

from __future__ import annotations

import sys

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("status", cls=options.Verb)
@options.cluster
@options.local
@options.output
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    cls=options.ClusterOption,
    help="Keep looking until Ctrl-C: redrawn on a terminal, elsewhere a line for each change.",
)
@click.pass_obj
def command(shared: Shared, watch: bool) -> None:
    """Show whether the installation is healthy, and if not, why.

    The exit code is 0 if it is, 1 if it is not or nothing is installed, and 3 if that cannot be known.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.status_local import status_local

        sys.exit(0 if status_local(shared.data_dir, shared.terminal) else 1)
    from kubeflow_metadata.installer.verbs import status

    if watch:
        status.watch(shared.target, shared.terminal)
    sys.exit(status.status(shared.target, shared.terminal))
