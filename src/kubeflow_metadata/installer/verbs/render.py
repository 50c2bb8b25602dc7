"""``render``: files that install given settings without this program."""

from __future__ import annotations

from pathlib import Path

from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target


def render(target: Target, directory: Path, engine_name: str, terminal: Terminal) -> None:
    """Writes a kustomize overlay, or a values file of the chart."""
    source = target.file.name if target.file and not target.assignments else ""
    written = choice.named(engine_name).write(target.settings(), target.namespace, directory, source)
    document = {"file": str(written.file), "apply": written.apply}
    terminal.result(document, f"Wrote {written.file}\nTo install it: {written.apply}")
