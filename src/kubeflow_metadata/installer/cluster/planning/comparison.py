"""What differs between two states of an object, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.installer.cluster.planning.paths import Key, Path, Step, items_by_step
from kubeflow_metadata.installer.cluster.port import Object

# What the server keeps for itself, and nobody applies.
_OF_THE_SERVER = {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}


@dataclass(frozen=True)
class Difference:
    """A field with two values; None where it is missing."""

    path: Path
    before: Any
    after: Any


def differences(before: Object, after: Object) -> list[Difference]:
    """Returns the fields in which two states of an object differ, but for status and what the server keeps."""
    return list(_compare((), comparable(before), comparable(after)))


def deviations(present: Object, wanted: Object) -> list[Difference]:
    """Returns the fields that ``wanted`` names and that have another value; what it does not name may be anything."""
    found = _compare((), comparable(present), comparable(wanted))
    return [each for each in found if each.after is not None]


def comparable(made: Object) -> Object:
    """Returns the fields of an object that somebody applies."""
    metadata = {name: value for name, value in made.get("metadata", {}).items() if name not in _OF_THE_SERVER}
    kept = {name: value for name, value in made.items() if name not in {"status", "apiVersion", "kind"}}
    return {**kept, "metadata": metadata}


def value_at(made: Object, path: Path) -> Any:
    """Returns the value of a field; None where it is missing."""
    value: Any = made
    for step in path:
        if isinstance(step, tuple):
            items = value if isinstance(value, list) else []
            value = next((item for item in items if _has(item, step)), None)
        elif isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _has(item: Any, key: tuple[tuple[str, Any], ...]) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in key)


def _compare(path: Path, before: Any, after: Any) -> Iterator[Difference]:
    if _is_same(before, after):
        return
    if isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
        yield from _members(path, before or {}, after or {})
    elif _is_list_of_groups(before) and _is_list_of_groups(after) and (before or after):
        old, new = items_by_step(before or [], after or [])
        yield from _members(path, old, new)
    else:
        yield Difference(path, before, after)


def _members(path: Path, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[Difference]:
    steps: list[Step] = [*before, *(step for step in after if step not in before)]
    for step in steps:
        old, new = before.get(step), after.get(step)
        if isinstance(step, tuple) and (old is None or new is None):
            old, new = _without_key(old, step), _without_key(new, step)
        yield from _compare((*path, step), old, new)


def _without_key(item: Any, key: Key) -> Any:
    """Returns an item without what its path says already, unless that is all there is to it."""
    return (item and {name: value for name, value in item.items() if name not in dict(key)}) or item


def _is_list_of_groups(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _is_same(before: Any, after: Any) -> bool:
    # To Python, False is 0.
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
