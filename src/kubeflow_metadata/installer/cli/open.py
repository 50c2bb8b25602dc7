"""Parses ``open``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared
from kubeflow_metadata.parts import GRPC, REST, UI


@click.command("open", cls=options.Verb, short_help="Open the Artifact Store in a browser.")
@options.cluster
@options.local
@click.option(
    "--port",
    cls=options.ClusterOption,
    type=click.IntRange(1, 65535),
    metavar="N",
    help=f"Port of this machine for the Artifact Store. [default: {UI.local_port}, or a free one]",
)
@click.option("--rest", is_flag=True, help=f"Also forward the REST backend, on {REST.local_port} or a free port.")
@click.option("--grpc", is_flag=True, help=f"Also forward the gRPC server, on {GRPC.local_port} or a free port.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@options.output
@click.pass_obj
def command(shared: Shared, port: int | None, rest: bool, grpc: bool, no_browser: bool) -> None:
    """Open the Artifact Store in a browser.

    On a cluster, forwards a port of this machine to a pod until Ctrl-C; when
    the pod is replaced, to the one that takes its place.
    """
    from kubeflow_metadata.installer.verbs.open import Wish, open_store
    from kubeflow_metadata.installer.verbs.open_local import open_local

    parts = (UI, *((REST,) if rest else ()), *((GRPC,) if grpc else ()))
    wish = Wish(parts, port, not no_browser)
    if shared.local:
        open_local(shared.data_dir, wish, shared.terminal)
    else:
        open_store(shared.target, wish, shared.terminal)
