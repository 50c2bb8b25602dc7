"""Making the tables, and taking over databases that the official server made.

MySQL commits every CREATE TABLE by itself, so creation can end anywhere: a process is killed, two start at once. Three
rules keep every such database whole, without a lock:

- Our own table ``kfm_store`` comes first and says how text is encoded. A database that has tables of the version but
  not this one was made by somebody else. Its former name is changed before anything is read.
- Each statement finds its table there or makes it.
- The version's number comes last, in one transaction with the built-in types; its primary key lets one process win.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.mlmd.db import schema
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError
from kubeflow_metadata.mlmd.db.mysql import ddl, driver, failures
from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities
from kubeflow_metadata.mlmd.db.mysql.connection import SQL_MODE
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.mlmd.db.schema import TextEncoding
from kubeflow_metadata.mlmd.db.tables import STORE, TABLES, TEXT_ENCODING
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, Reason

_UNKNOWN_DATABASE = 1049
_DENIED = {1044, 1142, 1143, 1370, 1227}
_NO_SUCH_TABLE, _TABLE_EXISTS = 1146, 1050
_SYNTAX_ERROR = 1064

# What ``kfm_store`` was called before.
_FORMER_STORE = "KfmStore"

# The columns of each of the version's tables.
_COLUMNS = {table.name: {column.name for column in table.columns} for table in TABLES}


@dataclass(frozen=True)
class Prepared:
    """A database that is ready.

    Attributes:
        encoding: how text lies in its tables.
        path_order: the column that keeps the order of ``EventPath``; empty if it has none.
        version: of the server, as it reports it.
    """

    encoding: TextEncoding
    path_order: str
    version: str


@dataclass(frozen=True)
class _Found:
    """A database as it was found."""

    columns: dict[str, set[str]]  # of the version's tables, by table
    versions: list[int] | None  # None where MLMDEnv is missing


def prepare(settings: MySqlSettings) -> Prepared:
    """Makes what is missing of the tables.

    Raises:
        DatabaseOpenError: the database is of another version, is not to be repaired, or this user must not.
        TransactionUndoneError: the database cannot be reached or used now.
    """
    try:
        with _connection(settings) as connection:
            return _prepare(_Creator(connection, settings.name))
    except driver.Error as error:
        if driver.error_number(error) in _DENIED:
            user = settings.current_user()
            raise DatabaseOpenError(
                f"Permission denied: user {user!r} cannot create or read tables of {settings.name}: {error.args[1]}. "
                f"As an administrator, run: GRANT ALL ON `{settings.database}`.* TO '{user}'@'%';"
            ) from error
        raise failures.meaning(error, settings.name) from error


@contextmanager
def _connection(settings: MySqlSettings) -> Iterator[driver.Connection]:
    try:
        connection = _connect(settings)
    except driver.OpenError as error:
        raise failures.cannot_open(error, settings.name) from error
    try:
        yield connection
    finally:
        driver.close(connection)


def _connect(settings: MySqlSettings) -> driver.Connection:
    try:
        return driver.connect(settings, database=settings.database)
    except driver.Error as error:
        if driver.error_number(error) != _UNKNOWN_DATABASE or not settings.create_database:
            raise
        missing = error
    connection = driver.connect(settings, database=None)
    try:
        with connection.cursor() as cursor:
            name = settings.database.replace("`", "``")
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")
    except driver.Error as error:
        # To be told that it is missing helps more than that this user may not create it.
        raise missing if driver.error_number(error) in _DENIED else error from error
    finally:
        driver.close(connection)
    return driver.connect(settings, database=settings.database)


def _prepare(creator: _Creator) -> Prepared:
    creator.refuse_old_servers()
    creator.rename_store()
    found = creator.look()
    # Read after the tables were listed: whoever sees a table of ours also sees what was recorded before it was made.
    encoding = creator.recorded_encoding()
    if encoding is None and found.columns:
        _refuse_unless_version_10(found, creator)
        encoding = creator.record_encoding(TextEncoding.DOUBLE)
    elif encoding is None:
        encoding = creator.record_encoding(TextEncoding.UTF8)
    elif found.versions:
        _refuse_other_versions(found.versions, creator.name)
    if not found.versions:
        creator.make_tables()
    creator.complete()
    return Prepared(encoding, ddl.ROW_ID if creator.has_row_id() else "", creator.version)


def _refuse_unless_version_10(found: _Found, creator: _Creator) -> None:
    if found.versions:
        _refuse_other_versions(found.versions, creator.name)
        return
    differing = [table for table, columns in found.columns.items() if columns - {ddl.ROW_ID} != _COLUMNS[table]]
    if differing and found.versions is None:
        raise DatabaseOpenError(schema.refuse_version(0, f"Database {creator.name}"), Reason.SCHEMA_VERSION)
    if differing:
        raise DatabaseOpenError(
            f"Database {creator.name} has no schema version and its tables are not all of version "
            f"{schema.SCHEMA_VERSION} ({', '.join(sorted(differing))} differ): an upgrade by the official server was "
            "interrupted. Restore a backup from before the upgrade.",
            Reason.SCHEMA_VERSION,
        )


def _refuse_other_versions(versions: list[int], name: str) -> None:
    where = f"Database {name}"
    if len(versions) > 1:
        raise DatabaseOpenError(
            f"{where} has {len(versions)} schema versions ({', '.join(map(str, sorted(versions)))}) instead of one: "
            "several servers upgraded it at once. Restore a backup.",
            Reason.SCHEMA_VERSION,
        )
    if versions != [schema.SCHEMA_VERSION]:
        raise DatabaseOpenError(schema.refuse_version(versions[0], where), Reason.SCHEMA_VERSION)


class _Creator:
    """The statements, on one connection that commits each of them by itself."""

    def __init__(self, connection: driver.Connection, name: str) -> None:
        self._connection = connection
        self.name = name
        self._run(f"SET SESSION sql_mode = '{SQL_MODE}'")
        ((self.version,),) = self._run("SELECT VERSION()")
        self._capabilities = Capabilities.of(self.version)

    def refuse_old_servers(self) -> None:
        """Refuses a server that lacks what lineage is read with, whatever version it says it is."""
        try:
            self._run("WITH RECURSIVE probe (n) AS (SELECT 1) SELECT n FROM probe")
        except driver.Error as error:
            if driver.error_number(error) != _SYNTAX_ERROR:
                raise
            raise DatabaseOpenError(
                f"The server of {self.name} is of version {self.version}, which knows no recursive queries. "
                "Use MySQL 8.0 or MariaDB 10.6, or newer.",
                Reason.SERVER_VERSION,
            ) from error

    def look(self) -> _Found:
        rows = self._run(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
        )
        columns: dict[str, set[str]] = {}
        for table, column in rows:
            if table in _COLUMNS:
                columns.setdefault(table, set()).add(column)
        versions = None
        if "MLMDEnv" in columns:
            versions = [row[0] for row in self._run("SELECT schema_version FROM MLMDEnv")]
        return _Found(columns, versions)

    def rename_store(self) -> None:
        """Renames our table if it still has its former name.

        RENAME TABLE holds the table's exclusive lock and happens at once or not at all, so that whoever is second finds
        it done, and a process that is killed leaves the one name or the other.
        """
        if not self._has_table(_FORMER_STORE) or self._has_table(STORE.name):
            return
        try:
            self._run(f"RENAME TABLE {_FORMER_STORE} TO {STORE.name}")
        except driver.Error as error:
            if driver.error_number(error) not in (_NO_SUCH_TABLE, _TABLE_EXISTS):
                raise

    def recorded_encoding(self) -> TextEncoding | None:
        if not self._has_table(STORE.name):
            return None
        rows = self._run(f"SELECT value FROM {STORE.name} WHERE name = %s", TEXT_ENCODING)
        return TextEncoding(rows[0][0]) if rows else None

    def record_encoding(self, encoding: TextEncoding) -> TextEncoding:
        """Records it unless somebody was faster; says what is recorded."""
        self._run(ddl.create_table(STORE, self._capabilities))
        self._run(
            f"INSERT INTO {STORE.name} (name, value) VALUES (%s, %s) ON DUPLICATE KEY UPDATE name = {STORE.name}.name",
            TEXT_ENCODING,
            encoding.value,
        )
        return self.recorded_encoding() or encoding

    def make_tables(self) -> None:
        for statement in ddl.create_tables(self._capabilities):
            self._run(statement)

    def has_row_id(self) -> bool:
        return bool(
            self._run(
                "SELECT 1 FROM information_schema.COLUMNS "
                "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'EventPath' AND COLUMN_NAME = %s",
                ddl.ROW_ID,
            )
        )

    def complete(self) -> None:
        """Adds the version's number and the built-in types where they are missing, all or none."""
        if self._run("SELECT schema_version FROM MLMDEnv") and not self._missing_types():
            return
        self._run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self._run("START TRANSACTION")
        try:
            # Whoever comes second waits here until the first one has committed, and then finds nothing missing.
            self._run(
                "INSERT INTO MLMDEnv (schema_version) VALUES (%s) ON DUPLICATE KEY UPDATE schema_version = %s",
                schema.SCHEMA_VERSION,
                schema.SCHEMA_VERSION,
            )
            for name, type_kind in self._missing_types():
                self._run("INSERT INTO Type (name, type_kind) VALUES (%s, %s)", name, type_kind)
            self._run("COMMIT")
        except driver.Error as error:
            if isinstance(failures.meaning(error, self.name), DuplicateKeyError):
                self._run("ROLLBACK")
                return
            raise

    def _missing_types(self) -> list[tuple[str, int]]:
        stored = {tuple(row) for row in self._run("SELECT name, type_kind FROM Type WHERE name LIKE 'mlmd.%%'")}
        return [wanted for wanted in schema.BUILT_IN_TYPES if wanted not in stored]

    def _has_table(self, name: str) -> bool:
        sql = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
        return bool(self._run(sql, name))

    def _run(self, sql: str, *params: Any) -> list[Any]:
        return driver.run(self._connection, sql, params)
