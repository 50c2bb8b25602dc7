"""The tables of schema version 10, and ours, as every database has them.

Tables, columns and names of indexes are those that the official library (``ml-metadata`` 1.11 to 1.17) looks for, so
that either server can work on the other's database. Each database's package makes its DDL of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ColumnType(enum.Enum):
    """What a column holds; each database has its own word for it."""

    ID = enum.auto()  # the table's own, given by the database, never given again
    REFERENCE = enum.auto()  # another table's id
    INTEGER = enum.auto()  # 64 bits
    ENUM = enum.auto()  # the number of an enum's value
    VERSION = enum.auto()
    KIND = enum.auto()  # the number of a kind of type
    FLAG = enum.auto()  # a boolean that is no value of a user's
    BOOLEAN = enum.auto()
    DOUBLE = enum.auto()
    KEY = enum.auto()  # up to 64 characters
    NAME = enum.auto()  # up to 255 characters
    TEXT = enum.auto()
    LONG_TEXT = enum.auto()
    BYTES = enum.auto()


@dataclass(frozen=True)
class Column:
    """A column."""

    name: str
    type: ColumnType
    required: bool = False
    default: int | None = None


@dataclass(frozen=True)
class Index:
    """An index.

    Attributes:
        unique: no two rows have the same values in it.
        sparse: rows that have nothing in the last column are never looked for in it.
        ours: the version lacks it.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    sparse: bool = False
    ours: bool = False


@dataclass(frozen=True)
class Table:
    """A table; its primary key is its column of type ID where ``key`` is empty and it has one."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()


def _id() -> Column:
    return Column("id", ColumnType.ID, required=True)


def _reference(name: str) -> Column:
    return Column(name, ColumnType.REFERENCE, required=True)


_EXTERNAL_ID = Column("external_id", ColumnType.NAME)


def _node(name: str, *own: Column, name_required: bool = False, uri_index: bool = False) -> Table:
    prefix = f"idx_{name.lower()}"
    times = ("create_time_since_epoch", "last_update_time_since_epoch")  # milliseconds
    return Table(
        name,
        (
            _id(),
            _reference("type_id"),
            *own,
            Column("name", ColumnType.NAME, required=name_required),
            _EXTERNAL_ID,
            *(Column(time, ColumnType.INTEGER, required=True, default=0) for time in times),
        ),
        indexes=(
            Index(f"Unique{name}TypeName", ("type_id", "name"), unique=True),
            *([Index(f"{prefix}_uri", ("uri",))] if uri_index else []),
            Index(f"{prefix}_external_id", ("external_id",), unique=True),
            # The nodes of a type in the order of their ids, as their pages need them.
            Index(f"{prefix}_type_id", ("type_id",), ours=True),
            *(Index(f"{prefix}_{time}", (time,)) for time in times),
        ),
    )


def _properties(of: str) -> Table:
    own_id = f"{of.lower()}_id"
    return Table(
        f"{of}Property",
        (
            _reference(own_id),
            Column("name", ColumnType.NAME, required=True),
            Column("is_custom_property", ColumnType.FLAG, required=True),
            Column("int_value", ColumnType.INTEGER),
            Column("double_value", ColumnType.DOUBLE),
            Column("string_value", ColumnType.LONG_TEXT),
            Column("byte_value", ColumnType.BYTES),
            Column("proto_value", ColumnType.BYTES),
            Column("bool_value", ColumnType.BOOLEAN),
        ),
        key=(own_id, "name", "is_custom_property"),
        indexes=tuple(
            Index(f"idx_{of.lower()}_property_{kind}", ("name", "is_custom_property", f"{kind}_value"), sparse=True)
            for kind in ("int", "double", "string")
        ),
    )


def _link(name: str, node: str) -> Table:
    node_id = f"{node}_id"
    return Table(
        name,
        (_id(), _reference("context_id"), _reference(node_id)),
        indexes=(
            Index(f"Unique{name}", ("context_id", node_id), unique=True),
            # The contexts of a node.
            Index(f"idx_{name.lower()}_{node_id}", (node_id,), ours=True),
        ),
    )


# The tables of version 10, in the order in which they are made: its number comes last.
TABLES = (
    Table(
        "Type",
        (
            _id(),
            Column("name", ColumnType.NAME, required=True),
            Column("version", ColumnType.NAME),
            Column("type_kind", ColumnType.KIND, required=True),  # see ``schema``
            Column("description", ColumnType.TEXT),
            Column("input_type", ColumnType.TEXT),  # execution types only: JSON of ArtifactStructType
            Column("output_type", ColumnType.TEXT),
            _EXTERNAL_ID,
        ),
        indexes=(
            Index("idx_type_name", ("name",)),
            Index("idx_type_external_id", ("external_id",), unique=True),
        ),
    ),
    Table(
        "TypeProperty",
        (
            _reference("type_id"),
            Column("name", ColumnType.NAME, required=True),
            Column("data_type", ColumnType.ENUM),  # PropertyType
        ),
        key=("type_id", "name"),
    ),
    Table(
        "ParentType",
        (_reference("type_id"), _reference("parent_type_id")),  # the built-in type that base_type names
        key=("type_id", "parent_type_id"),
    ),
    _node("Artifact", Column("uri", ColumnType.TEXT), Column("state", ColumnType.ENUM), uri_index=True),
    _properties("Artifact"),
    _node("Execution", Column("last_known_state", ColumnType.ENUM)),
    _properties("Execution"),
    _node("Context", name_required=True),
    _properties("Context"),
    Table(
        "ParentContext",
        (_reference("context_id"), _reference("parent_context_id")),
        key=("context_id", "parent_context_id"),
        indexes=(Index("idx_parentcontext_parent_context_id", ("parent_context_id",)),),
    ),
    Table(
        "Event",
        (
            _id(),
            _reference("artifact_id"),
            _reference("execution_id"),
            Column("type", ColumnType.ENUM, required=True),
            Column("milliseconds_since_epoch", ColumnType.INTEGER),
        ),
        indexes=(
            Index("UniqueEvent", ("artifact_id", "execution_id", "type"), unique=True),
            Index("idx_event_execution_id", ("execution_id",)),
        ),
    ),
    Table(
        "EventPath",  # the version has no primary key here
        (
            _reference("event_id"),
            Column("is_index_step", ColumnType.FLAG, required=True),
            Column("step_index", ColumnType.INTEGER),
            Column("step_key", ColumnType.TEXT),
        ),
        indexes=(Index("idx_eventpath_event_id", ("event_id",)),),
    ),
    _link("Association", "execution"),
    _link("Attribution", "artifact"),
    Table("MLMDEnv", (Column("schema_version", ColumnType.VERSION, required=True),), key=("schema_version",)),
)

# Ours, which the official server never looks at: what is true of the whole store, by name.
STORE = Table(
    "kfm_store",
    (Column("name", ColumnType.KEY, required=True), Column("value", ColumnType.NAME, required=True)),
    key=("name",),
)
# Its entry that says how text lies in the other tables, and the value for text as it is.
TEXT_ENCODING = "text_encoding"
# Its entry that transactions change which must come one after the other; what it says means nothing.
QUEUE = "queue"
