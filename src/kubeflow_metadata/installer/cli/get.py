"""Parses ``get`` and what can be got."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.group("get")
def command() -> None:
    """Show the settings of an installation."""


@command.command("settings", cls=options.Verb)
@options.cluster
@options.local
@click.option(
    "--revision",
    "number",
    cls=options.ClusterOption,
    type=click.IntRange(1),
    metavar="N",
    help="Number of the revision (see history). [default: the last one]",
)
@click.option(
    "--all", "with_all", cls=options.ClusterOption, is_flag=True, help="Also show settings at their defaults."
)
@click.option("--show-secrets", cls=options.ClusterOption, is_flag=True, help="Do not mask secrets.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Output format.",
)
@click.pass_obj
def settings(shared: Shared, number: int | None, with_all: bool, show_secrets: bool) -> None:
    """Show what was set, as a file that `up -f` takes.

    After a failed `up`, these are the settings that it attempted.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.get_local import settings_local

        settings_local(shared.data_dir, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs import get

        get.settings(shared.target, shared.terminal, number=number, with_all=with_all, show_secrets=show_secrets)
