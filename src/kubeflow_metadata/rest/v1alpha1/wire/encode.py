"""Protobuf messages to JSON bytes.

Compact; fields in the order of the proto, map entries sorted by key; a field that is set is written even when it is
zero, one that is not is absent; 64-bit integers are strings; strings are escaped as Go escapes them. A struct is the
JSON object that it stands for, bytes are base64.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from kubeflow_metadata.rest.v1alpha1.wire.fields import descriptor_of, enum_of, fields_of, is_map, is_struct, message_of

_Write = Callable[[Any], str]

# Go escapes these five everywhere, and has no short form for backspace and form feed.
_GO_ESCAPES = re.compile("[<>&\u2028\u2029]|\\\\.")
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_ESCAPES |= {r"\b": r"\u0008", r"\f": r"\u000c"}
_NEEDS_GO_ESCAPES = re.compile("[<>&\u2028\u2029\b\f]")


def encode(message: Message) -> bytes:
    """Returns the message as ``/api/v1alpha1`` writes it."""
    return _message_writer(descriptor_of(message))(message).encode()


def quote(text: str) -> str:
    """Returns a JSON string, escaped as Go's encoder does."""
    quoted = encode_basestring(text)
    return _GO_ESCAPES.sub(_escape, quoted) if _NEEDS_GO_ESCAPES.search(text) else quoted


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(), match.group())


def _double(value: float) -> str:
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    shortest = repr(value)
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        if "e" in shortest:
            shortest = format(Decimal(shortest), "f")
        return shortest.removesuffix(".0")
    return shortest.replace("e-0", "e-")


def _int64(value: int) -> str:
    return f'"{value}"'


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _bytes(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


def _struct(struct: Any) -> str:
    fields = struct.fields
    return "{" + ",".join(f"{quote(key)}:{_json_value(fields[key])}" for key in sorted(fields)) + "}"


def _json_value(value: Any) -> str:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return "[" + ",".join(map(_json_value, value.list_value.values)) + "]"
    if kind == "string_value":
        return quote(value.string_value)
    if kind == "number_value":
        written = _double(value.number_value)
        return "-0.0" if written == "-0" else written  # which most parsers take for the integer 0
    return _bool(value.bool_value) if kind == "bool_value" else "null"


_SCALARS: dict[int, _Write] = {
    FieldDescriptor.TYPE_INT64: _int64,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_STRING: quote,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_BYTES: _bytes,
}


@cache
def _message_writer(descriptor: Descriptor) -> _Write:
    if is_struct(descriptor):
        return _struct
    # The writers of fields are found on first use: ArtifactStructType contains itself.
    fields = fields_of(descriptor)
    if len(descriptor.oneofs) == 1 and all(field.containing_oneof for field in fields):
        return _oneof_writer(descriptor.oneofs[0].name, fields)
    known = {field.number: field for field in fields}
    writers: dict[int, tuple[str, _Write]] = {}

    def write(message: Message) -> str:
        parts = []
        for field, value in message.ListFields():
            number = field.number
            if number not in writers:
                if number not in known:
                    continue
                writers[number] = (f'"{field.name}":', _field_writer(field))
            name, write_value = writers[number]
            parts.append(name + write_value(value))
        return "{" + ",".join(parts) + "}"

    return write


def _oneof_writer(oneof: str, fields: list[FieldDescriptor]) -> _Write:
    """Returns the writer of a message that is one oneof, such as Value: most of a list, so it has a fast path."""
    known = {field.name: field for field in fields}
    writers: dict[str, _Write] = {}

    def write(message: Message) -> str:
        name = message.WhichOneof(oneof)
        if name not in known:
            return "{}"
        if name not in writers:
            writers[name] = _field_writer(known[name])
        return f'{{"{name}":{writers[name](getattr(message, name))}}}'

    return write


def _field_writer(field: FieldDescriptor) -> _Write:
    if is_map(field):
        write_value = _value_writer(message_of(field).fields_by_name["value"])

        def write_map(entries: Any) -> str:
            return "{" + ",".join(f"{quote(key)}:{write_value(entries[key])}" for key in sorted(entries)) + "}"

        return write_map
    write_item = _value_writer(field)
    if field.is_repeated:
        return lambda items: "[" + ",".join(map(write_item, items)) + "]"
    return write_item


def _value_writer(field: FieldDescriptor) -> _Write:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _message_writer(message_of(field))
    if field.type == FieldDescriptor.TYPE_ENUM:
        names = enum_of(field).values_by_number

        def write_enum(number: int) -> str:
            return f'"{names[number].name}"' if number in names else str(number)

        return write_enum
    return _SCALARS[field.type]
