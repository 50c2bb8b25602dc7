"""What may be saved with an artifact: plain values, and what plainly means one.

Neither numpy nor pandas, torch or any other library is imported: their scalars are known by what they can do.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence, Set
from enum import Enum
from numbers import Integral, Number, Real
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any, Union

from kfmd._showing import a_type, shown, type_name

Plain = Union[str, int, float, bool, None]

_EXACT = {str, int, float, bool, type(None)}
_BYTES = (bytes, bytearray, memoryview)


class NotPlainError(TypeError):
    """A value does not mean one plain value."""


def to_json(owner: str, fields: Mapping[str, Any]) -> str:
    """Returns ``fields`` as JSON text.

    Raises:
        TypeError: when something in it has no JSON form; the message says where it is, and what to write.
        ValueError: when two keys are the same in JSON.
    """
    try:
        try:
            return json.dumps(_plain(fields, "", frozenset()))
        except (TypeError, ValueError):
            # Once more, for where it is: to keep count of that takes most of the time.
            return json.dumps({name: _plain(value, name, frozenset()) for name, value in fields.items()})
    except RecursionError:
        raise TypeError(f"{owner}: its fields are nested too deeply to be saved as JSON") from None
    except TypeError as error:
        raise TypeError(f"{owner}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{owner}: {error}") from None


def _plain(value: Any, where: str, parents: frozenset[int]) -> Any:
    """What ``value`` means; ``where`` it is goes into errors, and may be empty."""
    if type(value) in _EXACT:
        return value
    is_mapping = isinstance(value, Mapping)
    if not is_mapping and not _is_list(value):
        try:
            return plain_scalar(value)
        except NotPlainError:
            raise TypeError(f"{where} is {a_type(value)} and cannot be saved as JSON: use {advice(value)}") from None
    if id(value) in parents:
        raise TypeError(f"{where} contains itself")
    inside = parents | {id(value)}
    if is_mapping:
        keys = plain_keys(value, where)
        return {
            key: _plain(item, f"{where}[{shown(own)}]" if where else "", inside) for key, (own, item) in keys.items()
        }
    return [_plain(item, f"{where}[{index}]" if where else "", inside) for index, item in enumerate(value)]


def _is_list(value: Any) -> bool:
    # An Enum may derive from tuple; some arrays call themselves sequences.
    return isinstance(value, Sequence) and not isinstance(value, (str, *_BYTES, Enum)) and not hasattr(value, "dtype")


def plain_keys(mapping: Mapping[Any, Any], where: str) -> dict[str, tuple[Any, Any]]:
    """Returns the items of ``mapping`` by what their keys are called in JSON.

    Raises:
        TypeError: when a key is no text, number, date or the like.
        ValueError: when two keys are called the same: one of their values would be lost.
    """
    items: dict[str, tuple[Any, Any]] = {}
    for key, item in mapping.items():
        try:
            plain = plain_scalar(key)
        except NotPlainError:
            raise TypeError(
                f"a key of {where} is {a_type(key)}, and keys are saved as text: use a string instead of {shown(key)}"
            ) from None
        text = plain if isinstance(plain, str) else json.dumps(plain)
        if text in items:
            raise ValueError(
                f"the keys {shown(items[text][0])} and {shown(key)} of {where} are both saved as {text!r}: rename one"
            )
        items[text] = (key, item)
    return items


def plain_scalar(value: Any) -> Plain:
    """Returns the plain value that ``value`` means: itself, a number, or text for dates, paths and UUIDs.

    Raises:
        NotPlainError: when it is no scalar, or its meaning is not plain.
    """
    if value is None or isinstance(value, bool):
        return value
    # Before str and int, which an Enum may derive from.
    if isinstance(value, Enum):
        return plain_scalar(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return _date_text(value)
    if isinstance(value, os.PathLike):
        # os.fspath would download what a path of cloudpathlib points to.
        is_address = isinstance(value, PurePath) or hasattr(value, "as_uri")
        return str(value) if is_address else os.fsdecode(os.fspath(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, type) and callable(getattr(value, "item", None)):
        return _array_scalar(value)
    if isinstance(value, Integral):
        return int(value)
    raise NotPlainError


def _date_text(value: Union[datetime.date, datetime.time]) -> str:
    # NaT of pandas is a datetime, too.
    if not value == value:  # noqa: PLR0124
        raise NotPlainError
    return str(value.isoformat())


def _array_scalar(value: Any) -> Plain:
    """The one value in a scalar or 0-dimensional array of numpy, torch, jax and their kin."""
    shape = getattr(value, "shape", None)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    # A duration of numpy may answer a bare number, without its unit.
    if shape is None or len(shape) != 0 or kind == "m" or type(value).__name__ == "MaskedConstant":
        raise NotPlainError
    if kind == "M":
        # item() of a date with nanoseconds is a bare number.
        text = str(value)
        if text == "NaT":
            raise NotPlainError
        return text
    try:
        item = value.item()
    except Exception:  # Tensors without data raise what their library likes.
        raise NotPlainError from None
    if type(item) not in {bool, int, float, str}:
        raise NotPlainError
    return item  # type: ignore[no-any-return]


def advice(value: Any) -> str:
    """Returns what to write in place of ``value``, which is not plain: an expression of ``x``, or words."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    name = type(value).__name__
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return "its name, x.__name__"
    # A single date of numpy is refused for being NaT only.
    if name in {"NaTType", "NAType", "MaskedConstant"} or (kind == "M" and len(value.shape) == 0):
        return "None for a value that is missing"
    if isinstance(value, datetime.timedelta):
        return "x.total_seconds()"
    if kind == "m":
        return "x / numpy.timedelta64(1, 's') for seconds"
    if isinstance(value, _BYTES):
        return "x.decode() for text; put binary data in a file, and its address in uri"
    if isinstance(value, complex) or kind == "c":
        return "[x.real, x.imag]"
    if name == "Decimal" or isinstance(value, Real):
        return "float(x) for a number, or str(x) to keep every digit"
    if dataclasses.is_dataclass(value):
        return "dataclasses.asdict(x)"
    if isinstance(value, SimpleNamespace) or type_name(type(value)) == "argparse.Namespace":
        return "vars(x)"
    for method, words in (
        ("model_dump", "x.model_dump()"),
        ("columns", "x.to_dict('list') for a small table; put a large one in a file, and its address in uri"),
        ("tolist", "x.tolist()"),
        ("numpy", "x.numpy().tolist()"),
        ("_asdict", "x._asdict()"),
        ("to_dict", "x.to_dict()"),
    ):
        if hasattr(value, method):
            return words
    if isinstance(value, Set):
        return "sorted(x) or list(x)"
    if isinstance(value, Iterable):
        return "list(x)"
    if isinstance(value, Number):
        return "float(x)"
    return "str(x), or a dict of what matters in it"
