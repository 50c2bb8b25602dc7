"""Parses ``history``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("history", cls=options.Verb)
@options.cluster
@options.refuse_local("A laptop installation keeps no history. For its ports and directory: get settings --local")
@options.output
@click.pass_obj
def command(shared: Shared) -> None:
    """Show the revisions of an installation.

    Each `up` makes a revision: when, with which engine and version, how it ended, and which settings it changed. The
    last 10 are kept.
    """
    from kubeflow_metadata.installer.verbs.history import history

    history(shared.target, shared.terminal)
