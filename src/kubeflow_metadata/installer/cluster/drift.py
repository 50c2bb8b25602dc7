"""Drift: the fields of our objects that somebody else has set, as the API server keeps book of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kubeflow_metadata.installer.cluster.managed_fields import paths_in
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, Object

# Who applies an installation, by the name under which it sets fields.
APPLIERS = {
    FIELD_MANAGER: "kustomize",
    "helm": "helm",
    "argocd-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}
# They do what objects ask of them.
_CONTROLLERS = (
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "cloud-controller-manager",
    "kubelet",
    "before-first-apply",
)
# What people set there wants something done, and changes nothing of what runs.
_HARMLESS = ("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "meta.helm.sh/", "kubernetes.io/change-cause")
_ROOTS = ("spec", "data", "binaryData", "metadata.labels", "metadata.annotations")

_Path = tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """Fields of an object that somebody else has set.

    Attributes:
        object: as ``Kind name``.
        manager: who set them.
        fields: their paths.
    """

    object: str
    manager: str
    fields: tuple[str, ...]


def applier(objects: Iterable[Object]) -> str:
    """Returns who applied objects, most of them; empty where that cannot be told."""
    names = Counter(name for each in objects if (name := _applier(each)))
    return names.most_common(1)[0][0] if names else ""


def drift(objects: Iterable[Object]) -> Iterator[Drift]:
    """Yields what others than their applier have set in objects."""
    for each in objects:
        entries = [entry for entry in each["metadata"].get("managedFields") or [] if _counts(entry)]
        applied_by = _applier(each)
        own = {path for entry in entries if entry.get("manager") == applied_by for path in paths_in(_fields(entry))}
        by_manager: dict[str, set[_Path]] = {}
        for entry in entries:
            if entry.get("manager") != applied_by:
                by_manager.setdefault(str(entry.get("manager", "")), set()).update(paths_in(_fields(entry)))
        for manager, paths in sorted(by_manager.items()):
            if fields := sorted(_written(path) for path in paths - own if _matters(path)):
                yield Drift(f"{each['kind']} {each['metadata']['name']}", manager, tuple(fields))


def _applier(made: Object) -> str:
    """Returns one of the known ones, else whoever set most of the fields."""
    sizes: Counter[str] = Counter()
    for entry in made["metadata"].get("managedFields") or []:
        if _counts(entry):
            sizes[str(entry.get("manager", ""))] += sum(1 for _ in paths_in(_fields(entry)))
    known = [name for name in sizes if name in APPLIERS]
    if known:
        return known[0]
    return sizes.most_common(1)[0][0] if sizes else ""


def _counts(entry: Object) -> bool:
    return entry.get("subresource") != "status" and not str(entry.get("manager", "")).startswith(_CONTROLLERS)


def _fields(entry: Object) -> Mapping[str, object]:
    fields = entry.get("fieldsV1")
    return fields if isinstance(fields, Mapping) else {}


def _matters(path: _Path) -> bool:
    written = _written(path)
    return written.startswith(_ROOTS) and not any(each.removeprefix("f:").startswith(_HARMLESS) for each in path)


def _written(path: _Path) -> str:
    """Returns a path as people write it: ``spec.containers[ui].image``."""
    text = ""
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f" and not any(mark in name for mark in "./"):
            text += f".{name}" if text else name
        elif kind == "f":
            text += f"[{name}]"
        else:
            text += f"[{_key(name)}]"
    return text


def _key(text: str) -> str:
    """Returns what an element of a list is known by."""
    try:
        key = json.loads(text)
    except ValueError:
        return text
    return ",".join(str(value) for value in key.values()) if isinstance(key, dict) else str(key)
