"""Values that no plan shows."""

from __future__ import annotations

import re
from typing import Any

from kubeflow_metadata.installer.cluster.planning.comparison import Difference
from kubeflow_metadata.installer.cluster.planning.paths import Path
from kubeflow_metadata.installer.cluster.port import Object

HIDDEN = "(hidden)"

_TELLING = re.compile(r"secret|passw(or)?d|token|credential|private.?key", re.IGNORECASE)
_FLAG = re.compile(r"^(--?[^=\s]*(?:secret|passw(?:or)?d|token|credential)[^=\s]*=).+$", re.IGNORECASE)
# kubectl keeps all of the object that it applied in there.
_COPY = "kubectl.kubernetes.io/last-applied-configuration"


def masked(difference: Difference, made: Object) -> Difference:
    """Returns a difference of an object without what is secret in its values."""
    path = difference.path
    if _is_secret(path, made["kind"]):
        return Difference(path, _hide(difference.before), _hide(difference.after))
    return Difference(path, _without_secrets(difference.before), _without_secrets(difference.after))


def _is_secret(path: Path, kind: str) -> bool:
    if _COPY in path or (kind == "Secret" and path[:1] in {("data",), ("stringData",)}):
        return True
    if len(path) >= 3 and path[-3] == "env" and path[-1] == "value":
        return bool(_TELLING.search(_name_of(path[-2])))
    # A field that holds the secret itself; references such as secretName and secretKeyRef are names.
    return (
        isinstance(path[-1], str) and path[-1].lower() in {"password", "token", "secret"} and kind != "ServiceAccount"
    )


def _name_of(step: Any) -> str:
    return str(dict(step).get("name", "")) if isinstance(step, tuple) else ""


def _hide(value: Any) -> Any:
    return None if value is None else HIDDEN


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _FLAG.sub(rf"\1{HIDDEN}", value)
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if isinstance(value, dict):
        hides = _TELLING.search(str(value.get("name", ""))) and "value" in value
        inner = {name: _without_secrets(item) for name, item in value.items()}
        return {**inner, "value": HIDDEN} if hides else inner
    return value
