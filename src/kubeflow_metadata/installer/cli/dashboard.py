"""Parses ``dashboard`` and its verbs."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Command, Shared

_LAPTOP = "The Kubeflow dashboard runs on clusters alone; `open --local` opens the Artifact Store of this machine."


def _shared(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--context", metavar="NAME", help="Kubeconfig context. [default: the current context]"),
            click.option(
                "--dashboard-namespace",
                "namespace",
                default="kubeflow",
                show_default=True,
                callback=options.check_namespace,
                help="Namespace of the Kubeflow dashboard.",
            ),
            click.option("--dry-run", is_flag=True, help="Show the change only."),
            click.option("--take-over", is_flag=True, help="Change it although Argo CD or Flux manages it."),
            options.refuse_local(_LAPTOP),
            options.output,
        )
    ):
        command = option(command)
    return command


@click.group("dashboard", short_help="Link the Artifact Store in the Kubeflow dashboard.")
def command() -> None:
    """Add the Artifact Store to the menu of the Kubeflow dashboard, or remove it."""


@command.command(cls=options.Verb)
@_shared
@click.pass_obj
def add(shared: Shared, dry_run: bool, take_over: bool) -> None:
    """Add the Artifact Store to the menu; everything else in it stays as it is."""
    _run(shared, add=True, dry_run=dry_run, take_over=take_over)


@command.command(cls=options.Verb)
@_shared
@click.pass_obj
def remove(shared: Shared, dry_run: bool, take_over: bool) -> None:
    """Remove the Artifact Store from the menu."""
    _run(shared, add=False, dry_run=dry_run, take_over=take_over)


def _run(shared: Shared, *, add: bool, dry_run: bool, take_over: bool) -> None:
    from kubeflow_metadata.installer.verbs.dashboard import Wish, dashboard

    dashboard(shared.target, Wish(add, dry_run, take_over), shared.terminal)
