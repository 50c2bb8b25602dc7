"""What statements bind and rows hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

SqlValue: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[SqlValue, ...]

# One statement binds at most this many values. SQLite's limit is 32,766 and that of MySQL's protocol 65,535.
MAX_BOUND_VALUES = 30_000

T = TypeVar("T")


def placeholders(values: Sequence[object]) -> str:
    """Returns ``(?, ?, ?)`` for an IN list of these values."""
    return f"({', '.join('?' * len(values))})"


def batches(values: Iterable[T], width: int = 1) -> Iterator[list[T]]:
    """Cuts values into lists of which one statement can bind all, ``width`` bound values each."""
    size = MAX_BOUND_VALUES // width
    batch: list[T] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
