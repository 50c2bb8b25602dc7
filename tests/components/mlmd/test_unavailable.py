"""What the log says of a database that cannot be used: one event, whose reason the installer reads."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pymysql
import pytest

from kubeflow_metadata.mlmd import watch
from kubeflow_metadata.mlmd.db.base import Description, TransactionUndoneError, Trouble
from kubeflow_metadata.mlmd.db.mysql import driver, reasons
from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.db.mysql.settings import Tls
from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, Reason, StoreError
from kubeflow_metadata.mlmd.watch import DatabaseWatch
from tests.support.certificates import self_signed
from tests.support.mlmd_server import Server, mysql_flags, with_password
from tests.support.mysql_server import USER
from tests.support.servers import unused_port
from tests.support.store import caller
from tests.support.waiting import eventually


def trouble_of(database):
    """Why a database cannot be prepared."""
    with contextlib.closing(database), pytest.raises((DatabaseOpenError, StoreError, TransactionUndoneError)) as caught:
        database.prepare()
    return database.explain(caught.value)


class TestMySql:
    @pytest.fixture
    def settings(self, mysql):
        with mysql.database() as settings:
            yield settings

    def trouble(self, settings, **changes):
        return trouble_of(MySqlDatabase(replace(settings, **changes)))

    def test_a_host_that_nobody_knows(self, settings):
        assert self.trouble(settings, host="nowhere.invalid").reason is Reason.UNKNOWN_HOST

    def test_a_port_on_which_nothing_listens(self, settings):
        assert self.trouble(settings, port=unused_port()).reason is Reason.CONNECTION_REFUSED

    def test_an_address_that_says_nothing(self, settings):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            assert self.trouble(settings, port=port, connect_timeout_seconds=1).reason is Reason.TIMEOUT

    def test_a_wrong_password_in_the_databases_own_words(self, settings):
        trouble = self.trouble(settings, password="not it")
        assert trouble.reason is Reason.ACCESS_DENIED
        assert f"Access denied for user '{USER}'@" in trouble.error
        assert "not it" not in trouble.error

    def test_a_password_whose_file_is_gone(self, settings, tmp_path):
        trouble = self.trouble(settings, password_file=tmp_path / "password")
        assert trouble.reason is Reason.ACCESS_DENIED
        assert str(tmp_path / "password") in trouble.error

    def test_a_database_that_is_missing(self, settings):
        trouble = self.trouble(settings, database="missing", create_database=False)
        assert trouble.reason is Reason.NO_SUCH_DATABASE
        assert "Unknown database 'missing'" in trouble.error

    def test_one_that_is_missing_and_that_the_user_may_not_create(self, mysql, settings):
        with user(mysql, settings, "SELECT ON `absent`.*") as name:
            assert self.trouble(settings, user=name, database="absent").reason is Reason.NO_SUCH_DATABASE

    def test_a_certificate_of_somebody_else(self, settings, tmp_path):
        _, other = self_signed(tmp_path, "localhost")
        assert self.trouble(settings, tls=Tls(required=True, ca=other)).reason is Reason.TLS

    def test_a_certificate_that_is_gone(self, settings, tmp_path):
        trouble = self.trouble(settings, tls=Tls(required=True, ca=tmp_path / "ca.crt"))
        assert trouble.reason is Reason.TLS
        assert str(tmp_path / "ca.crt") in trouble.error

    def test_a_server_that_knows_no_recursive_queries(self, settings, monkeypatch):
        run = driver.run

        def as_of_old(connection, sql, params=()):
            if sql.startswith("WITH"):
                raise pymysql.err.ProgrammingError(1064, "You have an error in your SQL syntax")
            return [("5.7.44-log",)] if sql == "SELECT VERSION()" else run(connection, sql, params)

        monkeypatch.setattr(driver, "run", as_of_old)
        trouble = self.trouble(settings)
        assert trouble.reason is Reason.SERVER_VERSION
        assert "5.7.44-log" in trouble.error

    def test_a_schema_of_another_version(self, mysql, settings):
        statements = "CREATE TABLE MLMDEnv (schema_version INT PRIMARY KEY)", "INSERT INTO MLMDEnv VALUES (99)"
        mysql.sql(*statements, database=settings.database)
        trouble = self.trouble(settings)
        assert trouble.reason is Reason.SCHEMA_VERSION
        assert "schema version 99" in trouble.error

    @pytest.mark.parametrize("rights", ["USAGE ON *.*", "SELECT ON `{}`.*"])
    def test_a_user_who_may_not(self, mysql, settings, rights):
        with user(mysql, settings, rights.format(settings.database)) as name:
            trouble = self.trouble(settings, user=name)
        assert trouble.reason is Reason.MISSING_RIGHTS
        assert "denied to user" in trouble.error or "Access denied for user" in trouble.error

    def test_a_user_whose_connections_are_all_taken(self, mysql, settings):
        with user(mysql, settings, "ALL ON *.*", "WITH MAX_USER_CONNECTIONS 1") as name:
            own = replace(settings, user=name)
            with contextlib.closing(driver.connect(own, database=None)):
                assert self.trouble(own).reason is Reason.TOO_MANY_CONNECTIONS

    def test_a_replica(self, own_mysql):
        with own_mysql.database() as settings:
            own_mysql.sql("SET GLOBAL super_read_only = ON")
            try:
                assert self.trouble(settings).reason is Reason.READ_ONLY
            finally:
                own_mysql.sql("SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")

    def test_one_that_takes_no_writes_any_more_says_so_until_it_does(self, own_mysql, monkeypatch):
        monkeypatch.setattr("kubeflow_metadata.mlmd.retries.LONGEST_SECONDS", 0.1)
        with own_mysql.database() as settings:
            database = MySqlDatabase(settings)
            database.prepare()
            put = caller(database)
            own_mysql.sql("SET GLOBAL super_read_only = ON")
            try:
                with pytest.raises(StoreError):
                    put("PutTypes", 'artifact_types { name: "T" }')
                assert database.refuses_writes().reason is Reason.READ_ONLY
            finally:
                own_mysql.sql("SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
            put("PutTypes", 'artifact_types { name: "T" }')
            assert database.refuses_writes() is None
            database.close()

    @pytest.mark.parametrize(
        ("number", "words", "reason"),
        [
            # As the C libraries of MySQL and MariaDB say it.
            (2005, "Unknown MySQL server host 'nowhere' (-2)", Reason.UNKNOWN_HOST),
            (2003, "Can't connect to MySQL server on '10.0.0.1:3306' (111)", Reason.CONNECTION_REFUSED),
            (2002, "Can't connect to server on '10.0.0.1' (110)", Reason.TIMEOUT),
            (2002, "Can't connect to server on '10.0.0.1' (115)", Reason.CONNECTION_REFUSED),
            (2002, "Can't connect to server on '10.0.0.1' (113)", Reason.UNREACHABLE),
            (2013, "Lost connection to server at 'handshake', system error: 110", Reason.TIMEOUT),
            (2013, "Lost connection to MySQL server during query", Reason.UNREACHABLE),
            (3159, "Connections using insecure transport are prohibited", Reason.TLS),
            (1040, "Too many connections", Reason.TOO_MANY_CONNECTIONS),
            (1114, "The table 'Artifact' is full", Reason.FULL),
            (1030, "Got error 28 - 'No space left on device' from storage engine", Reason.FULL),
            (1194, "Table 'Artifact' is marked as crashed and should be repaired", Reason.DAMAGED),
            (9999, "something new", Reason.UNREACHABLE),
        ],
    )
    def test_what_cannot_be_provoked_here(self, number, words, reason):
        error = TransactionUndoneError("It failed.", reason="unreachable")
        error.__cause__ = pymysql.err.OperationalError(number, words)
        assert reasons.explain(error, ()) == Trouble(reason, words)

    def test_one_that_is_ready_says_what_it_is(self, settings):
        database = MySqlDatabase(settings)
        database.prepare()
        known = database.describe()
        database.close()
        assert known.kind == "mysql"
        assert int(known.version.partition(".")[0]) >= 8
        assert known.address == f"127.0.0.1:{settings.port}/{settings.database}"


class TestSqlite:
    def test_a_full_disk_is_known_until_something_could_be_written(self, tmp_path):
        database = SqliteDatabase(SqliteSettings(tmp_path / "m.db"))
        database.prepare()

        def write(size):
            with database.write() as session:
                session.insert_rows("kfm_store", ("name", "value"), [("x", "x" * size)])

        with database.write() as session:
            session.fetch("PRAGMA max_page_count = 1")  # of this connection; the file stays as large as it is
        with pytest.raises(StoreError):
            write(10_000_000)
        assert database.refuses_writes().reason is Reason.FULL
        write(1)
        assert database.refuses_writes() is None
        database.close()

    def trouble(self, path):
        return trouble_of(SqliteDatabase(SqliteSettings(path)))

    def test_a_file_of_something_else(self, tmp_path):
        path = tmp_path / "m.db"
        path.write_text("not a database, whatever it is" * 100)
        assert self.trouble(path) == Trouble(Reason.DAMAGED, "file is not a database")

    def test_a_folder_that_is_missing(self, tmp_path):
        trouble = self.trouble(tmp_path / "missing" / "m.db")
        assert trouble == Trouble(Reason.UNREACHABLE, "unable to open database file")

    def test_one_that_another_program_has(self, tmp_path, monkeypatch):
        monkeypatch.setattr("kubeflow_metadata.mlmd.db.sqlite.driver.OPEN_TIMEOUT_SECONDS", 0.1)
        path = tmp_path / "m.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert self.trouble(path).reason is Reason.LOCKED

    def test_a_schema_of_another_version(self, tmp_path):
        path = tmp_path / "m.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("CREATE TABLE MLMDEnv (schema_version INTEGER PRIMARY KEY)")
            other.execute("INSERT INTO MLMDEnv VALUES (99)")
        assert self.trouble(path).reason is Reason.SCHEMA_VERSION

    def test_a_file_that_is_deleted_while_it_is_open(self, tmp_path):
        database = SqliteDatabase(SqliteSettings(tmp_path / "m.db"))
        database.prepare()
        (tmp_path / "m.db").unlink()
        with pytest.raises(StoreError) as caught:
            database.ping()
        database.close()
        trouble = database.explain(caught.value)
        assert trouble.reason is Reason.UNREACHABLE
        assert "deleted or moved" in trouble.error

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            ("attempt to write a readonly database", Reason.READ_ONLY),
            ("database or disk is full", Reason.FULL),
            ("database disk image is malformed", Reason.DAMAGED),
        ],
    )
    def test_what_a_disk_does(self, tmp_path, words, reason):
        error = DatabaseOpenError("It failed.")
        error.__cause__ = sqlite3.OperationalError(words)
        assert SqliteDatabase(SqliteSettings(tmp_path / "m.db")).explain(error) == Trouble(reason, words)


@contextlib.contextmanager
def user(mysql, settings, rights, limits=""):
    """A user with some rights and the password of the settings."""
    password = settings.password.replace("\\", "\\\\").replace("'", "\\'")
    mysql.sql(f"CREATE USER 'narrow'@'%' IDENTIFIED BY '{password}' {limits}", f"GRANT {rights} TO 'narrow'@'%'")
    try:
        yield "narrow"
    finally:
        mysql.sql("DROP USER 'narrow'@'%'")


def told(lines):
    """The events about the database in a log of JSON lines."""
    events = [json.loads(line) for line in lines if line.startswith("{")]
    return [event for event in events if event["event"] in {watch.READY, watch.UNAVAILABLE}]


class Away:
    """A database that is away for as many looks as it is told."""

    def __init__(self, looks):
        self.left = looks

    def prepare(self):
        if self.left:
            self.left -= 1
            raise TransactionUndoneError("away", reason="unreachable")

    def ping(self):
        pass

    def explain(self, error):
        return Trouble(Reason.TIMEOUT, str(error))

    def refuses_writes(self):
        return None

    def describe(self):
        return Description("mysql", "9.7.0", "db:3306/metadb")


class TestLog:
    @pytest.fixture
    def logged(self, monkeypatch):
        """What is logged, as event and fields."""
        said = []
        monkeypatch.setattr(watch.log, "info", lambda event, **fields: said.append((event, fields)))
        monkeypatch.setattr(watch.log, "warning", lambda event, **fields: said.append((event, fields)))
        monkeypatch.setattr(watch, "_FIRST_WAIT_SECONDS", 0.001)
        monkeypatch.setattr(watch, "_LONGEST_WAIT_SECONDS", 0.001)
        return said

    def watched(self, database):
        told = []
        made = DatabaseWatch(database, told.append, pytest.fail)
        made.start()
        eventually(lambda: told == [True], "the database is ready")
        made.stop()

    def test_it_says_once_that_the_database_is_away_and_once_that_it_is_back(self, logged):
        self.watched(Away(20))

        address = {"address": "db:3306/metadb"}
        assert logged == [
            ("database unavailable", {"reason": "timeout", "error": "away", **address}),
            ("database ready", {"kind": "mysql", "version": "9.7.0", "schema_version": 10, **address}),
        ]

    def test_it_repeats_what_lasts(self, logged, monkeypatch):
        monkeypatch.setattr(watch, "_REMIND_SECONDS", 0.0)
        self.watched(Away(3))

        assert [event for event, _ in logged] == ["database unavailable"] * 3 + ["database ready"]

    def test_it_says_that_writes_are_refused_and_when_they_are_not(self, logged, monkeypatch):
        monkeypatch.setattr(watch, "_PING_SECONDS", 0.001)
        full = Trouble(Reason.FULL, "The table 'Artifact' is full")
        answers = [full] * 5

        class Full(Away):
            def refuses_writes(self):
                return answers.pop() if answers else None

        made = DatabaseWatch(Full(0), lambda _up: None, pytest.fail)
        made.start()
        eventually(lambda: logged[-1:] and logged[-1][0] == "database takes writes", "it says that it takes writes")
        made.stop()

        assert [event for event, _ in logged] == ["database ready", "database refuses writes", "database takes writes"]
        assert logged[1][1] == {"reason": "full", "error": full.error, "address": "db:3306/metadb"}

    def test_a_server_of_which_the_database_is_away_names_why_in_json(self, mysql):
        with mysql.database() as settings:
            wrong = with_password(replace(settings, password="not it"))
            flags = [*mysql_flags(settings), "--worker_processes=1", "--log_level=info"]
            server = Server(*flags, env=wrong)
            try:
                eventually(lambda: any(watch.UNAVAILABLE in line for line in server.log), "it says so")
                line = next(line for line in server.log if watch.UNAVAILABLE in line)
            finally:
                server.stop()
        assert "reason=access_denied" in line
        assert f"address=127.0.0.1:{settings.port}/{settings.database}" in line
        assert "not it" not in "".join(server.log)

    def test_a_server_that_cannot_use_its_database_says_why_before_it_ends(self, tmp_path):
        path = tmp_path / "m.db"
        path.write_text("not a database, whatever it is" * 100)
        server = [sys.executable, "-m", "kubeflow_metadata.mlmd", "--grpc_port=0", "--log_format=json"]
        done = subprocess.run(
            [*server, f"--sqlite_config_filename_uri={path}"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        (event,) = told(done.stderr.splitlines())
        assert (event["event"], event["reason"]) == (watch.UNAVAILABLE, "damaged")
        assert event["address"] == str(path)
        assert event["level"] == "warning"

    def test_a_server_names_its_database_when_it_is_ready(self, tmp_path):
        path = tmp_path / "m.db"
        server = Server(f"--sqlite_config_filename_uri={path}")
        try:
            eventually(lambda: any(watch.READY in line for line in server.log), "it is ready")
            line = next(line for line in server.log if watch.READY in line)
        finally:
            server.stop()
        for field in ("kind=sqlite", f"version={sqlite3.sqlite_version}", "schema_version=10", f"address={path}"):
            assert field in line
