"""What the engine asks of a database, whichever it is.

SQL is written once, in the part of the language that the databases share, with ``?`` for a bound value. What they
do differently (new ids, rows in bulk, errors) is a method here, so that no statement is put together from a
request and the number of statements of a call does not grow with the number of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias, TypeVar

SqlValue: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[SqlValue, ...]

# One statement binds at most this many values. SQLite's limit is 32,766 and that of MySQL's protocol 65,535.
MAX_BOUND_VALUES = 30_000

T = TypeVar("T")


class DuplicateKeyError(Exception):
    """A row would break a unique key."""


class Session(Protocol):
    """One transaction."""

    def fetch(self, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        """Returns all rows of a query."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Inserts rows into a table with an ``id`` of its own; returns the new ids in the order of the rows.

        Raises:
            DuplicateKeyError: a row breaks a unique key.
        """
        ...

    def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, keep_existing: bool = False
    ) -> None:
        """Inserts rows; with ``keep_existing`` a row that is there already stays as it is.

        Raises:
            DuplicateKeyError: a row breaks a unique key, and ``keep_existing`` is off.
        """
        ...

    def update_rows(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Sets ``columns`` of the rows whose ``id`` is the last value of each of ``rows``.

        Raises:
            DuplicateKeyError: a row breaks a unique key.
        """
        ...

    def delete_rows(self, table: str, key: Sequence[str], rows: Sequence[Row]) -> None:
        """Deletes the rows whose ``key`` columns equal one of ``rows``."""
        ...


class Database(Protocol):
    """A metadata database of schema version 10."""

    def read(self) -> AbstractContextManager[Session]:
        """A transaction that sees one state of the database throughout and writes nothing."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """A transaction that is committed, durably, when the block ends, and undone when it raises."""
        ...

    def close(self) -> None:
        """Closes every connection; calls that still run fail."""
        ...

    def refuse_value(self, value: float) -> str | None:
        """Says why this database could not give a double back unchanged; None if it can."""
        ...


def placeholders(values: Sequence[object]) -> str:
    """``(?, ?, ?)`` for an IN list of these values."""
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
