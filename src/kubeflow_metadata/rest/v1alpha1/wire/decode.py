"""JSON bytes to protobuf messages, as leniently and as strictly as Go's jsonpb 1.3.1.

Numbers stay text until the field's type is known, as in Go: so 64-bit integers and doubles are exact, ``1.0``
and ``1e3`` are no integers, and a number of a million digits in an unknown field costs nothing.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value

from kubeflow_metadata.rest.v1alpha1.wire.bounds import excess_of
from kubeflow_metadata.rest.v1alpha1.wire.encode import quote
from kubeflow_metadata.rest.v1alpha1.wire.fields import descriptor_of, enum_of, fields_of, is_map, message_of

INT64 = range(-(2**63), 2**63)

# A parser of protobuf gives up at 100 levels of messages, and a level of a struct is three of those.
MAX_STRUCT_DEPTH = 30

_SPACE = " \t\r\n"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class DecodeError(ValueError):
    """The body is not the message that was asked for; the text says where and why."""


class _Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def _refuse_constant(name: str) -> NoReturn:
    raise DecodeError(f'invalid JSON: {name} is not a JSON value; write it as the string "{name}"')


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("replace-each-byte", _replace_each_byte)

_JSON = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant)


class Decoder:
    """Reads request bodies; ``max_depth`` bounds how deeply JSON may nest, and ``max_values`` how much it may hold."""

    def __init__(self, max_depth: int, max_values: int = 100_000) -> None:
        self._max_depth = max_depth
        self._max_values = max_values

    def decode(self, body: bytes, message: Message) -> None:
        """Fills the empty ``message`` from the first JSON value of the body; no value leaves it empty."""
        text = body.decode("utf-8", errors="replace-each-byte").lstrip(_SPACE)
        if not text:
            return
        if excess := excess_of(text, self._max_depth, self._max_values):
            raise DecodeError(f"invalid JSON: {excess}")
        try:
            value, _ = _JSON.raw_decode(text)
        except json.JSONDecodeError as error:
            raise DecodeError(f"invalid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
        if value is not None:
            _read_message(value, message, "body")


def _read_message(value: Any, message: Message, path: str) -> None:
    if isinstance(message, Struct):
        _read_struct(value, message, path, MAX_STRUCT_DEPTH)
        return
    members = _members(value, path)
    filled_oneofs: dict[str, str] = {}
    for field in fields_of(descriptor_of(message)):
        # The camelCase spelling wins when both are there, even when it is null.
        name = field.camelcase_name if field.camelcase_name in members else field.name
        member = members.get(name)
        if member is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None:
            if oneof.name in filled_oneofs:
                raise DecodeError(f"{path}: {filled_oneofs[oneof.name]} and {field.name} are mutually exclusive")
            filled_oneofs[oneof.name] = field.name
        _read_field(member, message, field, f"{path}.{name}")


def _read_field(value: Any, message: Message, field: FieldDescriptor, path: str) -> None:
    if is_map(field):
        _read_map(value, getattr(message, field.name), message_of(field), path)
    elif field.is_repeated:
        if not isinstance(value, list):
            _wrong_type(value, "an array", path)
        items = getattr(message, field.name)
        for index, item in enumerate(value):
            _read_item(item, items.add(), f"{path}[{index}]")
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        child = getattr(message, field.name)
        child.SetInParent()
        _read_message(value, child, path)
    else:
        setattr(message, field.name, _scalar(value, field, path))


def _read_map(value: Any, entries: Any, entry: Descriptor, path: str) -> None:
    field = entry.fields_by_name["value"]
    for key, member in _members(value, path).items():
        member_path = f"{path}[{quote(_text(key))}]"
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _read_item(member, entries[_text(key)], member_path)
        else:
            # null leaves the entry with its zero value: a map entry cannot be unset.
            entries[_text(key)] = 0 if member is None else _scalar(member, field, member_path)


def _read_item(value: Any, message: Message, path: str) -> None:
    if value is not None:
        _read_message(value, message, path)


def _read_struct(value: Any, struct: Struct, path: str, depth: int) -> None:
    for key, member in _members(value, path).items():
        _read_json_value(member, struct.fields[_text(key)], f"{path}[{quote(_text(key))}]", depth - 1)


def _read_json_value(value: Any, target: Value, path: str, depth: int) -> None:
    if depth < 0:
        raise DecodeError(f"{path}: a struct may nest {MAX_STRUCT_DEPTH} levels deep, not deeper")
    if value is None:
        target.null_value = 0  # type: ignore[assignment]
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, _Number):
        target.number_value = _exact_double(value, path)
    elif isinstance(value, str):
        target.string_value = _text(value)
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for index, item in enumerate(value):
            _read_json_value(item, target.list_value.values.add(), f"{path}[{index}]", depth - 1)
    else:
        target.struct_value.SetInParent()
        _read_struct(value, target.struct_value, path, depth)


def _exact_double(text: str, path: str) -> float:
    number = _double(text, path)
    # Numbers of a struct are doubles: a whole number that none of them stands for would change without a word.
    if _INTEGER.fullmatch(text) and int(text) not in (int(number), Decimal(repr(number))):
        raise DecodeError(f"{path}: {_shown(text)} is not exact as a double, which a struct has; write it as a string")
    return number


def _scalar(value: Any, field: FieldDescriptor, path: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        if not _is_text(value):
            _wrong_type(value, "a string", path)
        return _text(value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        if not isinstance(value, bool):
            _wrong_type(value, "true or false", path)
        return value
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _enum(value, field, path)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(value, path)
    if not isinstance(value, str):
        _wrong_type(value, "a number", path)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return _double(value, path)
    return _int64(value, path)


def _int64(text: str, path: str) -> int:
    literal = text.strip(_SPACE)
    # int() of a long literal takes quadratic time; no 64-bit integer has more than 20 characters.
    if not _INTEGER.fullmatch(literal) or len(literal) > 20 or int(literal) not in INT64:
        raise DecodeError(f"{path}: {_shown(text)} is not a 64-bit integer")
    return int(literal)


def _double(text: str, path: str) -> float:
    if not isinstance(text, _Number) and text in _NON_FINITE:
        return _NON_FINITE[text]
    literal = text.strip(_SPACE)
    if not _NUMBER.fullmatch(literal):
        raise DecodeError(f"{path}: {_shown(text)} is not a number")
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise DecodeError(f"{path}: {_shown(text)} is out of range for a double")
    return number


def _bytes(value: Any, path: str) -> bytes:
    if not _is_text(value):
        _wrong_type(value, "base64", path)
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise DecodeError(f"{path}: {_shown(value)} is not base64") from error


def _enum(value: Any, field: FieldDescriptor, path: str) -> int:
    enum = enum_of(field)
    if isinstance(value, _Number):
        numbers = {str(number): number for number in enum.values_by_number}
        if value in numbers:
            return numbers[value]
    elif isinstance(value, str):
        if value in enum.values_by_name:
            return enum.values_by_name[value].number
    else:
        _wrong_type(value, "the name or number of an enum value", path)
    raise DecodeError(f"{path}: unknown value {_shown(value)} for enum {enum.full_name}")


def _members(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _wrong_type(value, "an object", path)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number)


def _text(value: str) -> str:
    """Returns a string that UTF-8 can carry: Go, too, reads half of a surrogate pair as U+FFFD."""
    return _LONE_SURROGATES.sub("\ufffd", value)


def _shown(value: str) -> str:
    text = _text(value)
    if len(text) > 80:
        text = text[:80] + "..."
    return text if isinstance(value, _Number) else quote(text)


def _wrong_type(value: Any, expected: str, path: str) -> NoReturn:
    if isinstance(value, _Number):
        found = "a number"
    elif isinstance(value, str):
        found = "a string"
    else:
        found = {dict: "an object", list: "an array", bool: "a boolean"}[type(value)]
    raise DecodeError(f"{path}: expected {expected}, not {found}")
