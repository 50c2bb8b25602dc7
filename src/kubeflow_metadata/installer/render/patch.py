"""One patch of an overlay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.render.operations import Operation


@dataclass
class Patch:
    """Changes of one object, or of all of a kind: a strategic merge, or operations of RFC 6902."""

    kind: str
    name: str = ""
    merge: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def content(self) -> Any:
        """Returns the content of the overlay."""
        if not self.merge:
            return self.operations
        metadata = {"name": self.name or "any", **self.merge.get("metadata", {})}
        rest = {key: value for key, value in self.merge.items() if key != "metadata"}
        return {"apiVersion": kinds.BY_NAME[self.kind].api_version, "kind": self.kind, "metadata": metadata, **rest}


def template(pod: dict[str, Any]) -> dict[str, Any]:
    """Returns the change of a workload's pods."""
    return {"spec": {"template": {"spec": pod}}} if pod else {}


def deleted(kind: str, name: str = "") -> Patch:
    """Returns the patch that takes an object, or all of a kind, out of the installation."""
    return Patch(kind, name, merge={"$patch": "delete"})
