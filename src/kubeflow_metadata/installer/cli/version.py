"""Parses ``version``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("version", cls=options.Verb, short_help="Show the versions of this program and of the installation.")
@options.cluster
@options.local
@options.output
@click.pass_obj
def command(shared: Shared) -> None:
    """Show the versions of this program, of the installation and of the cluster.

    Without a cluster, only that of this program.
    """
    if shared.local:
        from kubeflow_metadata.installer.verbs.version_local import version_local

        version_local(shared.data_dir, shared.terminal)
    else:
        from kubeflow_metadata.installer.verbs.version import version

        version(shared.target, shared.terminal)
