"""Paths to fields of objects, and lists whose items are told apart by a key, as the API server does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# A step into an object: the name of a field, the position in a list, or the fields that identify an item of a list.
Key = tuple[tuple[str, Any], ...]
Step = str | int | Key
Path = tuple[Step, ...]

# What identifies the items of the lists that Kubernetes merges by item; the first that all items differ in is taken.
_KEYS = (
    ("name",),
    ("mountPath",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("topologyKey", "whenUnsatisfiable"),
    ("uid",),
    ("ip",),
)


def text_of(path: Path) -> str:
    """Returns a path as it is shown, such as ``spec.template.spec.containers[ui].image``."""
    shown = ""
    for step in path:
        if isinstance(step, tuple):
            shown += f"[{','.join(str(value) for _, value in step)}]"
        elif isinstance(step, int) or "." in step or "/" in step:
            shown += f"[{step}]"
        else:
            shown += f".{step}" if shown else step
    return shown


def items_by_step(*lists: Sequence[Any]) -> list[dict[Step, Any]]:
    """Returns the items of lists by what identifies them in all of the lists: a key, else their position."""
    for names in _KEYS:
        if all(_is_keyed_by(items, names) for items in lists):
            return [{_key(item, names): item for item in items} for items in lists]
    return [dict(enumerate(items)) for items in lists]


def _is_keyed_by(items: Sequence[Any], names: tuple[str, ...]) -> bool:
    if not all(isinstance(item, dict) and isinstance(item.get(names[0]), str | int) for item in items):
        return False
    return len({_key(item, names) for item in items}) == len(items)


def _key(item: Any, names: tuple[str, ...]) -> Key:
    return tuple((name, item[name]) for name in names if isinstance(item.get(name), str | int))
