"""Who set which field: ``metadata.managedFields``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kubeflow_metadata.installer.cluster.planning.comparison import value_at
from kubeflow_metadata.installer.cluster.planning.paths import Path, Step
from kubeflow_metadata.installer.cluster.port import Object

Fields = Mapping[str, Any]
_APPLY = "Apply"

# Programs that apply whole objects. Whoever takes an object over from them becomes the owner of all that they set;
# otherwise what is no longer wanted would stay because of them.
APPLIERS = frozenset(
    {
        "argocd-application-controller",
        "argocd-controller",
        "helm",
        "helm-controller",
        "kubectl",
        "kubectl-client-side-apply",
        "kubeflow-metadata-installer",
        "kustomize-controller",
    }
)


def has_set(made: Object, manager: str) -> bool:
    """Returns whether a manager set fields of an object, in whichever way."""
    return bool(set_by(made, manager))


def set_by(made: Object, manager: str) -> Fields:
    """Returns the fields that a manager set, in whichever way."""
    fields: Fields = {}
    for entry in _entries(made):
        if entry.get("manager") == manager and not entry.get("subresource"):
            fields = _union(fields, entry.get("fieldsV1") or {})
    return fields


def applied_by(made: Object, manager: str) -> Fields:
    """Returns the fields that a manager applied."""
    fields: Fields = {}
    for entry in _entries(made):
        if _is_applied_by(entry, manager):
            fields = _union(fields, entry.get("fieldsV1") or {})
    return fields


def owner_of(made: Object, path: Path, but: str) -> str:
    """Returns another manager than ``but`` that set a field; empty where there is none."""
    for entry in _entries(made):
        if entry.get("manager") != but and _contains(entry.get("fieldsV1") or {}, made, path):
            return str(entry.get("manager", ""))
    return ""


def other_appliers(made: Object, manager: str) -> list[str]:
    """Returns the programs, besides a manager, that applied an object and still own fields of it."""
    names = {entry.get("manager", "") for entry in _entries(made)}
    return sorted(name for name in names & APPLIERS if name != manager)


def handed_over(made: Object, manager: str) -> Object:
    """Returns an object of which all that other programs applied is a manager's own."""
    fields: Fields = {}
    kept, version = [], made.get("apiVersion")
    for entry in _entries(made):
        is_status = entry.get("subresource")
        if not is_status and (_is_applied_by(entry, manager) or entry.get("manager") in APPLIERS):
            fields = _union(fields, entry.get("fieldsV1") or {})
            version = entry.get("apiVersion", version)
        else:
            kept.append(entry)
    ours = {
        "manager": manager,
        "operation": _APPLY,
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**made, "metadata": {**made["metadata"], "managedFields": [*kept, ours]}}


def path_of(words: tuple[str, ...]) -> Path:
    """Returns a path from the words of managedFields; it ends before an item of a list of plain values."""
    steps: list[Step] = []
    for word in words:
        kind, _, rest = word.partition(":")
        if kind == "f":
            steps.append(rest)
        elif kind == "k":
            steps.append(tuple(sorted(json.loads(rest).items())))
        else:
            break
    return tuple(steps)


def _entries(made: Object) -> list[Any]:
    return list(made.get("metadata", {}).get("managedFields") or [])


def _is_applied_by(entry: Mapping[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == _APPLY and not entry.get("subresource")


def _contains(fields: Fields, made: Object, path: Path) -> bool:
    value: Any = made
    for position, step in enumerate(path):
        if not fields or set(fields) == {"."}:
            # What is below is of the same owner, such as the items of a list that is set as a whole.
            return position > 0
        value = value_at(value, (step,))
        inner = _below(fields, step, value)
        if inner is None:
            return False
        fields = inner
    return True


def _below(fields: Fields, step: Step, value: Any) -> Fields | None:
    if isinstance(step, str):
        return fields.get(f"f:{step}")
    for word, inner in fields.items():
        if word.startswith("k:") and isinstance(value, dict):
            key = json.loads(word.removeprefix("k:"))
            if all(value.get(name) == wanted for name, wanted in key.items()):
                return dict(inner)
    return None


def _union(one: Fields, other: Fields) -> Fields:
    return {
        name: _union(one[name], other[name]) if name in one and name in other else one.get(name, other.get(name))
        for name in [*one, *(name for name in other if name not in one)]
    }
