"""Parses ``events``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("events", cls=options.Verb)
@options.cluster
@options.refuse_local("A laptop has no Kubernetes and so no events; `logs --local` shows what the servers say.")
@options.output
@click.pass_obj
def command(shared: Shared) -> None:
    """Show what Kubernetes says about the installation's objects, oldest first.

    Kubernetes forgets an event after an hour, unless it happens again.
    """
    from kubeflow_metadata.installer.verbs.events import events

    events(shared.target, shared.terminal)
