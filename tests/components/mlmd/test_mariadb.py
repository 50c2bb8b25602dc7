"""What is MariaDB's own: its ids, and what its clusters see of a transaction."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from tests.support import mysql_server
from tests.support.store import assert_works, caller

ROW = ("name", "type_kind")


@pytest.fixture(scope="module")
def mariadb(mariadb_program):
    options = ("--log-bin=log", "--server-id=1", "--binlog-format=ROW")
    with mysql_server.running(*options, durable=False, program=mariadb_program) as server:
        yield server


@pytest.fixture
def settings(mariadb):
    with mariadb.database() as settings:
        yield settings


@pytest.fixture
def database(settings):
    database = MySqlDatabase(settings)
    database.prepare()
    yield database
    database.close()


def test_a_store_works(database):
    assert_works(database)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_ids_are_those_that_were_stored_while_their_step_changes_in_an_open_session(database, count):
    """As in Galera, where it follows the size of the cluster."""
    stored = {}
    for step in (1, 3, 2, 7):
        with database.write() as session:
            session.fetch(f"SET SESSION auto_increment_increment = {step}")
            names = [f"T{step}-{number}" for number in range(count)]
            stored.update(zip(session.insert("Type", ROW, [(name, 1) for name in names]), names, strict=True))
    assert len(stored) == 4 * count
    with database.read() as session:
        assert stored.items() <= dict(session.fetch("SELECT id, name FROM Type")).items()


def test_answers_have_the_ids_of_what_was_put(database):
    call = caller(database)
    (type_id,) = call("PutTypes", 'artifact_types { name: "T" }').artifact_type_ids
    request = "".join(f'artifacts {{ type_id: {type_id} uri: "{number}" }}' for number in range(50))
    ids = call("PutArtifacts", request).artifact_ids
    stored = {artifact.id: artifact.uri for artifact in call("GetArtifacts").artifacts}
    assert [stored[artifact_id] for artifact_id in ids] == [str(number) for number in range(50)]


def test_each_transaction_that_queues_up_leaves_a_change_that_a_cluster_sees(mariadb, settings, database):
    with database.write() as session:
        session.queue_up()
    before = len(mariadb.rows_changed(settings.database, "kfm_store"))
    for _ in range(2):
        with database.write() as session:
            session.queue_up()
    assert len(mariadb.rows_changed(settings.database, "kfm_store")) == before + 2
