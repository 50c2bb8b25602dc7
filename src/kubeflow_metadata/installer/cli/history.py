"""Parses ``history``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("history", cls=options.Verb)
@options.cluster
@options.local
@options.output
@click.pass_obj
def command(shared: Shared) -> None:
    """Show the revisions of an installation.

    Each `up` makes a revision: when, with which engine and version, how it ended, and which settings it changed. The
    last 10 are kept.
    """
    if shared.local:
        raise click.UsageError("--local: no history is kept on this machine. See: get settings --local")
    from kubeflow_metadata.installer.verbs.history import history

    history(shared.target, shared.terminal)
