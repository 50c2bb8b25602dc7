"""Making the tables, and taking over databases that the official library made: in one transaction."""

from __future__ import annotations

from kubeflow_metadata.mlmd.db import schema, tables
from kubeflow_metadata.mlmd.db.sqlite import ddl, driver
from kubeflow_metadata.mlmd.db.sqlite.session import SqliteSession
from kubeflow_metadata.mlmd.db.values import Row
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, Reason


def prepare(connection: driver.Connection, where: str) -> None:
    """Makes the tables in an empty database; checks the version of one that has them; adds what is ours to both.

    Raises:
        DatabaseOpenError: it is not a metadata database of version 10.
    """
    connection.execute("PRAGMA journal_mode=WAL")
    with driver.transaction(connection, "BEGIN IMMEDIATE"):  # a second server that starts now waits here
        session = SqliteSession(connection)
        names = {row[0] for row in session.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "MLMDEnv" in names:
            versions = session.fetch("SELECT schema_version FROM MLMDEnv")
            if versions != [(schema.SCHEMA_VERSION,)]:
                raise DatabaseOpenError(_refuse(versions, where), Reason.SCHEMA_VERSION)
        elif "Artifact" in names:
            raise DatabaseOpenError(schema.refuse_version(0, where), Reason.SCHEMA_VERSION)
        else:
            _create(connection, session)
        for statement in ddl.create_ours():
            connection.execute(statement)
        encoding = (tables.TEXT_ENCODING, schema.TextEncoding.UTF8.value)  # the official library's, too
        session.insert_rows(tables.STORE.name, ("name", "value"), [encoding], keep_existing=True)


def _create(connection: driver.Connection, session: SqliteSession) -> None:
    for statement in ddl.create_tables():
        connection.execute(statement)
    session.insert("Type", ("name", "type_kind"), schema.BUILT_IN_TYPES)
    session.insert_rows("MLMDEnv", ("schema_version",), [(schema.SCHEMA_VERSION,)])


def _refuse(versions: list[Row], where: str) -> str:
    if len(versions) == 1 and isinstance(versions[0][0], int):
        return schema.refuse_version(versions[0][0], where)
    return f"{where} has {len(versions)} schema versions instead of one: it was only partly created. Restore a backup."
