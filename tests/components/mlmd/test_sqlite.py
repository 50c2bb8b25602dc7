"""The SQLite database: made once, opened with care, never half written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from kubeflow_metadata.mlmd.db.base import TransactionUndoneError
from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, UnavailableError

ROW = ("name", "type_kind")


def opened(path):
    database = SqliteDatabase(SqliteSettings(path))
    database.prepare()
    return database


def names(database):
    with database.read() as session:
        return {row[0] for row in session.fetch("SELECT name FROM Type")}


def test_what_was_written_is_there_after_opening_again(tmp_path):
    first = opened(tmp_path / "m.db")
    with first.write() as session:
        session.insert("Type", ROW, [("T", 1)])
    first.close()
    second = opened(tmp_path / "m.db")
    assert "T" in names(second)
    second.close()


def test_a_transaction_that_fails_leaves_nothing(database):
    def write_and_fail():
        with database.write() as session:
            session.insert("Type", ROW, [("T", 1)])
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert "T" not in names(database)


def test_a_reader_sees_one_state_while_others_write(database):
    with database.read() as session:
        before = session.fetch("SELECT COUNT(*) FROM Type")
        with database.write() as writer:
            writer.insert("Type", ROW, [("T", 1)])
        assert session.fetch("SELECT COUNT(*) FROM Type") == before
    assert "T" in names(database)


def test_new_ids_are_in_the_order_of_the_rows(database):
    rows = [(f"T{number}", 1) for number in range(500)]
    with database.write() as session:
        ids = session.insert("Type", ROW, rows)
        stored = dict(session.fetch("SELECT id, name FROM Type"))
    assert [stored[new_id] for new_id in ids] == [name for name, _ in rows]


def test_many_writers_and_readers_at_once_lose_nothing(database):
    def write(number):
        with database.write() as session:
            session.insert("Type", ROW, [(f"T{number}", 1)])
        return names(database)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(write, range(100)))
    assert all(f"T{number}" in found for number, found in enumerate(seen))


def test_first_starts_at_the_same_time_make_one_database(tmp_path):
    start = threading.Barrier(4)

    def open_it(_):
        start.wait()
        database = opened(tmp_path / "m.db")
        found = names(database)
        database.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(len(found) == 9 for found in pool.map(open_it, range(4)))
    with sqlite3.connect(tmp_path / "m.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM Type").fetchone() == (9,)
    connection.close()


def test_a_process_killed_while_it_makes_the_tables_leaves_an_empty_database(tmp_path):
    script = """
import os, sys, signal
from pathlib import Path
from kubeflow_metadata.mlmd.db.sqlite import creation, settings
create = creation._create
def create_and_die(connection, session):
    create(connection, session)
    os.kill(os.getpid(), signal.SIGKILL)
creation._create = create_and_die
settings.SqliteSettings(Path(sys.argv[1])).open().prepare()
"""
    killed = subprocess.run([sys.executable, "-c", script, tmp_path / "m.db"], check=False)
    assert killed.returncode == -9
    database = opened(tmp_path / "m.db")
    assert len(names(database)) == 9
    database.close()


@pytest.mark.parametrize(("version", "what"), [(11, "newer"), (9, "Upgrade"), (4, "Upgrade")])
def test_another_schema_version_is_refused_and_left_alone(tmp_path, version, what):
    path = tmp_path / "m.db"
    opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))
    connection.close()
    with pytest.raises(DatabaseOpenError, match=f"version {version}.*{what}"):
        opened(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT schema_version FROM MLMDEnv").fetchall() == [(version,)]
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "m.db"
    path.write_text("not a database, but somebody's notes\n" * 50)
    with pytest.raises(DatabaseOpenError, match="not a SQLite database"):
        opened(path)
    assert path.read_text().startswith("not a database")


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(DatabaseOpenError, match="Check that its folder exists"):
        opened(tmp_path / "no" / "m.db")


def test_a_closed_database_says_so(tmp_path):
    database = opened(tmp_path / "m.db")
    database.close()
    with pytest.raises(UnavailableError, match="shutting down"):
        names(database)


class TestStoresWithoutOurTable:
    """Stores from before ``kfm_store``, and those of the official library."""

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "m.db"
        database = opened(path)
        with database.write() as session:
            session.insert("Type", ROW, [("漢字🚀", 1)])
        database.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE kfm_store")
        return path

    def test_they_get_it_and_keep_their_text(self, path):
        database = opened(path)
        assert "漢字🚀" in names(database)
        with database.read() as session:
            assert session.fetch("SELECT * FROM kfm_store") == [("text_encoding", "utf8mb4")]
        database.close()

    def test_a_process_killed_meanwhile_leaves_what_was(self, path):
        script = """
import os, sys, signal
from pathlib import Path
from kubeflow_metadata.mlmd.db.sqlite import session, settings
session.SqliteSession.insert_rows = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
settings.SqliteSettings(Path(sys.argv[1])).open().prepare()
"""
        killed = subprocess.run([sys.executable, "-c", script, path], check=False)
        assert killed.returncode == -9
        with closing(sqlite3.connect(path)) as connection:
            assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'kfm_store'").fetchall()
        database = opened(path)
        assert "漢字🚀" in names(database)
        database.close()


def test_before_it_is_prepared_calls_are_to_be_tried_again(tmp_path):
    database = SqliteDatabase(SqliteSettings(tmp_path / "m.db"))
    with pytest.raises(TransactionUndoneError, match="not ready"):
        names(database)
    assert not (tmp_path / "m.db").exists()
    database.prepare()
    assert len(names(database)) == 9
    database.close()
