"""Which fields ``/api/v1alpha1`` knows.

The messages have grown since that API was published (names, states, times, more kinds of value). Its bodies have
not: a newer field is neither written nor read, as if it were unknown. Messages that are not listed have not grown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

_FIELDS: dict[str, Sequence[str]] = {
    "ml_metadata.Value": ("int_value", "double_value", "string_value"),
    "ml_metadata.Artifact": ("id", "type_id", "uri", "properties", "custom_properties"),
    "ml_metadata.Execution": ("id", "type_id", "last_known_state", "properties", "custom_properties"),
    "ml_metadata.ArtifactType": ("id", "name", "properties"),
    "ml_metadata.ExecutionType": ("id", "name", "properties", "input_type", "output_type"),
    "ml_metadata.Event": ("artifact_id", "execution_id", "path", "type", "milliseconds_since_epoch"),
}


def fields_of(message: Descriptor) -> list[FieldDescriptor]:
    """Returns the message's fields in v1alpha1, in the order in which they are written."""
    known = _FIELDS.get(message.full_name)
    fields = [field for field in message.fields if known is None or field.name in known]
    return sorted(fields, key=lambda field: field.number)


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


# The stubs leave open what the field's type, once looked at, settles.


def descriptor_of(message: Message | type[Message]) -> Descriptor:
    return cast("Descriptor", message.DESCRIPTOR)


def message_of(field: FieldDescriptor) -> Descriptor:
    return cast("Descriptor", field.message_type)


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    return cast("EnumDescriptor", field.enum_type)
