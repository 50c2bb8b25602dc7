"""What the engine asks of a database, whichever it is.

SQL is written once, in the part of the language that the databases share, with ``?`` for a bound value. Where they
differ in a word, ``Dialect`` has it; where they differ in how something is done (new ids, rows in bulk, errors), a
method here does, so that no statement is put together from a request and the number of statements of a call does not
grow with the number of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from kubeflow_metadata.mlmd.db.dialect import Dialect
from kubeflow_metadata.mlmd.db.values import Row, SqlValue
from kubeflow_metadata.mlmd.errors import Reason, StoreError


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


@dataclass(frozen=True)
class Trouble:
    """Why a database cannot be used.

    Attributes:
        reason: one of a fixed list.
        error: the database's own words, or the driver's; no secret is in them.
    """

    reason: Reason
    error: str


@dataclass(frozen=True)
class Description:
    """What a database is.

    Attributes:
        kind: ``mysql``, ``mariadb`` or ``sqlite``.
        version: of its software, as that reports it; empty before it was reached.
        address: where it is; no secret is in it.
    """

    kind: str
    version: str
    address: str


class WriteWatch:
    """What the last writes tell of a database that may still be read: it is full, or read-only."""

    def __init__(self, explain: Callable[[Exception], Trouble]) -> None:
        """Knows nothing yet; ``explain`` returns why a write failed."""
        self._explain = explain
        self.trouble: Trouble | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches a transaction that writes."""
        try:
            yield
        except (TransactionUndoneError, StoreError) as error:
            trouble = self._explain(error)
            if trouble.reason in {Reason.FULL, Reason.READ_ONLY}:
                self.trouble = trouble
            raise
        self.trouble = None


class Session(Protocol):
    """One transaction."""

    @property
    def dialect(self) -> Dialect:
        """The words of this database."""
        ...

    def fetch(self, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        """Returns all rows of a query."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Inserts rows into a table with an ``id`` column; returns the new ids in the order of the rows.

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
        """Opens the database, makes the tables where they are missing and checks them where they are there.

        Before it has succeeded, whatever reads or writes is undone as not ready.

        Raises:
            DatabaseOpenError: it is not a metadata database of version 10.
            TransactionUndoneError: it cannot be reached now.
        """
        ...

    def ping(self) -> None:
        """Raises TransactionUndoneError or StoreError unless the database answers."""
        ...

    def describe(self) -> Description:
        """Returns what this database is, as far as it is known."""
        ...

    def explain(self, error: Exception) -> Trouble:
        """Returns why the database cannot be used, from what ``prepare`` or ``ping`` raised."""
        ...

    def refuses_writes(self) -> Trouble | None:
        """Returns why the last write was refused, if that is so for every write; None since one has succeeded."""
        ...

    def read(self, *, snapshot: bool = True) -> AbstractContextManager[Session]:
        """Begins a transaction that writes nothing and sees one state of the database throughout.

        Without ``snapshot`` each query sees the state of its own moment, which costs less: enough for one query.
        """
        ...

    def write(self) -> AbstractContextManager[Session]:
        """Begins a transaction that is committed, durably, when the block ends, and undone when it raises."""
        ...

    def close(self) -> None:
        """Closes every connection; calls that still run fail."""
        ...


class DatabaseSettings(Protocol):
    """Where a database is, and how to get into it: all that the server needs to know of its kind."""

    @property
    def name(self) -> str:
        """What messages call the database; no secret is in it."""
        ...

    @property
    def default_workers(self) -> int:
        """How many processes answer calls unless a flag says so."""
        ...

    def open(self) -> Database:
        """Returns the database; nothing is read or connected before its ``prepare``.

        Raises:
            DatabaseOpenError: no driver for it is installed.
        """
        ...
