"""A store over a new database of each kind, called as the gRPC layer calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow_metadata.mlmd.db.base import Database
from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from tests.support.mysql_server import MySqlServer
from tests.support.store import Call, caller


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(SqliteSettings(tmp_path / "metadata.db"))
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def mysql_database(mysql: MySqlServer) -> Iterator[MySqlDatabase]:
    with mysql.database() as settings:
        database = MySqlDatabase(settings)
        database.prepare()
        yield database
        database.close()


@pytest.fixture(params=["sqlite", "mysql"])
def database(request: pytest.FixtureRequest) -> Database:
    """The same tests on every kind of database."""
    made: Database = request.getfixturevalue(f"{request.param}_database")
    return made


@pytest.fixture
def call(database: Database) -> Call:
    """Calls a method with its request in protobuf's text format, or as a message."""
    return caller(database)


@pytest.fixture
def type_ids(call: Call) -> dict[str, int]:
    """An artifact type with a property of each kind, an execution type and a context type."""
    stored = call(
        "PutTypes",
        """
        artifact_types { name: "DataSet"
          properties { key: "rows" value: INT } properties { key: "share" value: DOUBLE }
          properties { key: "split" value: STRING } properties { key: "shape" value: STRUCT }
          properties { key: "owner" value: PROTO } properties { key: "public" value: BOOLEAN } }
        execution_types { name: "Train" properties { key: "steps" value: INT } }
        context_types { name: "Run" }
        """,
    )
    return {
        "artifact": stored.artifact_type_ids[0],
        "execution": stored.execution_type_ids[0],
        "context": stored.context_type_ids[0],
    }
