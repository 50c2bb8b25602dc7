"""The pinned Helm, which renders the chart."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from kubeflow_metadata.installer.render.yaml_text import dump
from tests.support.cluster.tools import HELM_4
from tools.generate.places import CHART

_KUBERNETES = "v1.34.0"


class HelmError(Exception):
    """Helm is missing, or refuses the chart."""


def template(namespace: str, values: dict[str, Any]) -> dict[str, list[str]]:
    """Returns the documents of the chart, by the name of their template.

    Raises:
        HelmError: Helm is not built, or fails.
    """
    if not HELM_4.path.exists():
        raise HelmError(f"The pinned Helm is not built yet. Run: make e2e-tools ARGS={HELM_4.name}")
    command: list[str | Path] = [HELM_4.path, "template", "metadata", CHART, "--namespace", namespace]
    options = ["--kube-version", _KUBERNETES, "--values", "-"]
    done = subprocess.run([*command, *options], input=dump(values), capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmError(done.stderr.strip())
    documents: dict[str, list[str]] = {}
    for document in done.stdout.split("---\n# Source: metadata/templates/")[1:]:
        name, _, text = document.partition("\n")
        documents.setdefault(name, []).append(text.strip("\n"))
    return documents
