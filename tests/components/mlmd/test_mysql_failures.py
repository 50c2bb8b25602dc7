"""A MySQL server that goes away, refuses or loses an answer: what its clients see of that, and that nothing is lost."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.errors import UnavailableError
from tests.support import mysql_server
from tests.support.store import assert_works, caller


@pytest.fixture
def database(own_mysql):
    with own_mysql.database() as settings:
        database = MySqlDatabase(settings)
        database.prepare()
        yield database
        database.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_is_waited_for(own_mysql, database, how):
    assert_works(database)
    own_mysql.stop(how)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller(database), "GetArtifacts")
        own_mysql.start()
        assert waiting.result(60).artifacts[0].uri == "漢字🚀"
    assert_works(database)


def test_a_server_that_stays_away_is_unavailable(own_mysql, database, monkeypatch):
    monkeypatch.setattr("kubeflow_metadata.mlmd.retries.LONGEST_SECONDS", 0.5)
    own_mysql.stop()
    try:
        with pytest.raises(UnavailableError, match="Cannot connect"):
            caller(database)("GetArtifacts")
    finally:
        own_mysql.start()
    assert_works(database)


def test_a_read_only_server_is_read_and_refuses_writes_until_it_is_writable(own_mysql, database, monkeypatch):
    assert_works(database)
    own_mysql.sql("SET GLOBAL super_read_only = ON")
    try:
        with monkeypatch.context() as patch:
            patch.setattr("kubeflow_metadata.mlmd.retries.LONGEST_SECONDS", 0.5)
            with pytest.raises(UnavailableError, match="does not accept writes"):
                caller(database)("PutTypes", 'artifact_types { name: "T" }')
        assert caller(database)("GetArtifacts").artifacts
    finally:
        own_mysql.sql("SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
    assert_works(database)


def test_connections_that_timed_out_are_replaced_unnoticed(own_mysql, database):
    own_mysql.sql("SET GLOBAL wait_timeout = 1")
    try:
        assert_works(database)
        idle = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{mysql_server.USER}'"
        while own_mysql.sql(idle) != [(0,)]:
            time.sleep(0.1)
        assert_works(database)
    finally:
        own_mysql.sql("SET GLOBAL wait_timeout = 28800")


def test_a_commit_without_an_answer_is_not_sent_again(own_mysql, database, monkeypatch):
    """Its outcome is unknown: the client is told so, and nothing is stored twice."""
    call = caller(database)
    (type_id,) = call("PutTypes", 'artifact_types { name: "T" }').artifact_type_ids
    commit = pymysql.connections.Connection.commit
    attempts = []

    def commit_and_lose_the_answer(connection):
        commit(connection)
        attempts.append(connection)
        raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setenv("KFM_MLMD_MYSQL_DRIVER", "pymysql")
    monkeypatch.setattr("kubeflow_metadata.mlmd.db.mysql.driver._drivers", [pymysql])
    fresh = MySqlDatabase(database._settings)
    fresh.prepare()
    monkeypatch.setattr(pymysql.connections.Connection, "commit", commit_and_lose_the_answer)
    with pytest.raises(UnavailableError, match="may or may not have been stored"):
        caller(fresh)("PutArtifacts", f"artifacts {{ type_id: {type_id} }}")
    fresh.close()
    assert len(attempts) == 1
    assert len(call("GetArtifacts").artifacts) == 1
