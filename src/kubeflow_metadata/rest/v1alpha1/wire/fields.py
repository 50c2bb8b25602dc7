"""Which fields ``/api/v1alpha1`` knows: all that a store keeps, those of 2019 first.

The messages have grown since that API was published (names, states, times, more kinds of value). What has come since is
an addition, which the clients of that time ignore; by its number it comes after what they know.
"""

from __future__ import annotations

from functools import cache
from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

# No store keeps it.
_NOT_STORED = "system_metadata"


@cache
def fields_of(message: Descriptor) -> list[FieldDescriptor]:
    """Returns the message's fields in v1alpha1, in the order in which they are written."""
    fields = [field for field in message.fields if field.name != _NOT_STORED]
    return sorted(fields, key=lambda field: field.number)


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_struct(message: Descriptor) -> bool:
    """Returns whether the message stands for a JSON object."""
    return message.full_name == "google.protobuf.Struct"


# The stubs leave open what the field's type, once looked at, settles.


def descriptor_of(message: Message | type[Message]) -> Descriptor:
    return cast("Descriptor", message.DESCRIPTOR)


def message_of(field: FieldDescriptor) -> Descriptor:
    return cast("Descriptor", field.message_type)


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    return cast("EnumDescriptor", field.enum_type)
