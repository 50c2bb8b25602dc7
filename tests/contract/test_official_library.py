"""Our engine beside the official library, `ml-metadata` 1.17.1: the same answers, and each opens the other's database.

Where ours differs on purpose, the requests here keep away from it; `docs/mlmd-compatibility.md` lists those places.
"""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from mlmd_proto import metadata_store_pb2 as pb
from mlmd_proto import metadata_store_service_pb2 as rpc
from mlmd_server.db.sqlite import SqliteDatabase
from mlmd_server.errors import StoreError
from mlmd_server.service import MetadataStore

pytestmark = pytest.mark.contract

DRIVER = Path(__file__).parent / "clients" / "official_store.py"


class Official:
    """The official library in a process of its own."""

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def open(self, path):
        self._ask("open", str(path))

    def __call__(self, method, request):
        code, response, _ = self._ask(method, base64.b64encode(request.SerializeToString()).decode())
        return code, getattr(rpc, f"{method}Response").FromString(base64.b64decode(response))

    def _ask(self, *question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.communicate()


class Ours:
    """Our engine, called as the official one."""

    def __init__(self, path):
        self.database = SqliteDatabase(path)
        self.store = MetadataStore(self.database)

    def __call__(self, method, request):
        try:
            return 0, self.store.handler(method)(request)
        except StoreError as error:
            return int(error.code), getattr(rpc, f"{method}Response")()


@pytest.fixture(scope="module")
def official(official_python):
    official = Official(official_python)
    yield official
    official.close()


def request(method, text=""):
    return text_format.Parse(text, getattr(rpc, f"{method}Request")())


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


# A few types, names and ids, so that requests meet each other's results.
IDS = st.integers(1, 4)
NAMES = st.sampled_from(["", "a", "b", "it's"])
TYPE_IDS = st.sampled_from([1, 10, 11, 12, 13, 99])
VALUES = st.one_of(
    st.builds(lambda x: pb.Value(int_value=x), st.sampled_from([0, 1, -(2**63), 2**63 - 1])),
    st.builds(lambda x: pb.Value(double_value=x), st.sampled_from([0.0, 0.5, -3.0])),
    st.builds(lambda x: pb.Value(string_value=x), st.sampled_from(["", "x", "%'\"", "漢"])),
    st.builds(lambda x: pb.Value(bool_value=x), st.booleans()),
)
PROPERTY_TYPES = st.sampled_from([pb.INT, pb.DOUBLE, pb.STRING, pb.BOOLEAN, pb.UNKNOWN])


def some(message, **fields):
    """A message with any of these fields set or left out."""
    drawn = st.fixed_dictionaries({}, optional=fields)
    return drawn.map(lambda chosen: message(**chosen))


def few(strategy, largest=2):
    return st.lists(strategy, max_size=largest)


PROPERTIES = st.dictionaries(st.sampled_from(["i", "s", "zz"]), VALUES, max_size=2)
TYPE_FIELDS = {
    "name": st.sampled_from(["A", "E", "C", "new"]),
    "version": st.sampled_from(["", "v1"]),
    "external_id": st.sampled_from(["x", "y"]),
    "properties": st.dictionaries(st.sampled_from(["i", "s", "zz"]), PROPERTY_TYPES, max_size=2),
}
NODE_FIELDS = {
    "id": IDS,
    "type_id": TYPE_IDS,
    "name": NAMES,
    "external_id": st.sampled_from(["x", "y"]),
    "properties": PROPERTIES,
    "custom_properties": PROPERTIES,
}
ARTIFACTS = some(pb.Artifact, uri=NAMES, state=st.sampled_from([pb.Artifact.UNKNOWN, pb.Artifact.LIVE]), **NODE_FIELDS)
EXECUTIONS = some(pb.Execution, last_known_state=st.sampled_from([0, 2]), **NODE_FIELDS)
CONTEXTS = some(pb.Context, **NODE_FIELDS)
EVENTS = some(pb.Event, artifact_id=IDS, execution_id=IDS, type=st.sampled_from([0, 3, 4]))
OPTIONS = some(
    pb.ListOperationOptions,
    max_result_size=st.sampled_from([1, 2, 100]),
    order_by_field=some(pb.ListOperationOptions.OrderByField, field=st.just(3), is_asc=st.booleans()),
)
ANY_OPTIONS = some(pb.ListOperationOptions, max_result_size=st.sampled_from([-1, 0, 1, 2, 100]))
TYPE_AND_NAME = {"type_name": st.sampled_from(["A", "E", "C", "no"]), "type_version": st.sampled_from(["", "v1"])}
MASK = st.lists(
    st.sampled_from(["uri", "external_id", "properties", "custom_properties.zz", "properties.i"]), max_size=2
).map(lambda paths: {"paths": paths})

CALLS = {
    "PutArtifactType": {
        "artifact_type": some(pb.ArtifactType, base_type=st.sampled_from([0, 1, 2]), **TYPE_FIELDS),
        "can_add_fields": st.booleans(),
        "can_omit_fields": st.booleans(),
    },
    "PutTypes": {"execution_types": few(some(pb.ExecutionType, **TYPE_FIELDS)), "can_add_fields": st.booleans()},
    "PutArtifacts": {"artifacts": few(ARTIFACTS, 1), "update_mask": MASK},
    "PutExecutions": {"executions": few(EXECUTIONS, 1)},
    "PutContexts": {"contexts": few(CONTEXTS, 1)},
    "PutAttributionsAndAssociations": {
        "attributions": few(some(pb.Attribution, artifact_id=IDS, context_id=IDS)),
        "associations": few(some(pb.Association, execution_id=IDS, context_id=IDS)),
    },
    "PutParentContexts": {"parent_contexts": few(some(pb.ParentContext, child_id=IDS, parent_id=IDS), 1)},
    "GetArtifactType": TYPE_AND_NAME,
    "GetArtifactTypesByID": {"type_ids": few(TYPE_IDS, 4)},
    "GetExecutionTypesByExternalIds": {"external_ids": few(st.sampled_from(["", "x", "no"]))},
    "GetArtifacts": {"options": st.one_of(OPTIONS, ANY_OPTIONS)},
    "GetExecutionsByType": {**TYPE_AND_NAME, "options": OPTIONS},
    "GetContextsByType": TYPE_AND_NAME,
    "GetArtifactByTypeAndName": {**TYPE_AND_NAME, "artifact_name": NAMES},
    "GetContextByTypeAndName": {**TYPE_AND_NAME, "context_name": NAMES},
    "GetArtifactsByID": {"artifact_ids": few(IDS, 3), "populate_artifact_types": st.booleans()},
    "GetArtifactsByURI": {"uris": few(NAMES, 1)},
    "GetArtifactsByExternalIds": {"external_ids": few(st.sampled_from(["", "x", "no"]))},
    "GetEventsByExecutionIDs": {"execution_ids": few(IDS)},
    "GetContextsByArtifact": {"artifact_id": IDS},
    "GetArtifactsByContext": {"context_id": IDS, "options": OPTIONS},
    "GetParentContextsByContext": {"context_id": IDS},
    "GetChildrenContextsByContext": {"context_id": IDS},
}
REQUESTS = st.sampled_from(sorted(CALLS)).flatmap(
    lambda method: st.tuples(st.just(method), st.fixed_dictionaries({}, optional=CALLS[method])).map(
        lambda call: (call[0], getattr(rpc, f"{call[0]}Request")(**call[1]))
    )
)
# Events are put once each, because the official library refuses one that is stored already.
FIXED_EVENTS = "".join(f"events {{ artifact_id: 1 execution_id: {e} type: INPUT }}" for e in (1, 2))
START = [
    (
        "PutTypes",
        'artifact_types { name: "A" properties { key: "i" value: INT } properties { key: "s" value: STRING } }'
        'execution_types { name: "E" properties { key: "i" value: INT } } context_types { name: "C" }',
    ),
    ("PutArtifacts", 'artifacts { type_id: 10 name: "a" } artifacts { type_id: 10 uri: "b" }'),
    ("PutExecutions", "executions { type_id: 11 } executions { type_id: 11 }"),
    ("PutContexts", 'contexts { type_id: 12 name: "a" } contexts { type_id: 12 name: "b" }'),
    ("PutEvents", FIXED_EVENTS),
]


@seed(20260101)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=12))
def test_any_calls_have_the_same_answers(official, tmp_path_factory, requests):
    directory = tmp_path_factory.mktemp("stores")
    official.open(directory / "official.db")
    ours = Ours(directory / "ours.db")
    try:
        for method, message in [*((method, request(method, text)) for method, text in START), *requests]:
            their_code, theirs = official(method, message)
            our_code, our_answer = ours(method, message)
            assert (our_code, comparable(our_answer)) == (their_code, comparable(theirs)), f"{method} {message}"
    finally:
        ours.database.close()


def comparable(response):
    """A response without times and page tokens, and types without the external ids that their lists leave out."""
    copy = type(response)()
    copy.CopyFrom(response)
    for field, value in copy.ListFields():
        if field.name == "next_page_token":
            # The official library may set an empty token where a list ends; ours sets none.
            copy.ClearField("next_page_token")
            if value:
                copy.next_page_token = "given"
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for node in value if field.is_repeated else [value]:
                for name in ("create_time_since_epoch", "last_update_time_since_epoch", "milliseconds_since_epoch"):
                    if name in node.DESCRIPTOR.fields_by_name:
                        node.ClearField(name)
    return copy
