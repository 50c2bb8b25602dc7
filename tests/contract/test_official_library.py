"""Our engine beside the official library, `ml-metadata` 1.17.1: each opens the other's database and goes on with it."""

import pytest

from mlmd_proto import metadata_store_service_pb2 as rpc
from tests.contract.official import Official, Ours, request

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


class TestSharedDatabase:
    def test_what_we_wrote_the_official_library_reads_and_goes_on_with(self, official, tmp_path):
        ours = Ours(tmp_path / "m.db")
        for method, text in WRITES:
            assert ours(method, request(method, text))[0] == 0
        ours.database.close()
        official.open(tmp_path / "m.db")
        theirs = [official(method, request(method, text)) for method, text in READS]
        code, added = official("PutArtifacts", request("PutArtifacts", "artifacts { type_id: 10 }"))
        assert (code, list(added.artifact_ids)) == (0, [3])
        official.open(tmp_path / "another.db")
        again = Ours(tmp_path / "m.db")
        assert [artifact.id for artifact in again("GetArtifacts", rpc.GetArtifactsRequest())[1].artifacts] == [1, 2, 3]
        self.assert_same_reads(theirs, again, without_artifact=3)
        again.database.close()

    def test_what_the_official_library_wrote_we_read_and_go_on_with(self, official, tmp_path):
        official.open(tmp_path / "m.db")
        for method, text in WRITES:
            assert official(method, request(method, text))[0] == 0
        theirs = [official(method, request(method, text)) for method, text in READS]
        official.open(tmp_path / "another.db")
        ours = Ours(tmp_path / "m.db")
        self.assert_same_reads(theirs, ours)
        code, added = ours("PutArtifacts", request("PutArtifacts", "artifacts { type_id: 10 }"))
        assert (code, list(added.artifact_ids)) == (0, [3])
        ours.database.close()

    @staticmethod
    def assert_same_reads(theirs, ours, without_artifact=None):
        for (method, text), (code, response) in zip(READS, theirs, strict=True):
            our_code, our_response = ours(method, request(method, text))
            if method == "GetArtifacts" and without_artifact:
                assert our_response.artifacts.pop().id == without_artifact
            assert (method, our_code, our_response) == (method, code, response)
