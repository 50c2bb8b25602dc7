"""Counts what a serialized message holds before it is parsed: empty elements of two bytes become hundreds in memory."""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def count_elements(data: bytes, kind: Descriptor, most: int) -> int:
    """Counts the fields of a serialized message and of all messages in it, and stops once there are more than ``most``.

    Each element of a repeated field and each entry of a map is a field. What is malformed ends the count: the parser
    says what is wrong with it.
    """
    # Where the message ends that is being read, and the ends of those around it.
    open_messages: list[tuple[int, Descriptor]] = []
    position, end, fields = 0, len(data), _messages_of(kind)
    count = 0
    while True:
        while position >= end:
            if not open_messages:
                return count
            end, around = open_messages.pop()
            fields = _messages_of(around)
            kind = around
        tag, position = _varint(data, position)
        count += 1
        if count > most or position < 0:
            return count
        wire_type = tag & 7
        if wire_type == _BYTES:
            length, position = _varint(data, position)
            if position < 0 or position + length > end:
                return count
            inner = fields.get(tag >> 3)
            if inner is None:
                position += length
            else:
                open_messages.append((end, kind))
                kind, fields, end = inner, _messages_of(inner), position + length
        elif wire_type == _VARINT:
            _, position = _varint(data, position)
            if position < 0:
                return count
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        else:  # groups, which no message of ours has
            return count


@cache
def _messages_of(kind: Descriptor) -> dict[int, Descriptor]:
    """Returns the fields of a message that are messages themselves, by number."""
    return {
        field.number: field.message_type
        for field in kind.fields
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None
    }


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns a number and where it ends; a negative place where it does not."""
    value = shift = 0
    for byte in data[position : position + 10]:
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
    return 0, -1
