"""Parses ``plan``."""

from __future__ import annotations

import sys

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("plan", cls=options.Verb)
@options.settings
@options.reset_settings
@options.cluster
@options.engine
@options.local
@click.option(
    "--detailed-exitcode",
    "detailed",
    is_flag=True,
    help="Exit with 0 if nothing would change, 2 if something would, 1 if up would fail.",
)
@options.output
@click.pass_obj
def command(shared: Shared, engine: str | None, detailed: bool) -> None:
    """Show what up would change, and change nothing.

    Every object is applied in a dry run, so that the cluster itself says what would become of it. Secrets are never
    shown. After up, the plan is empty.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.plan_local import plan_local

        sys.exit(plan_local(shared.data_dir, shared.terminal, detailed=detailed))
    from kubeflow_metadata.installer.verbs.plan import plan

    sys.exit(plan(shared.target, engine, shared.terminal, detailed=detailed))
