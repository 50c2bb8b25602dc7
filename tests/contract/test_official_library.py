"""Our engine beside the official library, `ml-metadata` 1.17.1: each opens the other's database and goes on with it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.official_library import Official, Ours, plugins, request

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def official(official_python):
    official = Official(official_python)
    yield official
    official.close()


WRITES = [
    (
        "PutTypes",
        'artifact_types { name: "A" version: "v1" description: "d" external_id: "ta" base_type: MODEL '
        '  properties { key: "i" value: INT } properties { key: "s" value: STRING } '
        '  properties { key: "d" value: DOUBLE }'
        '  properties { key: "t" value: STRUCT } properties { key: "p" value: PROTO } '
        '  properties { key: "b" value: BOOLEAN } }'
        'execution_types { name: "E" input_type { any { } } output_type { dict { properties { key: "m" value { '
        'simple { name: "A" } } } } } } context_types { name: "C" }',
    ),
    (
        "PutArtifacts",
        'artifacts { type_id: 10 uri: "u" name: "n" state: LIVE external_id: "x" '
        '  properties { key: "i" value { int_value: -9223372036854775808 } } '
        '  properties { key: "s" value { string_value: "it\'s 漢字 🚀" } } '
        '  properties { key: "d" value { double_value: 0.5 } } properties { key: "b" value { bool_value: false } } '
        '  properties { key: "t" value { struct_value { fields { key: "k" value { string_value: "v" } } } } } '
        '  properties { key: "p" value { proto_value { type_url: "t/x" value: "\\001\\377" } } } '
        '  custom_properties { key: "c" value { int_value: 9223372036854775807 } } } artifacts { type_id: 10 }',
    ),
    ("PutExecutions", 'executions { type_id: 11 last_known_state: RUNNING name: "e" }'),
    ("PutContexts", 'contexts { type_id: 12 name: "c" } contexts { type_id: 12 name: "parent" }'),
    (
        "PutEvents",
        "events { artifact_id: 1 execution_id: 1 type: INPUT milliseconds_since_epoch: 5 "
        'path { steps { index: 3 } steps { key: "k" } } } events { artifact_id: 2 execution_id: 1 type: OUTPUT }',
    ),
    (
        "PutAttributionsAndAssociations",
        "attributions { artifact_id: 1 context_id: 1 } associations { execution_id: 1 context_id: 1 }",
    ),
    ("PutParentContexts", "parent_contexts { child_id: 1 parent_id: 2 }"),
]
READS = [
    ("GetArtifactType", 'type_name: "A" type_version: "v1"'),
    ("GetExecutionType", 'type_name: "E"'),
    ("GetContextTypes", ""),
    ("GetArtifacts", ""),
    ("GetArtifactTypesByID", "type_ids: 10"),
    ("GetArtifactsByID", "artifact_ids: 1"),
    ("GetArtifactsByExternalIds", 'external_ids: "x"'),
    ("GetExecutions", ""),
    ("GetContexts", ""),
    ("GetEventsByArtifactIDs", "artifact_ids: 1 artifact_ids: 2"),
    ("GetContextsByArtifact", "artifact_id: 1"),
    ("GetContextsByExecution", "execution_id: 1"),
    ("GetParentContextsByContext", "context_id: 1"),
]


@pytest.fixture(params=["sqlite", "mysql"])
def where(request, tmp_path):
    """A place for a database that both can open."""
    if request.param == "sqlite":
        yield tmp_path / "m.db"
        return
    if plugins() is None:
        pytest.skip("the official library reaches MySQL 9 only with the plugins of Debian's package libmariadb3")
    mysql = request.getfixturevalue("mysql")
    mysql.sql("CREATE USER IF NOT EXISTS open@'%' IDENTIFIED BY ''", "GRANT ALL ON *.* TO open@'%'")
    with mysql.database() as settings:
        yield replace(settings, user="open", password="")


def writes(where, *, ascii_only=False):
    """What both can store there: the official library's columns on MySQL hold 32 bits."""
    for method, text in WRITES:
        if isinstance(where, MySqlSettings):
            text = text.replace(str(2**63 - 1), str(2**31 - 1)).replace(str(-(2**63)), str(-(2**31)))  # noqa: PLW2901
        if ascii_only:
            text = text.replace("漢字 🚀", "ASCII")  # noqa: PLW2901
        yield method, request(method, text)


