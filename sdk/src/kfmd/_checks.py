"""What must hold before anything is sent, said in words that name the field and the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional


def require_text(owner: str, field: str, value: object) -> str:
    """``value`` if it is a string with something in it.

    Raises:
        ValueError: when it is missing or empty.
        TypeError: when it is no string.
    """
    if value is None or value == "":
        raise ValueError(f"{owner}: {field!r} must be set")
    text = optional_text(owner, field, value)
    assert text is not None  # noqa: S101 - narrows the type
    return text


def optional_text(owner: str, field: str, value: object) -> Optional[str]:
    """``value`` if it is a string or None.

    Raises:
        TypeError: when it is neither.
    """
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{owner}: {field!r} must be a string, not the {type(value).__name__} {value!r:.80}")


def to_json(owner: str, fields: Mapping[str, Any]) -> str:
    """``fields`` as JSON text.

    Raises:
        TypeError: when something in it has no JSON form; the message says where it is.
    """
    try:
        return json.dumps(fields)
    except RecursionError:
        raise TypeError(f"{owner}: its fields are nested too deeply to be saved as JSON") from None
    except (TypeError, ValueError):
        culprit = _find_unserializable(fields, "", frozenset())
        raise TypeError(
            f"{owner}: {culprit} and cannot be saved as JSON. Use plain Python values: dict, list, str, int, "
            "float, bool or None; for numbers and arrays of other libraries float(x) or x.tolist()."
        ) from None


def _find_unserializable(value: Any, where: str, parents: frozenset[int]) -> str:
    if id(value) in parents:
        return f"{where} contains itself"
    inside = parents | {id(value)}
    if isinstance(value, dict):
        for key, item in value.items():
            path = f"{where}[{key!r}]" if where else str(key)
            if not isinstance(key, (str, int, float, bool, type(None))):
                return f"a key of {where} is a {type(key).__name__}"
            if found := _find_unserializable(item, path, inside):
                return found
        return ""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if found := _find_unserializable(item, f"{where}[{index}]", inside):
                return found
        return ""
    return "" if isinstance(value, (str, int, float, bool, type(None))) else f"{where} is a {type(value).__name__}"
