"""Parses ``credentials``."""

from __future__ import annotations

import sys

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("credentials", cls=options.Verb, short_help="Print the credentials of the bundled database.")
@options.cluster
@options.refuse_local("A laptop has a file of SQLite, which takes no credentials; `status --local` shows where it is.")
@click.option("-y", "--yes", is_flag=True, help="Print them although this is no terminal.")
@options.output
@click.pass_obj
def command(shared: Shared, yes: bool) -> None:
    """Print user, password, database and host of the bundled database.

    As lines that a shell or an .env file takes, or as JSON. Without a terminal,
    only with --yes: the output may end in a log.
    """
    if not yes and not sys.stdout.isatty():
        raise UserError(
            "The password is printed on terminals only, because this output may end in a log.",
            hint=f"To print it anyway, run: {program.command('credentials')} {shared.target.options} --yes",
        )
    from kubeflow_metadata.installer.verbs.credentials import credentials

    credentials(shared.target, shared.terminal)
