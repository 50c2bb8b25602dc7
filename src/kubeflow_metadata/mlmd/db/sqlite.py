"""SQLite: one writer at a time, readers beside it, every commit on disk before it is answered."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import resources
from pathlib import Path

from kubeflow_metadata.mlmd.db import deadlines, schema
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, Row, SqlValue, TransactionUndoneError, batches
from kubeflow_metadata.mlmd.errors import (
    DatabaseOpenError,
    DataLossError,
    DeadlineExceededError,
    ResourceExhaustedError,
    StoreError,
    UnavailableError,
)

# How long a transaction waits for a writer in another process before it is undone, to be tried again.
BUSY_TIMEOUT_SECONDS = 30.0


# The version's own indexes have none that gives the nodes of a type in the order of their ids, as their pages need
# them, nor the contexts of a node. These are ours; the official library neither needs nor minds them.
_OWN_INDEXES = tuple(
    f"CREATE INDEX IF NOT EXISTS idx_{table.lower()}_{column} ON {table} ({column})"
    for table, column in (
        ("Artifact", "type_id"),
        ("Execution", "type_id"),
        ("Context", "type_id"),
        ("Attribution", "artifact_id"),
        ("Association", "execution_id"),
    )
)


# Each row that SQLite comes to gives up the interpreter's lock. Threads that read at the same time would hand it to
# each other row by row, which takes several times as long as reading one after the other: so they take turns. This is
# how many seconds a thread waits for its turn, so that none waits long behind a query that takes long.
_TURN_SECONDS = 0.02
_turn = threading.Lock()


class SqliteSession:
    """A transaction on one connection."""

    for_update = ""  # a transaction that writes is the only one
    limits_recursion = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def fetch(self, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        deadlines.check()
        cursor = self._connection.execute(sql, params)
        ours = _turn.acquire(timeout=_TURN_SECONDS)
        try:
            return cursor.fetchall()
        finally:
            if ours:
                _turn.release()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        ids: list[int] = []
        one_row = f"({', '.join('?' * len(columns))})"
        for batch in batches(rows, len(columns)):
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([one_row] * len(batch))} RETURNING id"
            with _unique_keys():
                returned = self._connection.execute(sql, [value for row in batch for value in row]).fetchall()
            # AUTOINCREMENT ids grow with the order of VALUES; that of RETURNING is not promised.
            ids.extend(sorted(row[0] for row in returned))
        return ids

    def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, keep_existing: bool = False
    ) -> None:
        verb = "INSERT OR IGNORE" if keep_existing else "INSERT"
        sql = f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with _unique_keys():
            self._connection.executemany(sql, rows)

    def update_rows(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        assignments = ", ".join(f"{column} = ?" for column in columns)
        with _unique_keys():
            self._connection.executemany(f"UPDATE {table} SET {assignments} WHERE id = ?", rows)

    def delete_rows(self, table: str, key: Sequence[str], rows: Sequence[Row]) -> None:
        condition = " AND ".join(f"{column} = ?" for column in key)
        self._connection.executemany(f"DELETE FROM {table} WHERE {condition}", rows)

    def queue_up(self) -> None:
        """Nothing to do: writers already wait for each other."""


class SqliteDatabase:
    """A metadata database in one file.

    Write-ahead logging lets readers go on while a transaction is written; ``synchronous=FULL`` puts each commit on
    disk before the call is answered, so that neither ``kill -9`` nor a power cut takes an acknowledged write.
    """

    def __init__(self, path: Path) -> None:
        """Opens the database, creating the file and its tables where they are missing.

        Raises:
            DatabaseOpenError: it cannot be opened or is not a metadata database of version 10.
        """
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        try:
            with closing(self._connect()) as connection:
                _prepare(connection, f"The database {path}")
        except sqlite3.Error as error:
            raise DatabaseOpenError(_why_not_open(path, error)) from error

    def prepare(self) -> None:
        """Nothing to do: opening has made the tables."""

    def ping(self) -> None:
        with self.read(snapshot=False) as session:
            session.fetch("SELECT schema_version FROM MLMDEnv")

    @contextmanager
    def read(self, *, snapshot: bool = True) -> Iterator[SqliteSession]:
        with _said_plainly(), self._connection() as connection, _interrupted_at_deadline(connection):
            if not snapshot:
                yield SqliteSession(connection)
                return
            with _transaction(connection, "BEGIN"):
                yield SqliteSession(connection)

    @contextmanager
    def write(self) -> Iterator[SqliteSession]:
        # One lock in this process queues its writers fairly; SQLite's own lock, which polls, is for other processes.
        with (
            _said_plainly(),
            self._writing,
            self._connection() as connection,
            _interrupted_at_deadline(connection),
            _transaction(connection, "BEGIN IMMEDIATE"),
        ):
            yield SqliteSession(connection)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def refuse_value(self, value: float) -> str | None:
        return "SQLite stores NaN as NULL" if math.isnan(value) else None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous=FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise UnavailableError("The server is shutting down.")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _interrupted_at_deadline(connection: sqlite3.Connection) -> AbstractContextManager[None]:
    return deadlines.interrupted_at_deadline(connection.interrupt)


@contextmanager
def _unique_keys() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DuplicateKeyError(str(error)) from error


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Turns the database's own errors into what a client can act on."""
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(error) from error


