"""Parses ``down``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("down", cls=options.Verb, short_help="Uninstall. Data is kept unless --delete-data is given.")
@options.cluster
@options.local
@click.option("--delete-data", is_flag=True, help="Also delete the database (with --local, the logs as well).")
@click.option("--dry-run", cls=options.ClusterOption, is_flag=True, help="Show what would go and what would stay.")
@options.take_over
@options.yes
@options.output
@click.pass_obj
def command(shared: Shared, delete_data: bool, dry_run: bool, take_over: bool, yes: bool) -> None:
    """Uninstall. Data is kept unless --delete-data is given.

    With --delete-data, asks in a terminal for the name of the namespace; without one, --yes is required.
    """
    asks = delete_data and not yes and not dry_run
    if asks and not options.is_interactive():
        raise click.UsageError("Without a terminal, --delete-data requires --yes.")
    if shared.local:
        from kubeflow_metadata.installer.verbs.down_local import down_local

        if asks and not options.ask(f"Delete all metadata in {shared.data_dir.path}?"):
            raise click.Abort
        down_local(shared.data_dir, shared.terminal, delete_data=delete_data)
    else:
        from kubeflow_metadata.installer.verbs.down import down

        def confirm(namespace: str) -> bool:
            return options.ask_for(namespace, f"To delete all metadata, type the namespace ({namespace})")

        down(
            shared.target,
            shared.terminal,
            delete_data=delete_data,
            dry_run=dry_run,
            take_over=take_over,
            confirm=confirm if asks else None,
        )
