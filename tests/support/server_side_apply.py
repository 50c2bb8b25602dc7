"""Server-side apply in memory: fields have owners, others' values conflict, and what is no longer applied goes.

A small model of what the API server does: groups merge by their fields, lists of named items by name, all other lists
are one value.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from kubeflow_metadata.installer.cluster.port import Object

# A path in the words of managedFields, such as ("f:spec", 'k:{"name":"ui"}', "f:image").
Words = tuple[str, ...]
_IDENTITY = {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")}
_SERVER = {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"}
APPLY, UPDATE = "Apply", "Update"


class FieldConflictError(Exception):
    """Another manager has set a field to another value."""


def applied(present: Object | None, wanted: Object, manager: str, *, force: bool = False) -> Object:
    """Returns what an object becomes when a manager applies another one to it."""
    made: Object = copy.deepcopy(present) if present else {"metadata": {}}
    before = _owners(made)
    ours = before.pop((manager, APPLY), set())
    set_now = {path for path in leaves(wanted) if path not in _IDENTITY}
    for (other, operation), owned in before.items():
        taken = {path for path in owned & set_now if value_at(made, path) != value_at(wanted, path)}
        if taken and not force:
            field = "".join(word.replace("f:", ".") for word in min(taken))
            raise FieldConflictError(f'Apply failed with 1 conflict: conflict with "{other}": {field}')
        before[other, operation] = owned - taken
    kept = set().union(*before.values()) if before else set()
    # An item is found by its name, which goes last.
    for path in sorted(ours - set_now - kept, key=lambda each: (each[-1] == "f:name", each)):
        _remove(made, path)
    for path in [*leaves(wanted)]:
        _put(made, path, value_at(wanted, path))
    before[manager, APPLY] = set_now
    made["metadata"]["managedFields"] = [
        _entry(key, owned, wanted["apiVersion"]) for key, owned in before.items() if owned
    ]
    return made


def changed_by(made: Object, manager: str, path: Words, value: Any) -> Object:
    """Returns an object of which somebody set a field with another tool, such as ``kubectl edit``."""
    changed = copy.deepcopy(made)
    owners = _owners(changed)
    for owned in owners.values():
        owned.discard(path)
    owners.setdefault((manager, UPDATE), set()).add(path)
    _put(changed, path, value)
    version = made.get("apiVersion", "v1")
    changed["metadata"]["managedFields"] = [_entry(key, owned, version) for key, owned in owners.items() if owned]
    return changed


def leaves(made: Object) -> list[Words]:
    """Returns the paths of all values of an object, as managedFields has them."""
    return list(_leaves(made, ()))


def value_at(made: Any, path: Words) -> Any:
    """Returns the value at a path; None where there is none."""
    value = made
    for word in path:
        if word.startswith("f:"):
            value = value.get(word[2:]) if isinstance(value, dict) else None
        else:
            value = next((item for item in value or [] if _is_item(item, word)), None)
    return value


def _leaves(value: Any, path: Words) -> Iterator[Words]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if path != ("f:metadata",) or name not in _SERVER:
                yield from _leaves(inner, (*path, f"f:{name}"))
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        for item in value:
            yield from _leaves(item, (*path, f"k:{json.dumps({'name': item['name']})}"))
    else:
        yield path


def _is_item(item: Any, word: str) -> bool:
    return isinstance(item, dict) and item.get("name") == json.loads(word[2:])["name"]


def _put(made: Any, path: Words, value: Any) -> None:
    place = made
    for position, word in enumerate(path[:-1]):
        is_list = path[position + 1].startswith("k:")
        if word.startswith("f:"):
            inner = place.get(word[2:])
            if not isinstance(inner, list if is_list else dict):
                inner = place[word[2:]] = [] if is_list else {}
        else:
            inner = next((item for item in place if _is_item(item, word)), None)
            if inner is None:
                inner = json.loads(word[2:])
                place.append(inner)
        place = inner
    place[path[-1][2:]] = copy.deepcopy(value)


def _remove(made: Any, path: Words) -> None:
    *groups, last = path
    place = value_at(made, tuple(groups))
    if not isinstance(place, dict) or last[2:] not in place:
        return
    del place[last[2:]]
    if groups and not place:
        *outer, group = groups
        if group.startswith("k:"):
            value_at(made, tuple(outer)).remove(place)
        else:
            _remove(made, tuple(groups))


def _owners(made: Object) -> dict[tuple[str, str], set[Words]]:
    entries = made.get("metadata", {}).get("managedFields") or []
    return {(each["manager"], each["operation"]): set(_words(each["fieldsV1"], ())) for each in entries}


def _words(fields: Object, path: Words) -> Iterator[Words]:
    if not fields:
        yield path
    for word, inner in fields.items():
        yield from _words(inner, (*path, word))


def _entry(key: tuple[str, str], paths: set[Words], api_version: str) -> Object:
    fields: Object = {}
    for path in sorted(paths):
        place = fields
        for word in path:
            place = place.setdefault(word, {})
    manager, operation = key
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
