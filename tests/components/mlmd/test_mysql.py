"""What is MySQL's own: how its tables come to be, whose databases are taken over, and what its servers do to calls."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from google.protobuf import text_format

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import TransactionUndoneError
from kubeflow_metadata.mlmd.db.mysql import creation, driver
from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.db.mysql.settings import Tls
from kubeflow_metadata.mlmd.db.tables import TABLES
from kubeflow_metadata.mlmd.errors import (
    DatabaseOpenError,
    DeadlineExceededError,
    InvalidArgumentError,
    OutOfRangeError,
    UnavailableError,
)
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support import mysql_server
from tests.support.certificates import self_signed
from tests.support.store import assert_works, caller

ROW = ("name", "type_kind")
TABLE_NAMES = sorted([*(table.name for table in TABLES), "kfm_store"])


@pytest.fixture
def settings(mysql):
    with mysql.database() as settings:
        yield settings


@pytest.fixture
def opened(settings):
    """Open a database; all are closed at the end."""
    databases = []

    def open_it(changed=settings):
        database = MySqlDatabase(changed)
        databases.append(database)
        database.prepare()
        return database

    yield open_it
    for database in databases:
        database.close()


@pytest.fixture(scope="module")
def logging_mysql(mysql_program):
    """A server that keeps a binary log of the rows that change, as replicas and clusters read it."""
    with mysql_server.running("--log-bin=log", "--server-id=1", "--binlog-format=ROW", durable=False) as server:
        yield server


def tables(mysql, settings):
    return sorted(row[0] for row in mysql.sql("SHOW TABLES", database=settings.database))


class TestCreation:
    def test_first_starts_at_the_same_time_make_one_database(self, mysql, settings, opened):
        start = threading.Barrier(6)

        def prepare(_):
            start.wait()
            return opened()

        with ThreadPoolExecutor(6) as pool:
            databases = list(pool.map(prepare, range(6)))
        assert mysql.sql("SELECT * FROM MLMDEnv", database=settings.database) == [(10,)]
        assert mysql.sql("SELECT COUNT(*) FROM Type", database=settings.database) == [(9,)]
        for database in databases:
            assert_works(database)

    @pytest.mark.parametrize("statements", range(0, 22, 3))
    def test_a_start_that_was_killed_anywhere_is_gone_on_with(self, mysql, settings, opened, monkeypatch, statements):
        class Killed(BaseException):
            pass

        done = []
        run = creation._Creator._run

        def run_or_die(self, sql, *params):
            if sql.startswith(("CREATE", "INSERT", "COMMIT")):
                if len(done) == statements:
                    raise Killed
                done.append(sql)
            return run(self, sql, *params)

        with monkeypatch.context() as patch:
            patch.setattr(creation._Creator, "_run", run_or_die)
            with pytest.raises(Killed):
                opened()
        assert_works(opened())
        assert tables(mysql, settings) == TABLE_NAMES
        assert mysql.sql("SELECT COUNT(*) FROM Type WHERE name LIKE 'mlmd.%'", database=settings.database) == [(9,)]

    def test_a_process_killed_while_it_makes_the_tables_leaves_a_database_that_can_be_finished(
        self, mysql, settings, opened
    ):
        program = (
            "from kubeflow_metadata.mlmd.db.mysql import creation, settings; from pathlib import Path; import sys\n"
            "print('go', flush=True)\n"
            f"creation.prepare(settings.MySqlSettings('127.0.0.1', {settings.database!r}, {settings.port}, "
            f"user={settings.user!r}, password={settings.password!r}))"
        )
        for _ in range(4):
            process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            with process:
                process.stdout.readline()
                while process.poll() is None and len(tables(mysql, settings)) < 2:
                    pass
                process.send_signal(signal.SIGKILL)
            assert_works(opened())
            mysql.sql(f"DROP DATABASE {settings.database}", f"CREATE DATABASE {settings.database}")

    def test_the_database_itself_is_made_where_that_is_wanted(self, mysql, settings, opened):
        mysql.sql(f"DROP DATABASE {settings.database}")
        with pytest.raises(TransactionUndoneError, match="Unknown database"):
            opened(replace(settings, create_database=False))
        assert_works(opened())

    def test_every_table_has_a_primary_key(self, mysql, settings, opened):
        opened()
        without = mysql.sql(
            "SELECT TABLE_NAME FROM information_schema.TABLES t WHERE TABLE_SCHEMA = DATABASE() AND NOT EXISTS "
            "(SELECT 1 FROM information_schema.TABLE_CONSTRAINTS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND "
            "c.TABLE_NAME = t.TABLE_NAME AND c.CONSTRAINT_TYPE = 'PRIMARY KEY')",
            database=settings.database,
        )
        assert without == []

    @pytest.mark.parametrize(("version", "words"), [(9, "does not upgrade"), (11, "newer")])
    def test_another_version_is_refused_with_what_to_do(self, mysql, settings, opened, version, words):
        opened()
        mysql.sql(f"UPDATE MLMDEnv SET schema_version = {version}", database=settings.database)
        with pytest.raises(DatabaseOpenError, match=words):
            opened()

    def test_several_versions_are_refused(self, mysql, settings, opened):
        opened()
        mysql.sql("INSERT INTO MLMDEnv VALUES (7)", database=settings.database)
        with pytest.raises(DatabaseOpenError, match="2 schema versions"):
            opened()

    def test_a_user_who_must_not_make_tables_is_told_what_to_grant(self, mysql, settings, opened):
        mysql.sql("CREATE USER poor@'%' IDENTIFIED BY 'x'", f"GRANT SELECT ON {settings.database}.* TO poor@'%'")
        try:
            with pytest.raises(DatabaseOpenError, match="GRANT ALL ON"):
                opened(replace(settings, user="poor", password="x"))
        finally:
            mysql.sql("DROP USER poor@'%'")


class TestFormerName:
    """Stores whose ``kfm_store`` is still called ``KfmStore``."""

    @pytest.fixture(params=["utf8mb4", "latin1"])
    def encoding(self, request, mysql, settings, opened):
        """How the text of such a store, which has some, is encoded."""
        opened().close()
        mysql.sql(
            f"UPDATE kfm_store SET value = '{request.param}' WHERE name = 'text_encoding'", database=settings.database
        )
        database = opened()
        assert_works(database)
        database.close()
        mysql.sql("RENAME TABLE kfm_store TO KfmStore", database=settings.database)
        return request.param

    def assert_same_text(self, mysql, settings, database, encoding):
        assert [artifact.uri for artifact in caller(database)("GetArtifacts").artifacts] == ["漢字🚀"]
        recorded = mysql.sql("SELECT value FROM kfm_store WHERE name = 'text_encoding'", database=settings.database)
        assert recorded == [(encoding,)]
        assert tables(mysql, settings) == TABLE_NAMES

    def test_it_is_renamed_and_its_text_is_the_same(self, mysql, settings, opened, encoding):
        self.assert_same_text(mysql, settings, opened(), encoding)
        self.assert_same_text(mysql, settings, opened(), encoding)

    def test_starts_at_the_same_time_rename_it_once(self, mysql, settings, opened, encoding):
        start = threading.Barrier(6)

        def prepare(_):
            start.wait()
            return opened()

        with ThreadPoolExecutor(6) as pool:
            for database in pool.map(prepare, range(6)):
                self.assert_same_text(mysql, settings, database, encoding)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_start_that_was_killed_leaves_the_one_name_or_the_other(
        self, mysql, settings, opened, encoding, monkeypatch, when
    ):
        class Killed(BaseException):
            pass

        run = creation._Creator._run

        def run_and_die(self, sql, *params):
            if not sql.startswith("RENAME"):
                return run(self, sql, *params)
            if when == "after":
                run(self, sql, *params)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(creation._Creator, "_run", run_and_die)
            with pytest.raises(Killed):
                opened()
        self.assert_same_text(mysql, settings, opened(), encoding)


class TestAdoption:
    """Databases as the official server leaves them; `tests/contract` has it make real ones."""

    def make_foreign(self, mysql, settings, opened):
        opened().close()
        mysql.sql(
            "DROP TABLE kfm_store", "ALTER TABLE ArtifactProperty MODIFY int_value INT", database=settings.database
        )

    def test_its_text_is_read_and_written_as_it_does(self, mysql, settings, opened):
        self.make_foreign(mysql, settings, opened)
        assert_works(opened())
        ((stored,),) = mysql.sql("SELECT HEX(uri) FROM Artifact", database=settings.database)
        assert bytes.fromhex(stored).decode() == "漢字🚀".encode().decode("cp1252", errors="surrogateescape")

    def test_one_without_a_version_is_completed(self, mysql, settings, opened):
        self.make_foreign(mysql, settings, opened)
        mysql.sql("DELETE FROM MLMDEnv", "DROP TABLE EventPath", "DELETE FROM Type", database=settings.database)
        assert_works(opened())
        assert tables(mysql, settings) == TABLE_NAMES

    def test_one_without_a_version_whose_tables_are_older_is_refused(self, mysql, settings, opened):
        self.make_foreign(mysql, settings, opened)
        mysql.sql("DELETE FROM MLMDEnv", "ALTER TABLE Artifact DROP COLUMN external_id", database=settings.database)
        with pytest.raises(DatabaseOpenError, match="Restore a backup"):
            opened()

    def test_a_number_that_its_columns_cannot_hold_is_out_of_range(self, mysql, settings, opened):
        self.make_foreign(mysql, settings, opened)
        call = caller(opened())
        (type_id,) = call("PutTypes", 'artifact_types { name: "T" }').artifact_type_ids
        number = 'custom_properties { key: "n" value { int_value: 2147483648 } }'
        with pytest.raises(OutOfRangeError):
            call("PutArtifacts", f"artifacts {{ type_id: {type_id} {number} }}")
        assert not call("GetArtifacts").artifacts


def test_a_name_longer_than_its_column_is_refused_not_cut(opened):
    with pytest.raises(InvalidArgumentError, match="longer than its column"):
        caller(opened())("PutTypes", f'artifact_types {{ name: "{"x" * 256}" }}')


def test_names_that_differ_in_case_accents_or_spaces_are_different(opened):
    call = caller(opened())
    names = ["a", "A", "á", "a ", "a\t"]
    ids = call("PutTypes", "".join(f'artifact_types {{ name: "{name}" }}' for name in names)).artifact_type_ids
    assert len(set(ids)) == len(names)
    for name, type_id in zip(names, ids, strict=True):
        assert call("GetArtifactType", f'type_name: "{name}"').artifact_type.id == type_id


@pytest.mark.parametrize("step", [1, 7])
def test_ids_are_those_that_were_stored_whatever_their_step(mysql, opened, step):
    mysql.sql(f"SET GLOBAL auto_increment_increment = {step}", f"SET GLOBAL auto_increment_offset = {step}")
    try:
        database = opened()
        with database.write() as session:
            rows = [(f"T{number}", 1) for number in range(300)]
            ids = session.insert("Type", ROW, rows)
        with database.read() as session:
            stored = dict(session.fetch("SELECT id, name FROM Type"))
    finally:
        mysql.sql("SET GLOBAL auto_increment_increment = 1", "SET GLOBAL auto_increment_offset = 1")
    assert [stored[new_id] for new_id in ids] == [name for name, _ in rows]


@pytest.mark.parametrize("galera", [False, True])
def test_ids_are_those_that_were_stored_when_their_step_changes_in_an_open_session(opened, galera):
    database = opened()
    stored = {}
    for step in (1, 3, 2):
        with database.write() as session:
            session._one_by_one = galera
            session.fetch(f"SET SESSION auto_increment_increment = {step}")
            names = [f"T{step}-{number}" for number in range(20)]
            stored.update(zip(session.insert("Type", ROW, [(name, 1) for name in names]), names, strict=True))
    with database.read() as session:
        assert stored.items() <= dict(session.fetch("SELECT id, name FROM Type")).items()


def test_each_transaction_that_queues_up_leaves_a_change_that_a_cluster_sees(logging_mysql):
    with logging_mysql.database() as settings:
        database = MySqlDatabase(settings)
        database.prepare()
        seen = set()
        for _ in range(3):
            with database.write() as session:
                session.queue_up()
            seen.update(
                logging_mysql.sql("SELECT value FROM kfm_store WHERE name = 'queue'", database=settings.database)
            )
        database.close()
        changes = logging_mysql.rows_changed(settings.database, "kfm_store")
    assert len(seen) == 3
    # One row for how text is encoded, and one for each of those that queued up.
    assert len(changes) == 1 + 3


def test_who_queues_up_waits_for_whoever_has(opened):
    database = opened()
    order = []
    waits = threading.Event()

    def second():
        with database.write() as session:
            waits.set()
            session.queue_up()
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            session.queue_up()
            waiting = pool.submit(second)
            assert waits.wait(60)
            order.append("first")
        waiting.result(60)
    assert order == ["first", "second"]


class TestConnections:
    def test_encryption_can_be_required(self, mysql, settings, opened):
        mysql.sql(f"ALTER USER {mysql_server.USER}@'%' REQUIRE SSL")
        try:
            assert_works(opened(replace(settings, tls=Tls(required=True))))
        finally:
            mysql.sql(f"ALTER USER {mysql_server.USER}@'%' REQUIRE NONE")

    def test_the_certificate_is_checked_against_the_authority(self, mysql, settings, opened, tmp_path):
        assert_works(opened(replace(settings, tls=Tls(required=True, ca=mysql.data / "ca.pem"))))
        _, other = self_signed(tmp_path, "other")
        with pytest.raises(TransactionUndoneError, match=r"(?i)certificate"):
            opened(replace(settings, tls=Tls(required=True, ca=other)))

    def test_the_certificate_must_name_the_host_where_that_is_asked(self, mysql, settings, opened):
        with pytest.raises(TransactionUndoneError):
            opened(replace(settings, tls=Tls(required=True, ca=mysql.data / "ca.pem", verify_identity=True)))

    def test_user_and_password_are_read_from_their_files_each_time(self, settings, opened, tmp_path):
        user, password = tmp_path / "user", tmp_path / "password"
        user.write_text("nobody")
        password.write_text("wrong")
        kept = replace(settings, user="", user_file=user, password="", password_file=password)
        with pytest.raises(TransactionUndoneError, match="Access denied for user 'nobody'"):
            opened(kept)
        user.write_text(f"{settings.user}\n")
        with pytest.raises(TransactionUndoneError, match="Access denied"):
            opened(kept)
        password.write_text(f"{settings.password}\n")
        assert_works(opened(kept))

    @pytest.mark.parametrize("name", ["MySQLdb", "pymysql"])
    @pytest.mark.parametrize("password", ["größe", "密码", "🔑 £ \u00e9", "e\u0301"])
    def test_a_password_may_have_any_characters(self, mysql, settings, opened, tmp_path, monkeypatch, name, password):
        loaded = pytest.importorskip(name)
        monkeypatch.setattr(driver, "_drivers", [loaded])
        mysql.sql(
            "CREATE USER poly@'%' IDENTIFIED WITH caching_sha2_password BY 'x'",
            # As any MySQL client in UTF-8 would set it.
            f"ALTER USER poly@'%' IDENTIFIED BY '{password}'",
            "GRANT ALL ON *.* TO poly@'%'",
        )
        try:
            file = tmp_path / "password"
            file.write_text(f"{password}\n", encoding="utf-8")
            assert_works(opened(replace(settings, user="poly", password=password)))
            assert_works(opened(replace(settings, user="poly", password="", password_file=file)))
            with pytest.raises(TransactionUndoneError, match="Access denied"):
                opened(replace(settings, user="poly", password=f"{password}x"))
        finally:
            mysql.sql("DROP USER poly@'%'")

    def test_a_password_file_that_is_not_utf8_is_said(self, settings, opened, tmp_path):
        file = tmp_path / "password"
        file.write_bytes("größe".encode("latin-1"))
        with pytest.raises(TransactionUndoneError, match=f"Cannot read {file}: it is not UTF-8"):
            opened(replace(settings, password="", password_file=file))

    def test_no_message_tells_the_password(self, settings, opened):
        with pytest.raises(TransactionUndoneError) as caught:
            opened(replace(settings, password="open sesame"))
        assert "open sesame" not in str(caught.value)
        assert "open sesame" not in repr(replace(settings, password="open sesame"))

    def test_connections_that_the_server_closed_are_replaced_unnoticed(self, mysql, opened):
        database = opened()
        assert_works(database)
        for (session,) in mysql.sql(
            f"SELECT id FROM information_schema.processlist WHERE user = '{mysql_server.USER}'"
        ):
            mysql.sql(f"KILL {session}")
        assert_works(database)

    def test_lineage_is_whole_where_the_server_keeps_recursion_short(self, mysql, opened):
        mysql.sql("SET GLOBAL cte_max_recursion_depth = 3")
        try:
            call = caller(opened())
            stored = call("PutTypes", 'artifact_types { name: "A" } execution_types { name: "E" }')
            request = rpc.PutLineageSubgraphRequest()
            request.artifacts.add(type_id=stored.artifact_type_ids[0])
            for step in range(7):
                request.artifacts.add(type_id=stored.artifact_type_ids[0])
                request.executions.add(type_id=stored.execution_type_ids[0])
                request.event_edges.add(execution_index=step, artifact_index=step).event.type = pb.Event.INPUT
                request.event_edges.add(execution_index=step, artifact_index=step + 1).event.type = pb.Event.OUTPUT
            call("PutLineageSubgraph", text_format.MessageToString(request))
            start = 'lineage_subgraph_query_options { starting_artifacts { filter_query: "id = 1" } }'
            assert len(call("GetLineageSubgraph", start).lineage_subgraph.artifacts) == 8
        finally:
            mysql.sql("SET GLOBAL cte_max_recursion_depth = DEFAULT")

    def test_a_lock_that_another_holds_is_waited_for(self, mysql, settings, opened):
        database = opened()
        call = caller(database)
        (type_id,) = call("PutTypes", 'artifact_types { name: "T" }').artifact_type_ids
        (artifact_id,) = call("PutArtifacts", f"artifacts {{ type_id: {type_id} }}").artifact_ids
        with ThreadPoolExecutor(1) as pool, database.write() as session:
            session.fetch(f"SELECT id FROM Artifact WHERE id = {artifact_id} FOR UPDATE")
            update = pool.submit(
                call, "PutArtifacts", f'artifacts {{ id: {artifact_id} type_id: {type_id} uri: "new" }}'
            )
            assert not update.done()
            session.update_rows("Artifact", ("uri",), [("old", artifact_id)])
        assert list(update.result(30).artifact_ids) == [artifact_id]
        assert call("GetArtifacts").artifacts[0].uri == "new"

    def test_rows_that_transactions_share_cannot_be_changed_meanwhile(self, opened):
        database = opened()
        with database.write() as first, database.write() as second:
            for session in (first, second):
                session.fetch(f"SELECT id FROM Type WHERE id = 1{session.dialect.for_share}")
            with deadlines.deadline_in(0.5), pytest.raises(DeadlineExceededError), database.write() as third:
                third.update_rows("Type", ("name",), [("changed", 1)])
        with database.write() as third:
            third.update_rows("Type", ("name",), [("changed", 1)])
            assert third.fetch("SELECT name FROM Type WHERE id = 1") == [("changed",)]

    def test_a_deadline_ends_a_statement_that_waits_and_frees_the_server_of_it(self, mysql, settings, opened):
        database = opened()
        started = time.monotonic()
        with deadlines.deadline_in(0.3), pytest.raises(DeadlineExceededError), database.read() as session:
            session.fetch("SELECT SLEEP(60)")
        assert time.monotonic() - started < 30
        left = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
        while mysql.sql(left) != [(0,)]:
            assert time.monotonic() - started < 30
        assert_works(database)

    def test_a_deadline_is_not_missed_while_the_database_is_away(self, settings):
        away = MySqlDatabase(replace(settings, port=1))
        with deadlines.deadline_in(0.5), pytest.raises(UnavailableError, match="not ready"):
            caller(away)("GetArtifacts")


def test_writers_that_meet_all_succeed(opened):
    database = opened()
    call = caller(database)
    types = call("PutTypes", 'execution_types { name: "E" } artifact_types { name: "A" } context_types { name: "C" }')
    request = (
        f"execution {{ type_id: {types.execution_type_ids[0]} }}"
        f' contexts {{ type_id: {types.context_type_ids[0]} name: "shared" }}'
        f" artifact_event_pairs {{ artifact {{ type_id: {types.artifact_type_ids[0]} }} event {{ type: OUTPUT }} }}"
        " options { reuse_context_if_already_exist: true }"
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("PutExecution", request), range(64)))
    assert len({answer.context_ids[0] for answer in answers}) == 1
    assert len({answer.execution_id for answer in answers}) == 64
    assert len(call("GetContexts").contexts) == 1


def test_types_put_at_the_same_time_are_one_type(opened):
    call = caller(opened())
    with ThreadPoolExecutor(8) as pool:
        put = pool.map(lambda _: call("PutTypes", 'artifact_types { name: "one" }').artifact_type_ids[0], range(16))
        assert len(set(put)) == 1


def test_a_query_that_reckons_beyond_64_bits_is_refused(opened):
    database = opened()
    assert_works(database)
    with pytest.raises(InvalidArgumentError, match="exceeds 64 bits"):
        caller(database)("GetArtifacts", 'options { filter_query: "id + 9223372036854775807 > 0" }')
