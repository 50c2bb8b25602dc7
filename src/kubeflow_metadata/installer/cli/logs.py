"""Parses ``logs``."""

from __future__ import annotations

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared
from kubeflow_metadata.parts import SERVERS


@click.command("logs", cls=options.Verb)
@options.cluster
@options.local
@click.argument("server", required=False, type=click.Choice([part.name for part in SERVERS]))
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.pass_obj
def command(shared: Shared, server: str | None, follow: bool) -> None:
    """Print the log of SERVER, or of all servers; on a cluster, say how kubectl does."""
    if not shared.local:
        which = f"metadata.kubeflow.org/part{f'={server}' if server else ''}"
        raise UserError(
            "On a cluster, use kubectl to read logs.",
            hint=f"Run: kubectl {shared.target.options} logs -l {which} --prefix   (or add --local)",
        )
    from kubeflow_metadata.installer.verbs.logs_local import logs_local

    logs_local(shared.data_dir, server, follow=follow)
