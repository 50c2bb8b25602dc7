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


class TransactionUndoneError(Exception):
    """Nothing of the transaction is stored, through no fault of the call: the same again may well succeed.

    Attributes:
        reason: one word for metrics: ``deadlock``, ``lost_connection`` ...
        at_once: whether it is worth trying without a wait.
    """

    def __init__(self, problem: str, *, reason: str, at_once: bool = False) -> None:
        super().__init__(problem)
        self.reason = reason
        self.at_once = at_once


class Session(Protocol):
    """One transaction."""

    # What a query ends with whose rows this transaction is about to change, so that nobody else changes them meanwhile.
    for_update: str
    # Whether a recursive query may have a LIMIT that ends it.
    limits_recursion: bool

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

    def queue_up(self) -> None:
        """Waits until no other transaction that queued up is under way, for what no unique key guards."""
        ...


class Database(Protocol):
    """A metadata database of schema version 10."""

    def prepare(self) -> None:
        """Makes the tables where they are missing and checks them where they are there; before that, nothing works.

        Raises:
            DatabaseOpenError: it is not a metadata database of version 10.
            TransactionUndoneError: it cannot be reached now.
        """
        ...

    def ping(self) -> None:
        """Raises TransactionUndoneError or StoreError unless the database answers."""
        ...

    def read(self, *, snapshot: bool = True) -> AbstractContextManager[Session]:
        """A transaction that writes nothing and sees one state of the database throughout.

        Without ``snapshot`` each query sees the state of its own moment, which costs less: enough for one query.
        """
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
