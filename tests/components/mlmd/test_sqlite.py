"""The SQLite database: made once, opened with care, never half written."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from kubeflow_metadata.mlmd.db.base import TransactionUndoneError
from kubeflow_metadata.mlmd.db.sqlite import failures
from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase
from kubeflow_metadata.mlmd.db.sqlite.file import DatabaseFile
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import (
    DamagedDatabaseError,
    DatabaseOpenError,
    ResourceExhaustedError,
    UnavailableError,
)
from tests.support.store import assert_works, caller

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


class TestFileThatGoesAway:
    """Whatever happens to the file under a running server, nothing is acknowledged that is lost."""

    @pytest.fixture
    def path(self, tmp_path):
        folder = tmp_path / "data"
        folder.mkdir()
        return folder / "m?%#ü.db"

    @pytest.fixture
    def database(self, path):
        database = opened(path)
        assert_works(database)
        yield database
        database.close()

    def assert_refuses(self, database, words):
        for attempt in (
            lambda: caller(database)("PutTypes", 'artifact_types { name: "T" }'),
            lambda: caller(database)("GetArtifacts"),
            database.ping,
        ):
            with pytest.raises(UnavailableError, match=words):
                attempt()

    def test_deleted_with_all_that_belongs_to_it(self, path, database):
        for file in path.parent.iterdir():
            file.unlink()
        self.assert_refuses(database, "deleted or moved")
        assert list(path.parent.iterdir()) == []

    def test_deleted_alone(self, path, database):
        path.unlink()
        self.assert_refuses(database, "deleted or moved")
        assert not path.exists()

    def test_gone_with_its_folder(self, path, database):
        shutil.rmtree(path.parent)
        self.assert_refuses(database, "deleted or moved")

    def test_deleted_in_the_middle_of_a_write(self, path, database):
        def write():
            with database.write() as session:
                session.insert("Type", ROW, [("T", 1)])
                path.unlink()

        with pytest.raises(UnavailableError, match="deleted or moved"):
            write()

    def test_deleted_while_it_is_committed(self, path, database, monkeypatch):
        look = DatabaseFile.check

        def look_and_delete(file, **how):
            look(file, **how)
            path.unlink()

        monkeypatch.setattr(DatabaseFile, "check", look_and_delete)
        with pytest.raises(UnavailableError, match="deleted or moved"):
            caller(database)("PutTypes", 'artifact_types { name: "T" }')

    def test_back_where_it_was_all_goes_on(self, path, database):
        away = path.with_name("away.db")
        path.rename(away)
        self.assert_refuses(database, "deleted or moved")
        away.rename(path)
        database.ping()
        assert_works(database)

    def test_another_in_its_place_is_neither_read_nor_written(self, path, database):
        other = path.with_name("other.db")
        opened(other).close()
        before = other.read_bytes()
        other.replace(path)
        self.assert_refuses(database, "Another file is at .* restart the server")
        assert path.read_bytes() == before

    def test_its_log_deleted(self, path, database):
        path.with_name(f"{path.name}-wal").unlink()
        with pytest.raises(UnavailableError, match="-wal was deleted or moved"):
            caller(database)("PutTypes", 'artifact_types { name: "T" }')
        with pytest.raises(UnavailableError, match="-wal was deleted or moved"):
            database.ping()
        database.close()
        again = opened(path)
        assert caller(again)("GetArtifacts").artifacts[0].uri == "漢字🚀"
        again.close()


class TestDamage:
    """Pages that hold something else than SQLite wrote."""

    @pytest.fixture
    def database(self, tmp_path):
        path = tmp_path / "m.db"
        database = opened(path)
        call = caller(database)
        (type_id,) = call("PutTypes", 'artifact_types { name: "T" }').artifact_type_ids
        call("PutArtifacts", f'artifacts {{ type_id: {type_id} uri: "u" }}' * 200)
        with database.read() as session:
            ((page,),) = session.fetch("SELECT rootpage FROM sqlite_master WHERE name = 'Artifact'")
        database.close()
        with path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
        database = opened(path)
        yield database
        database.close()

    def test_is_found_out_by_whoever_reads_it_and_nothing_is_written_any_more(self, tmp_path, database):
        database.ping()
        words = rf"{re.escape(str(tmp_path / 'm.db'))} is damaged .* restore a backup"
        with pytest.raises(DamagedDatabaseError, match=words):
            caller(database)("GetArtifacts")
        with pytest.raises(DamagedDatabaseError, match=words):
            database.ping()
        with pytest.raises(DamagedDatabaseError, match=words):
            caller(database)("PutTypes", 'artifact_types { name: "T2" }')
        assert [each.name for each in caller(database)("GetArtifactTypes").artifact_types] == ["T"]

    def test_that_a_start_finds_is_said(self, tmp_path):
        path = tmp_path / "m.db"
        opened(path).close()
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        path.write_bytes(content)
        with pytest.raises(DatabaseOpenError, match=r"damaged .* restore a backup"):
            opened(path)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("file is not a database", DamagedDatabaseError, "restore a backup"),
        ("database disk image is malformed", DamagedDatabaseError, "restore a backup"),
        ("disk I/O error", UnavailableError, "Check the disk"),
        ("attempt to write a readonly database", UnavailableError, "can write to both"),
        ("unable to open database file", UnavailableError, "can write to both"),
        ("database or disk is full", ResourceExhaustedError, "disk .* is full"),
    ],
)
def test_what_a_disk_does_has_its_words(tmp_path, text, error, words):
    at_the_start = failures.cannot_open(tmp_path / "m.db", sqlite3.DatabaseError(text))
    assert str(tmp_path / "m.db") in str(at_the_start)
    assert re.search("Check|restore|Free|Choose another", str(at_the_start))
    found = failures.meaning(tmp_path / "m.db", sqlite3.DatabaseError(text))
    assert type(found) is error
    assert re.search(words, str(found))