def test_what_we_wrote_the_official_library_reads_and_goes_on_with(official, where, tmp_path):
    ours = Ours(where)
    # From a MySQL database of ours it reads other text as question marks: it asks for Latin-1.
    for method, message in writes(where, ascii_only=isinstance(where, MySqlSettings)):
        assert ours(method, message)[0] == 0
    ours.database.close()
    official.open(where)
    theirs = [official(method, request(method, text)) for method, text in READS]
    code, added = official("PutArtifacts", request("PutArtifacts", "artifacts { type_id: 10 }"))
    assert (code, list(added.artifact_ids)) == (0, [3])
    official.open(tmp_path / "another.db")
    again = Ours(where)
    assert [artifact.id for artifact in again("GetArtifacts", rpc.GetArtifactsRequest())[1].artifacts] == [1, 2, 3]
    assert_same_reads(theirs, again, without_artifact=3)
    again.database.close()


def test_what_the_official_library_wrote_we_read_and_go_on_with(official, where, tmp_path):
    official.open(where)
    for method, message in writes(where):
        assert official(method, message)[0] == 0
    theirs = [official(method, request(method, text)) for method, text in READS]
    official.open(tmp_path / "another.db")
    ours = Ours(where)
    assert_same_reads(theirs, ours)
    code, added = ours("PutArtifacts", request("PutArtifacts", 'artifacts { type_id: 10 uri: "漢字🚀" }'))
    assert (code, list(added.artifact_ids)) == (0, [3])
    ours.database.close()
    official.open(where)
    _, found = official("GetArtifactsByID", request("GetArtifactsByID", "artifact_ids: 3"))
    assert found.artifacts[0].uri == "漢字🚀"


def test_a_new_sqlite_database_has_the_tables_of_the_official_library_and_what_is_ours(official, tmp_path):
    official.open(tmp_path / "theirs.db")
    official.open(tmp_path / "another.db")
    Ours(tmp_path / "ours.db").database.close()
    theirs, ours = (sqlite_tables(tmp_path / name) for name in ("theirs.db", "ours.db"))
    assert ours.keys() - theirs.keys() == {"kfm_store"}
    for table, (columns, indexes) in theirs.items():
        assert ours[table][0] == columns, table
        added = {name for name in ours[table][1] if name not in indexes}
        assert all(re.fullmatch(r"idx_\w+_(type|artifact|execution)_id", name) for name in added), table
        assert {name: ours[table][1].get(name) for name in indexes} == indexes, table


def sqlite_tables(path):
    """The columns and indexes of each table."""
    with closing(sqlite3.connect(path)) as connection:

        def ask(what, of):
            return connection.execute(f"SELECT * FROM pragma_{what}(?)", (of,)).fetchall()

        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: (
                [column[1:] for column in ask("table_info", table)],
                {name: (*rest, ask("index_info", name)) for _, name, *rest in ask("index_list", table)},
            )
            for table in names
        }


def assert_same_reads(theirs, ours, without_artifact=None):
    for (method, text), (code, response) in zip(READS, theirs, strict=True):
        our_code, our_response = ours(method, request(method, text))
        if method == "GetArtifacts" and without_artifact:
            assert our_response.artifacts.pop().id == without_artifact
        if method == "GetArtifactType":  # on MySQL the official library leaves it out
            our_response.artifact_type.ClearField("external_id")
            response.artifact_type.ClearField("external_id")
        assert (method, our_code, our_response) == (method, code, response)
