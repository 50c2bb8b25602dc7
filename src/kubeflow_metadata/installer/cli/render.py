"""Parses ``render``."""

from __future__ import annotations

from pathlib import Path

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared


@click.command("render", cls=options.Verb)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@options.settings
@options.namespace
@click.option("--engine", type=options.ENGINES, default="kustomize", show_default=True, help="Tool to render for.")
@options.output
@click.pass_obj
def command(shared: Shared, directory: Path, engine: str) -> None:
    """Write an overlay or a values file to DIRECTORY.

    Renders a kustomize overlay, or values for the Helm chart, from the given settings. The output is deterministic, and
    no cluster is contacted.
    """
    from kubeflow_metadata.installer.verbs.render import render

    render(shared.target, directory, engine, shared.terminal)
