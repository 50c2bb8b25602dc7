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
@click.pass_obj
def command(shared: Shared) -> None:
    """Show the state of the servers.

    The exit code is 0 if all of them are running, else 1.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.status_local import status_local

        running = status_local(shared.data_dir, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs.status import status

        running = status(shared.target, shared.terminal)
    sys.exit(0 if running else 1)
