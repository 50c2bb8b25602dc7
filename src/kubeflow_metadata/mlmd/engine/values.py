"""Property values: how a ``Value`` lies in the columns of a property table, and which values are refused.

A struct is kept in ``string_value`` behind a prefix and an ``Any`` as base64 in ``proto_value``, as the
official library keeps them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from google.protobuf.message import DecodeError

from kubeflow_metadata.mlmd.db.dialect import Dialect
from kubeflow_metadata.mlmd.db.values import Row, SqlValue
from kubeflow_metadata.mlmd.errors import InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

COLUMNS = ("int_value", "double_value", "string_value", "proto_value", "bool_value")

_STRUCT_PREFIX = "mlmd-struct::"

# The field of Value that a declared property of each type is given in.
FIELD_OF_TYPE: dict[int, str] = {
    pb.INT: "int_value",
    pb.DOUBLE: "double_value",
    pb.STRING: "string_value",
    pb.STRUCT: "struct_value",
    pb.PROTO: "proto_value",
    pb.BOOLEAN: "bool_value",
}


def to_columns(name: str, value: pb.Value, dialect: Dialect) -> tuple[SqlValue, ...]:
    """Returns the value of property ``name`` as it lies in ``COLUMNS``.

    Raises:
        InvalidArgumentError: the value is empty, or the database could not give it back unchanged.
    """
    field = value.WhichOneof("value")
    if field == "string_value":
        if value.string_value.startswith(_STRUCT_PREFIX):
            raise InvalidArgumentError(f"Property {name}: a string must not start with {_STRUCT_PREFIX!r}.")
        return (None, None, value.string_value, None, None)
    if field == "int_value":
        return (value.int_value, None, None, None, None)
    if field == "double_value":
        if reason := dialect.refuse_double(value.double_value):
            raise InvalidArgumentError(f"Property {name}: {reason}.")
        return (None, value.double_value, None, None, None)
    if field == "bool_value":
        return (None, None, None, None, dialect.booleans[value.bool_value])
    if field == "struct_value":
        encoded = base64.b64encode(value.struct_value.SerializeToString(deterministic=True)).decode()
        return (None, None, _STRUCT_PREFIX + encoded, None, None)
    if field == "proto_value":
        encoded = base64.b64encode(value.proto_value.SerializeToString(deterministic=True)).decode()
        return (None, None, None, encoded, None)
    raise InvalidArgumentError(f"Property {name} has no value.")


def from_columns(row: Row, start: int, value: pb.Value) -> None:
    """Fills ``value`` from what lies in ``COLUMNS``, which begin at ``start`` in a row."""
    cells: tuple[Any, ...] = row
    if (text := cells[start + 2]) is not None:
        if not (text.startswith(_STRUCT_PREFIX) and _read_struct(text, value)):
            value.string_value = text
    elif (integer := cells[start]) is not None:
        value.int_value = integer
    elif (double := cells[start + 1]) is not None:
        value.double_value = double
    elif (boolean := cells[start + 4]) is not None:
        value.bool_value = bool(boolean)
    elif (encoded := cells[start + 3]) is not None:
        value.proto_value.ParseFromString(base64.b64decode(encoded))


def _read_struct(text: str, value: pb.Value) -> bool:
    """Reads a struct; False for a string that somebody else stored and that only begins like one."""
    try:
        value.struct_value.ParseFromString(base64.b64decode(text[len(_STRUCT_PREFIX) :], validate=True))
    except (binascii.Error, DecodeError):
        return False
    return True
