"""Rows of nodes, and the messages made of them: the innermost loop of every read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.values import Row, SqlValue
from kubeflow_metadata.mlmd.engine import values
from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import AnyKind, N, NodeKind

# How many nodes are made between two looks at the time; one less than a power of two.
_CHECK_EVERY = 255

TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")


@cache
def columns(kind: AnyKind) -> tuple[str, ...]:
    """Returns what a row begins with, named as the message's fields; the id comes first."""
    return ("id", "type_id", "name", "external_id", *kind.own_columns, *TIMES)


def select(kind: AnyKind, chosen: Filter, page: str = "") -> tuple[str, tuple[SqlValue, ...]]:
    """Returns the query for the nodes ``n`` that a filter chooses, in any order, and what it binds.

    A row holds ``columns`` and one property, so that all of a node come in one query; a node without any has one row.

    Args:
        kind: whose nodes.
        chosen: which of them.
        page: which of those, as an ORDER BY and a LIMIT in this package's words alone.
    """
    wanted, properties = _selected(kind)
    where = f" WHERE {chosen.condition}" if chosen.condition else ""
    joined = f"LEFT JOIN {kind.property_table} p ON p.{kind.id_column} = n.id"
    if not chosen.joins and not page:
        return f"SELECT {wanted}, {properties} FROM {kind.table} n {joined}{where}", chosen.params
    distinct = "DISTINCT " if chosen.repeats else ""
    nodes = f"SELECT {distinct}{wanted} FROM {kind.table} n{chosen.joins}{where}{page}"
    return f"SELECT {wanted}, {properties} FROM ({nodes}) n {joined}", (*chosen.join_params, *chosen.params)


@cache
def _selected(kind: AnyKind) -> tuple[str, str]:
    properties = ("name", "is_custom_property", *values.COLUMNS)
    return ", ".join(f"n.{column}" for column in columns(kind)), ", ".join(f"p.{column}" for column in properties)


def messages(
    rows: Iterable[Row],
    kind: NodeKind[N, Any],
    make: Callable[[], N],
    type_name: Callable[[int], str],
    most: int | None = None,
) -> list[N]:
    """Returns one message for each node, in the order of the rows, in which those of a node follow each other.

    Args:
        rows: what a query of ``select`` gave.
        kind: whose nodes.
        make: makes an empty message, or adds one to a response: that saves a copy.
        type_name: the name of the type with an id.
        most: how many nodes; what comes after them is left out.
    """
    # Plain on purpose: a page has some hundred rows, and each of them comes by here.
    names = columns(kind)
    width = len(names)
    from_columns = values.from_columns
    found: list[N] = []
    last: SqlValue = None
    for cells in rows:
        row: tuple[Any, ...] = cells
        if row[0] != last:
            if len(found) == most:
                break
            if not len(found) & _CHECK_EVERY:
                deadlines.check()
            last = row[0]
            message = make()
            for column, cell in zip(names, row, strict=False):
                if cell is not None:
                    setattr(message, column, cell)
            message.type = type_name(row[1])
            properties, custom_properties = message.properties, message.custom_properties
            found.append(message)
        name = row[width]
        if name is not None:
            from_columns(row, width + 2, (custom_properties if row[width + 1] else properties)[name])
    return found
