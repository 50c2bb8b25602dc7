"""The plain objects of base and components, rendered from the chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE
from kubeflow_metadata.parts import PARTS, SERVERS
from tools.generate import helm
from tools.generate.places import MADE_FROM_CHART, MANIFESTS


@dataclass(frozen=True)
class Folder:
    """A folder of objects: the values that they are rendered with, and the templates that they come from."""

    name: str
    templates: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)


FOLDERS = (
    Folder(
        "base",
        (
            *(f"{part.name}-*" for part in PARTS),
            "servers-networkpolicy.yaml",
            "servers-service.yaml",
            "servers-serviceaccount.yaml",
        ),
    ),
    Folder("components/smoke", ("smoke-*",)),
    Folder(
        "components/istio",
        ("*-authorizationpolicy*", "*-destinationrule*", "*-virtualservice*"),
        {"istio": {"enabled": True}},
    ),
    Folder("components/ingress", ("ui-ingress.yaml",), {"ingress": {"enabled": True}}),
    Folder("components/gateway-api", ("ui-httproute.yaml",), {"gatewayApi": {"enabled": True}}),
    Folder("components/monitoring", ("monitoring-*", "servers-servicemonitor.yaml"), {"monitoring": {"enabled": True}}),
    Folder(
        "components/high-availability",
        ("servers-horizontalpodautoscaler.yaml",),
        {"highAvailability": {"enabled": True}},
    ),
    *(
        Folder(
            f"components/disruption-budget/{server.name}",
            ("servers-poddisruptionbudget.yaml",),
            {server.settings: {"replicas": 2}},
        )
        for server in SERVERS
    ),
)


def all_objects() -> dict[Path, str]:
    """Returns the files of all folders.

    Raises:
        HelmError: Helm is not built, or refuses the chart.
    """
    return {file: text for folder in FOLDERS for file, text in _objects(folder)}


def existing() -> set[Path]:
    """Returns the files that were made of the chart before."""
    return {file for file in MANIFESTS.rglob("*.yaml") if file.read_text(encoding="utf-8").startswith(MADE_FROM_CHART)}


def _objects(folder: Folder) -> Iterator[tuple[Path, str]]:
    rendered = helm.template(DEFAULT_NAMESPACE, {"creator": "kustomize", **folder.values})
    for template, documents in sorted(rendered.items()):
        if any(fnmatch(template, pattern) for pattern in folder.templates):
            body = "\n---\n".join(documents)
            yield MANIFESTS / folder.name / template, f"{MADE_FROM_CHART}{template}; change it there.\n{body}\n"
