"""A metadata database in MySQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import Description, TransactionUndoneError, Trouble, WriteWatch
from kubeflow_metadata.mlmd.db.mysql import creation, driver, failures, reasons
from kubeflow_metadata.mlmd.db.mysql.connection import MySqlConnection, connect
from kubeflow_metadata.mlmd.db.mysql.session import MySqlSession
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.mlmd.db.pool import Pool
from kubeflow_metadata.mlmd.errors import DamagedDatabaseError

# How long a statement waits for a lock before its transaction is undone and tried again.
_LOCK_WAIT_SECONDS = 10

_PING_TIMEOUT_SECONDS = 3


class MySqlDatabase:
    """Connects on demand; ``prepare`` must have succeeded before anything is read or written.

    Writers see what is committed at each of their statements (READ COMMITTED) and lock what they are about to change;
    readers that ask for it see one state (a consistent snapshot). Once a call finds a damaged table, ``ping`` fails.
    """

    def __init__(self, settings: MySqlSettings) -> None:
        """Opens nothing yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._pools: tuple[Pool[MySqlConnection], Pool[MySqlConnection]] | None = None
        self._closed = False
        self._damage = ""
        self._version = ""
        self._writes = WriteWatch(self.explain)

    def prepare(self) -> None:
        prepared = creation.prepare(self._settings)
        self._version = prepared.version
        set_up = [
            # The driver must not follow the next statement: it goes on in UTF-8, whatever the server is told.
            "SET SESSION session_track_system_variables = ''",
            # A connection that names the official server's encoding reads and writes what that one would.
            f"SET NAMES {prepared.encoding.value}",
            f"SET SESSION innodb_lock_wait_timeout = {_LOCK_WAIT_SECONDS}",
        ]
        level = "SET SESSION TRANSACTION ISOLATION LEVEL "
        reading = [*set_up, f"{level}REPEATABLE READ"]
        writing = [*set_up, f"{level}READ COMMITTED", "SET SESSION autocommit = 0"]
        with self._lock:
            if self._pools is None and not self._closed:
                self._pools = (self._pool(reading, prepared.path_order), self._pool(writing, prepared.path_order))

    def ping(self) -> None:
        self._ready()
        if self._damage:
            raise DamagedDatabaseError(self._damage)
        try:
            connection = driver.connect(self._settings, database=self._settings.database, timeout=_PING_TIMEOUT_SECONDS)
        except driver.OpenError as error:
            raise failures.cannot_open(error, self._settings.name) from error
        try:
            driver.run(connection, "SELECT schema_version FROM MLMDEnv")
        except driver.Error as error:
            raise failures.meaning(error, self._settings.name) from error
        finally:
            driver.close(connection)

    def describe(self) -> Description:
        kind = "mariadb" if "MariaDB" in self._version else "mysql"
        # Before some versions of MariaDB stands one of MySQL, for old clients.
        return Description(kind, self._version.removeprefix("5.5.5-"), self._settings.address)

    def explain(self, error: Exception) -> Trouble:
        files = (self._settings.user_file, self._settings.password_file)
        return reasons.explain(error, [str(file) for file in files if file])

    def refuses_writes(self) -> Trouble | None:
        return self._writes.trouble

    @contextmanager
    def read(self, *, snapshot: bool = True) -> Iterator[MySqlSession]:
        readers, _ = self._ready()
        with self._noting_damage(), readers.connection() as connection:
            session = MySqlSession(connection)
            if snapshot:
                session.fetch("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield session
            if snapshot:
                session.fetch("COMMIT")

    @contextmanager
    def write(self) -> Iterator[MySqlSession]:
        _, writers = self._ready()
        with self._noting_damage(), self._writes.watched(), writers.connection() as connection:
            yield MySqlSession(connection)
            deadlines.check()
            self._commit(connection)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pools = self._pools or ()
        for pool in pools:
            pool.close()

    @contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except DamagedDatabaseError as error:
            self._damage = str(error)
            raise

    def _ready(self) -> tuple[Pool[MySqlConnection], Pool[MySqlConnection]]:
        if self._pools is None:
            raise TransactionUndoneError(f"Database {self._settings.name} is not ready yet.", reason="not_ready")
        return self._pools

    def _pool(self, set_up: Sequence[str], path_order: str) -> Pool[MySqlConnection]:
        return Pool(lambda: connect(self._settings, set_up, path_order=path_order))

    def _commit(self, connection: MySqlConnection) -> None:
        try:
            connection.driven.commit()
        except driver.Error as error:
            if failures.is_lost(driver.error_number(error)):
                raise failures.unknown_commit(self._settings.name) from error
            # An answer: the server has rolled the transaction back (deadlock, certification failure, no room).
            raise failures.meaning(error, self._settings.name) from error
