"""JSON on the wire to typed messages and back, by the messages' own annotations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from pprint import pformat
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from kfmd._showing import a_type, shown, type_name
from kfmd._values import NotPlainError, advice, plain_keys, plain_scalar
from kfmd.openapi_client.exceptions import ApiTypeError, ApiValueError

Int64 = Annotated[str, "int64"]
"""A 64-bit integer. Sent as a string, because JSON numbers lose its last digits in many languages."""


@dataclasses.dataclass(repr=False)
class Message:
    """Base of the messages: attributes that are not set are None, and do not go over the wire."""

    def to_dict(self) -> dict[str, Any]:
        """The attributes as plain Python values, unset ones included."""
        return dataclasses.asdict(self)

    def to_str(self) -> str:
        """``to_dict`` laid out for reading."""
        return pformat(self.to_dict())

    def __repr__(self) -> str:
        return self.to_str()


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _wire_name(attribute: str) -> str:
    # `none` is the one wire name that upstream's client spells with an underscore in Python.
    return attribute.lstrip("_")


def decode(hint: Any, data: Any, where: str = "the response") -> Any:
    """What ``data``, parsed JSON, means as a ``hint``. Fields that the message does not have are left out.

    Raises:
        ApiValueError: when the shapes do not agree.
    """
    if data is None or hint is object or hint is bool:
        return data
    if hint == Int64 or hint is str:
        if isinstance(data, str) or _is(int, data):
            return str(data)
        raise ApiValueError(f"{where} should be a string, not {shown(data)}")
    if hint is float:
        try:
            return float(data)
        except (TypeError, ValueError):
            raise ApiValueError(f"{where} should be a number, not {shown(data)}") from None
    if get_origin(hint) is Union:
        return decode(get_args(hint)[0], data, where)
    if get_origin(hint) is list:
        (element,) = get_args(hint)
        return [decode(element, item, f"{where}[{i}]") for i, item in enumerate(_expect(list, data, where))]
    if get_origin(hint) is dict:
        _, value = get_args(hint)
        return {k: decode(value, v, f"{where}.{k}") for k, v in _expect(dict, data, where).items()}
    fields = _expect(dict, data, where)
    if hint is dict:
        return fields
    return hint(
        **{name: decode(field, fields.get(_wire_name(name)), f"{where}.{name}") for name, field in _hints(hint).items()}
    )


def _expect(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, kind):
        name = "object" if kind is dict else "array"
        raise ApiValueError(f"{where} should be a JSON {name}, not {shown(data)}")
    return data


def encode(value: Any, where: str = "body") -> Any:
    """``value`` as what ``json.dumps`` takes.

    Raises:
        ApiTypeError: when something in it has no JSON form, or a message holds a value of the wrong type.
    """
    if isinstance(value, Message):
        kind: type = type(value)
        fields = ((name, hint, getattr(value, name)) for name, hint in _hints(kind).items())
        return {
            _wire_name(name): _encode_field(hint, item, f"{type(value).__name__}.{name}")
            for name, hint, item in fields
            if item is not None
        }
    if isinstance(value, (list, tuple)):
        return [encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: encode(item, f"{where}.{key}") for key, (_, item) in _keys(value, where).items()}
    try:
        plain = plain_scalar(value)
    except NotPlainError:
        raise ApiTypeError(f"{where} cannot be sent as JSON: it is {a_type(value)}. Use {advice(value)}.") from None
    return _encode_float(plain) if isinstance(plain, float) else plain


def _keys(value: Mapping[Any, Any], where: str) -> dict[str, tuple[Any, Any]]:
    try:
        return plain_keys(value, where)
    except TypeError as error:
        raise ApiTypeError(str(error)) from None
    except ValueError as error:
        raise ApiValueError(str(error)) from None


def _encode_float(number: float) -> Union[float, str]:
    # JSON has no spelling for the others; this is the one of protocol buffers.
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _is(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _encode_field(optional_hint: Any, value: Any, where: str) -> Any:
    hint = get_args(optional_hint)[0]
    if hint == Int64 and _is(Integral, value):
        return str(int(value))
    if hint in (Int64, str) and not isinstance(value, str):
        raise ApiTypeError(f"{where} must be a string, not the {type_name(type(value))} {shown(value)}")
    if hint is float and not _is(Real, value):
        raise ApiTypeError(f"{where} must be a number, not the {type_name(type(value))} {shown(value)}")
    return encode(value, where)