def _store_error(error: sqlite3.Error) -> StoreError | TransactionUndoneError:
    text = str(error)
    if "interrupted" in text:
        return DeadlineExceededError("The deadline of the call passed while the database worked on it.")
    if "decode to UTF-8" in text:
        return DataLossError("A text in the database is not UTF-8, so no client could read it.")
    if "locked" in text:
        return TransactionUndoneError("Another process kept the database locked.", reason="locked")
    if "full" in text:
        return ResourceExhaustedError("The disk of the database is full; nothing was written.")
    if "too big" in text or "too large" in text:
        return ResourceExhaustedError("A value is larger than SQLite can store; nothing was written.")
    return UnavailableError(f"The database cannot be used: {text}")


def _prepare(connection: sqlite3.Connection, where: str) -> None:
    """Makes the tables in an empty database; checks the version of one that has them."""
    connection.execute("PRAGMA journal_mode=WAL")
    with _transaction(connection, "BEGIN IMMEDIATE"):  # a second server that starts now waits here
        session = SqliteSession(connection)
        tables = {row[0] for row in session.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "MLMDEnv" in tables:
            versions = session.fetch("SELECT schema_version FROM MLMDEnv")
            if versions != [(schema.SCHEMA_VERSION,)]:
                raise DatabaseOpenError(_refuse(versions, where))
        elif "Artifact" in tables:
            raise DatabaseOpenError(schema.refuse_version(0, where))
        else:
            _create(session, connection)
        for statement in _OWN_INDEXES:
            connection.execute(statement)


def _refuse(versions: list[Row], where: str) -> str:
    if len(versions) == 1 and isinstance(versions[0][0], int):
        return schema.refuse_version(versions[0][0], where)
    return f"{where} has {len(versions)} schema versions instead of one: it was only half made. Restore a backup."


def _create(session: SqliteSession, connection: sqlite3.Connection) -> None:
    script = resources.files("kubeflow_metadata.mlmd.db").joinpath("sqlite_schema.sql").read_text(encoding="utf-8")
    code = "\n".join(line.partition("--")[0] for line in script.splitlines())
    for statement in code.split(";"):
        connection.execute(statement)  # not executescript(), which would commit first
    session.insert("Type", ("name", "type_kind"), schema.BUILT_IN_TYPES)
    session.insert_rows("MLMDEnv", ("schema_version",), [(schema.SCHEMA_VERSION,)])


def _why_not_open(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return f"{path} is not a SQLite database ({text}). Name another file, or move this one away."
    if "unable to open" in text or "readonly" in text:
        return f"Cannot write the database {path} ({text}). Check that its folder exists and is yours."
    if "locked" in text:
        return f"The database {path} is locked by another program. Stop that one first."
    return f"Cannot open the database {path}: {text}."
