"""Parses ``up``."""

from __future__ import annotations

from collections.abc import Callable

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Command, Shared
from kubeflow_metadata.parts import SERVERS


def _ports(command: Command) -> Command:
    """Adds ``--grpc-port`` and so on: an option for each server."""
    for part in reversed(SERVERS):
        option: Callable[[Command], Command] = click.option(
            f"--{part.name}-port",
            part.name,
            cls=options.LocalOption,
            type=click.IntRange(1, 65535),
            metavar="N",
            help=f"port of the {part.title}. [default: {part.local_port}, or a free one]",
        )
        command = option(command)
    return command


@click.command("up", cls=options.Verb)
@options.settings
@options.reset_settings
@options.cluster
@options.engine
@click.option(
    "--timeout",
    cls=options.ClusterOption,
    type=click.IntRange(1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Maximum time to wait for readiness.",
)
@click.option(
    "--smoke/--skip-smoke",
    cls=options.ClusterOption,
    default=None,
    help="Run the smoke test. [default: where something changed]",
)
@click.option(
    "--skip-checks",
    cls=options.ClusterOption,
    is_flag=True,
    help="Do not check quotas, storage, and Secrets that the settings name.",
)
@click.option("--dry-run", cls=options.ClusterOption, is_flag=True, help="Show the plan, and change nothing.")
@options.take_over
@options.yes
@options.local
@_ports
@options.output
@click.pass_obj
def command(
    shared: Shared,
    /,
    engine: str | None,
    timeout: int,
    smoke: bool | None,
    skip_checks: bool,
    dry_run: bool,
    take_over: bool,
    yes: bool,
    **ports: int | None,
) -> None:
    """Install or upgrade, then check that it works.

    On a cluster: shows what will change and, in a terminal, asks; creates the namespace if it is missing, applies what
    differs, waits until it is ready, and runs a Job that logs the demo and reads it back. With --local, the servers
    keep running in the background. Running it again changes only what differs, and continues what was interrupted.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.up_local import up_local

        wanted = [port for port in ports.values() if port is not None]
        if len(wanted) != len(set(wanted)):
            raise click.UsageError("Two servers cannot share a port.")
        up_local(shared.data_dir, ports, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs.up import Wishes, up

        confirm = None if yes or not options.is_interactive() else options.ask
        wishes = Wishes(take_over=take_over, dry_run=dry_run, smoke=smoke, checks=not skip_checks)
        up(shared.target, engine, timeout, shared.terminal, wishes=wishes, confirm=confirm)
