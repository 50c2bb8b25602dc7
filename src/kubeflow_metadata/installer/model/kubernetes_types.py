"""Kubernetes' own types, for settings that take one whole: names of fields are checked against the client's models.

The client's deserializer ignores fields that it does not know, and a cluster would prune or reject them much later.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

# As different versions of the client write them.
_LIST, _MAP = re.compile(r"[Ll]ist\[(.+)\]"), re.compile(r"[Dd]ict[\[(]str, (.+)[\])]")


def kubernetes_object(kind: str) -> Any:
    """Returns the type of a setting that is an object of Kubernetes, such as ``V1Affinity``, or empty."""

    def check(value: dict[str, Any]) -> dict[str, Any]:
        # Nothing is loaded for what is not set.
        if value and (said := problem(value, kind)):
            raise ValueError(said)
        return value

    return Annotated[dict[str, Any], AfterValidator(check)]


def kubernetes_list(kind: str) -> Any:
    """Returns the type of a setting that is a list of objects of Kubernetes."""
    each = kubernetes_object(kind)
    return tuple[each, ...]  # type: ignore[valid-type]


def problem(value: Any, kind: str, path: str = "") -> str:
    """Returns what is wrong with the names in a value of one of Kubernetes' types; empty where nothing is.

    Args:
        value: as a file of settings has it.
        kind: the type, as the client calls it: ``V1Toleration``, ``List[V1Toleration]``, ``Dict[str, str]``.
        path: where the value is, for the message.
    """
    if matched := _LIST.fullmatch(kind):
        if not isinstance(value, list):
            return f"{path}: {value!r} is not a list"
        return next(filter(None, (problem(each, matched[1], f"{path}.{i}") for i, each in enumerate(value))), "")
    if matched := _MAP.fullmatch(kind):
        return "" if isinstance(value, dict) else f"{path}: {value!r} is not a group of names and values"
    fields = _fields(kind)
    if fields is None:
        return f"{path}: {value!r} is a group, not a single value" if isinstance(value, dict) else ""
    if not isinstance(value, dict):
        return f"{path}: {value!r} is not a group of names and values"
    for name, inner in value.items():
        here = f"{path}.{name}" if path else str(name)
        if name not in fields:
            return f"{here}: no such field. Fields of {kind.removeprefix('V1')}: {', '.join(sorted(fields))}"
        if said := problem(inner, fields[name], here):
            return said
    return ""


def _fields(kind: str) -> dict[str, str] | None:
    """Returns the type of each field by its name; None where the type has none, or the client is not installed."""
    try:
        # Heavy, and needed only where such a setting is set.
        from kubernetes.client import models
    except ImportError:
        return None
    model = getattr(models, kind, None)
    if model is None or not hasattr(model, "attribute_map"):
        return None
    return {model.attribute_map[name]: inner for name, inner in model.openapi_types.items()}


Affinity = kubernetes_object("V1Affinity")
PodSecurityContext = kubernetes_object("V1PodSecurityContext")
SecurityContext = kubernetes_object("V1SecurityContext")
Tolerations = kubernetes_list("V1Toleration")
TopologySpreadConstraints = kubernetes_list("V1TopologySpreadConstraint")
