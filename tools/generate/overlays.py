"""The overlays, each from the ``settings.yaml`` beside it, and the component of the small size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubeflow_metadata.installer.model.loading import load_settings, settings_of
from kubeflow_metadata.installer.model.sizes import SMALL, resources_of
from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.render.patch import Patch, template
from kubeflow_metadata.installer.render.patches import mysqld_arguments
from kubeflow_metadata.installer.render.yaml_text import dump
from kubeflow_metadata.parts import DB, GRPC, PARTS, Part
from tools.generate.places import MADE_FROM_PARTS, MANIFESTS

_SMALL = settings_of({"small": {"enabled": True}})


def all_overlays() -> dict[Path, str]:
    """Returns the kustomization.yaml of each overlay."""
    files = sorted((MANIFESTS / "overlays").glob("*/settings.yaml"))
    return {file.with_name("kustomization.yaml"): _overlay(file) for file in files}


def _overlay(settings: Path) -> str:
    # The overlay of another namespace is its only setting that is no setting of the model.
    namespace = settings.with_name("namespace")
    where = namespace.read_text(encoding="utf-8").strip() if namespace.exists() else DEFAULT_NAMESPACE
    return Overlay(load_settings(settings), where, source="settings.yaml").kustomization("../..")


def small_component() -> dict[Path, str]:
    """Returns the kustomization.yaml of the component that makes an installation small."""
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["../conflicts/small-and-high-availability"],
        "patches": [
            {"target": {"kind": part.workload_kind, "name": part.workload}, "patch": dump(_small(part).content())}
            for part in PARTS
        ],
    }
    about = "# Less CPU and memory, and one worker process per pod, for example on a laptop."
    return {MANIFESTS / "components/small/kustomization.yaml": f"{MADE_FROM_PARTS}\n{about}\n{dump(content)}\n"}


def _small(part: Part) -> Patch:
    container: dict[str, Any] = {"name": part.container}
    if part == DB:
        container["args"] = mysqld_arguments(_SMALL)
    if part == GRPC:
        processes = {"name": f"{part.environment}_WORKER_PROCESSES", "value": str(SMALL.worker_processes)}
        container["env"] = [processes]
    container["resources"] = resources_of(_SMALL, part)
    return Patch(part.workload_kind, part.workload, merge=template({"containers": [container]}))
