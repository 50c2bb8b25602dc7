"""Parses ``down``."""

from __future__ import annotations

import sys

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("down", cls=options.Verb, short_help="Uninstall. Data is kept unless --delete-data is given.")
@options.cluster
@options.local
@click.option("--delete-data", is_flag=True, help="Also delete the database (with --local, the logs as well).")
@click.option("-y", "--yes", is_flag=True, help="Delete data without asking for confirmation.")
@options.output
@click.pass_obj
def command(shared: Shared, delete_data: bool, yes: bool) -> None:
    """Uninstall. Data is kept unless --delete-data is given.

    With --delete-data, asks for confirmation when run in a terminal.
    """
    if delete_data and not yes and sys.stdin.isatty():
        where = "on this machine" if shared.local else f"in the namespace {shared.namespace}"
        click.confirm(f"Delete all metadata {where}?", abort=True, err=True)
    if shared.local:
        from kubeflow_metadata.installer.verbs.down_local import down_local

        down_local(shared.data_dir, shared.terminal, delete_data=delete_data)
    else:
        from kubeflow_metadata.installer.verbs.down import down

        down(shared.target, shared.terminal, delete_data=delete_data)
