"""Both ways to the objects of a configuration, and what makes them comparable."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.render import sources
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.render.yaml_text import dump
from tests.support.cluster import tools
from tests.support.packaging.configurations import Configuration

Object = dict[str, Any]

try:
    from yaml import CSafeLoader as Loader
except ImportError:
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

# Older Kubernetes cannot be asked here; a client-side `helm template` would take Helm's own.
KUBERNETES = "v1.34.0"

# Lists that Kubernetes itself merges by a key: their order means nothing.
KEYED_LISTS = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
# What Helm may add (DESIGN: its labels, its keep policy, the test hook).
HELM_LABELS = {"helm.sh/chart"}
HELM_ANNOTATIONS = {
    "helm.sh/hook",
    "helm.sh/hook-delete-policy",
    "helm.sh/hook-weight",
    "helm.sh/resource-policy",
}


class RenderError(Exception):
    """A tool refused; the message is what it said."""


def kustomize(configuration: Configuration, directory: Path, *, smoke: bool = True) -> list[Object]:
    """The objects of the overlay that is written for a configuration."""
    overlay = Overlay(settings_of(configuration.values), configuration.namespace, smoke=smoke)
    overlay.write(directory)
    return kustomize_build(directory)


def kustomize_build(directory: Path, *, tool: tools.Tool = tools.KUSTOMIZE) -> list[Object]:
    return _objects(_run([tool.path, "build", directory]))


def helm(configuration: Configuration, directory: Path, *, tool: tools.Tool = tools.HELM_4) -> list[Object]:
    """The objects that the chart makes of a configuration, its test included."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "values.yaml"
    file.write_text(dump(configuration.values), encoding="utf-8")
    return _objects(helm_template("--namespace", configuration.namespace, "--values", str(file), tool=tool))


def helm_template(*arguments: str, tool: tools.Tool = tools.HELM_4) -> str:
    return _run([tool.path, "template", "metadata", sources.chart(), "--kube-version", KUBERNETES, *arguments])


def comparable(objects: list[Object], manager: str) -> dict[str, Object]:
    """Objects by what they are, without what Helm may add, and with keyed lists in one order."""
    found = {}
    for each in copy.deepcopy(objects):
        metadata = each["metadata"]
        assert metadata["labels"].pop("app.kubernetes.io/managed-by") == manager
        for name in HELM_LABELS if manager == "Helm" else ():
            metadata["labels"].pop(name)
        for name in HELM_ANNOTATIONS if manager == "Helm" else ():
            metadata.get("annotations", {}).pop(name, None)
        if not metadata.get("annotations"):
            metadata.pop("annotations", None)
        key = f"{each['apiVersion']} {each['kind']} {metadata.get('namespace')}/{metadata['name']}"
        assert key not in found, f"{key} is there twice"
        found[key] = _ordered(each)
    return found


def pod_spec(each: Object) -> Object | None:
    """The pods that an object makes."""
    return _template(each).get("spec")


def _template(each: Object) -> Object:
    found = each.get("spec", {}).get("template", {}) if each["kind"] in {"Deployment", "StatefulSet", "Job"} else {}
    return found if isinstance(found, dict) else {}


def _ordered(node: Any, name: str = "") -> Any:
    if isinstance(node, dict):
        return {key: _ordered(value, key) for key, value in node.items()}
    if isinstance(node, list):
        items = [_ordered(item) for item in node]
        if name in KEYED_LISTS:
            keys = [item[KEYED_LISTS[name]] for item in items]
            assert len(keys) == len(set(keys)), f"{name} has something twice: {keys}"
            items.sort(key=lambda item: str(item[KEYED_LISTS[name]]))
        return items
    return node


def _objects(text: str) -> list[Object]:
    return list(filter(None, yaml.load_all(text, Loader)))


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout
