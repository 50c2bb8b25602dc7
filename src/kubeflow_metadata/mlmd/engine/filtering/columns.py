"""What a query may name: the attributes of each kind of node, of its neighbours, and of properties."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import EnumDescriptor

from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION, LINK_TABLES, AnyKind
from kubeflow_metadata.proto import metadata_store_pb2 as pb


class ValueType(enum.Enum):
    """The types of the language, by the names that its errors give them."""

    INTEGER = "an integer"
    DOUBLE = "a double"
    STRING = "a string"
    BOOLEAN = "a boolean"
    NULL = "NULL"
    # A name that is no attribute: it can only be compared with an attribute that has such names as its values.
    WORD = "a name"

    @property
    def is_number(self) -> bool:
        return self in (ValueType.INTEGER, ValueType.DOUBLE)


@dataclass(frozen=True)
class Column:
    """An attribute: its type, and the names of its values where it has any."""

    type: ValueType
    value_names: EnumDescriptor | None = None


_INTEGER, _STRING = Column(ValueType.INTEGER), Column(ValueType.STRING)

_COMMON = {
    "id": _INTEGER,
    "type_id": _INTEGER,
    "type": _STRING,
    "name": _STRING,
    "external_id": _STRING,
    "create_time_since_epoch": _INTEGER,
    "last_update_time_since_epoch": _INTEGER,
}
ATTRIBUTES: Mapping[AnyKind, Mapping[str, Column]] = {
    ARTIFACT: {
        **_COMMON,
        "uri": _STRING,
        "state": Column(ValueType.INTEGER, pb.Artifact.State.DESCRIPTOR),
    },
    EXECUTION: {**_COMMON, "last_known_state": Column(ValueType.INTEGER, pb.Execution.State.DESCRIPTOR)},
    CONTEXT: _COMMON,
}

PROPERTY_VALUES = {
    "int_value": Column(ValueType.INTEGER),
    "double_value": Column(ValueType.DOUBLE),
    "string_value": Column(ValueType.STRING),
    "bool_value": Column(ValueType.BOOLEAN),
}


@dataclass(frozen=True)
class Neighbour:
    """What can be found next to a node.

    Attributes:
        link: the table that ties it to the node.
        own_column: the link's column with the node's id.
        other_column: the link's column with the neighbour's id; empty if the link itself is the neighbour.
        kind: which kind of node the neighbour is; None if the link itself is the neighbour.
        attributes: what a query may name of it.
    """

    link: str
    own_column: str
    other_column: str = ""
    kind: AnyKind | None = None
    attributes: Mapping[str, Column] = field(default_factory=dict)


def _linked(kind: AnyKind, other: AnyKind) -> Neighbour:
    link = LINK_TABLES[kind if other is CONTEXT else other]
    return Neighbour(link, kind.id_column, other.id_column, other, ATTRIBUTES[other])


def _events(kind: AnyKind, other: AnyKind) -> Neighbour:
    attributes = {
        "type": Column(ValueType.INTEGER, pb.Event.Type.DESCRIPTOR),
        "milliseconds_since_epoch": _INTEGER,
        other.id_column: _INTEGER,
    }
    return Neighbour("Event", kind.id_column, attributes=attributes)


NEIGHBOURS: Mapping[AnyKind, Mapping[str, Neighbour]] = {
    ARTIFACT: {"contexts": _linked(ARTIFACT, CONTEXT), "events": _events(ARTIFACT, EXECUTION)},
    EXECUTION: {"contexts": _linked(EXECUTION, CONTEXT), "events": _events(EXECUTION, ARTIFACT)},
    CONTEXT: {
        "parent_contexts": Neighbour("ParentContext", "context_id", "parent_context_id", CONTEXT, ATTRIBUTES[CONTEXT]),
        "child_contexts": Neighbour("ParentContext", "parent_context_id", "context_id", CONTEXT, ATTRIBUTES[CONTEXT]),
        "artifacts": _linked(CONTEXT, ARTIFACT),
        "executions": _linked(CONTEXT, EXECUTION),
    },
}
