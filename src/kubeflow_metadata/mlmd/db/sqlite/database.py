"""SQLite: one writer at a time, readers beside it, every commit on disk before it is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import Description, TransactionUndoneError, Trouble, WriteWatch
from kubeflow_metadata.mlmd.db.pool import Pool
from kubeflow_metadata.mlmd.db.sqlite import creation, driver, failures
from kubeflow_metadata.mlmd.db.sqlite.file import DatabaseFile
from kubeflow_metadata.mlmd.db.sqlite.session import SqliteSession
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import DamagedDatabaseError


class SqliteDatabase:
    """A metadata database in one file.

    Write-ahead logging lets readers go on while a transaction is written; ``synchronous=FULL`` puts each commit on
    disk before the call is answered, so that neither ``kill -9`` nor a power cut takes an acknowledged write. Once a
    page turns out to be damaged, nothing is written any more, and what can be read is read.
    """

    def __init__(self, settings: SqliteSettings) -> None:
        """Opens nothing yet."""
        self._settings = settings
        self._file = DatabaseFile(settings.path)
        self._pool = Pool(self._open)
        self._damage = ""
        self._writing = threading.Lock()
        self._prepared = False
        self._writes = WriteWatch(self.explain)

    def prepare(self) -> None:
        path = self._settings.path
        try:
            with closing(driver.connect(path, driver.OPEN_TIMEOUT_SECONDS)) as connection:
                creation.prepare(connection, f"The database {path}")
                self._file.remember(has_log=driver.writes_ahead(connection))
        except driver.Error as error:
            raise failures.cannot_open(path, error) from error
        self._prepared = True

    def ping(self) -> None:
        if self._prepared:
            self._file.check(in_use=False)
            self._refuse_if_damaged()
        with self.read(snapshot=False) as session:
            session.fetch("SELECT schema_version FROM MLMDEnv")
            self._file.check()

    def describe(self) -> Description:
        return Description("sqlite", driver.VERSION, str(self._settings.path))

    def explain(self, error: Exception) -> Trouble:
        return failures.explain(error)

    def refuses_writes(self) -> Trouble | None:
        return self._writes.trouble

    @contextmanager
    def read(self, *, snapshot: bool = True) -> Iterator[SqliteSession]:
        with self._plain_errors(), self._ready().connection() as pooled:
            if not snapshot:
                yield SqliteSession(pooled.connection)
                return
            with driver.transaction(pooled.connection, "BEGIN"):
                yield SqliteSession(pooled.connection)

    @contextmanager
    def write(self) -> Iterator[SqliteSession]:
        # One lock in this process queues its writers fairly; SQLite's own lock, which polls, is for other processes.
        with (
            self._writes.watched(),
            self._plain_errors(),
            deadlines.turn(self._writing),
            self._ready().connection() as pooled,
        ):
            self._refuse_if_damaged()
            with driver.transaction(pooled.connection, "BEGIN IMMEDIATE", before_commit=self._file.check):
                yield SqliteSession(pooled.connection)
            # What was committed to a file that has gone meanwhile must not be acknowledged.
            self._file.check(in_use=False)

    def close(self) -> None:
        self._pool.close()

    def _ready(self) -> Pool[_Pooled]:
        if not self._prepared:
            raise TransactionUndoneError(f"Database {self._settings.name} is not ready yet.", reason="not_ready")
        self._file.refuse_if_lost()
        return self._pool

    def _open(self) -> _Pooled:
        connection = driver.connect(self._settings.path, create=False)
        try:
            self._file.check(in_use=False)
        except BaseException:
            connection.close()
            raise
        return _Pooled(connection)

    def _refuse_if_damaged(self) -> None:
        if self._damage:
            raise DamagedDatabaseError(self._damage)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turns the driver's errors into what a client can act on."""
        try:
            yield
        except driver.Error as error:
            meaning = failures.meaning(self._settings.path, error)
            if isinstance(meaning, DamagedDatabaseError):
                self._damage = str(meaning)
            raise meaning from error


class _Pooled:
    """A connection of the pool; it outlives every error, because there is no server to lose."""

    broken = False
    lost = False

    def __init__(self, connection: driver.Connection) -> None:
        self.connection = connection
        self.interrupt = connection.interrupt
        self.close = connection.close

    def recover(self, _: BaseException) -> None:
        """Does nothing: ``transaction`` has rolled back."""
