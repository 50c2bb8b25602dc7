"""RFC 6902 operations whose paths are found by content."""

from __future__ import annotations

from typing import Any

Operation = dict[str, Any]


def replace(path: str, value: Any) -> Operation:
    """Returns what replaces the value at a path without an index."""
    return {"op": "replace", "path": path, "value": value}


def add(path: str, value: Any) -> Operation:
    """Returns what sets a field, whether it is there or not."""
    return {"op": "add", "path": path, "value": value}


def escaped(name: str) -> str:
    """Returns a name as a step of a path."""
    return name.replace("~", "~0").replace("/", "~1")


def append(path: str, value: Any) -> Operation:
    """Returns what appends an item to the list at a path."""
    return {"op": "add", "path": f"{path}/-", "value": value}


def replace_known(path: str, known: Any, value: Any) -> list[Operation]:
    """Returns what replaces a value, or makes kustomize fail where another one is at that path than is known."""
    return [expect(path, known), replace(path, value)]


def expect(path: str, known: Any) -> Operation:
    """Returns what makes kustomize fail unless a value is at a path."""
    return {"op": "test", "path": path, "value": known}
