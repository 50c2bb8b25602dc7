"""Artifacts, executions and contexts: what is put comes back; what does not fit is refused and changes nothing."""

from __future__ import annotations

import pytest
from google.protobuf import any_pb2, struct_pb2, text_format
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.mlmd.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc


def get(call, artifact_id):
    (artifact,) = call("GetArtifactsByID", f"artifact_ids: {artifact_id}").artifacts
    return artifact


def fresh_call(database):
    """As another process would call, which has not seen the types yet."""
    store = MetadataStore(database)
    return lambda method, text: store.handler(method)(text_format.Parse(text, getattr(rpc, f"{method}Request")()))


def put(call, *artifacts, mask=()):
    request = rpc.PutArtifactsRequest(artifacts=artifacts)
    request.update_mask.paths.extend(mask)
    return list(call("PutArtifacts", request).artifact_ids)


@pytest.fixture
def artifact(type_ids):
    return pb.Artifact(
        type_id=type_ids["artifact"],
        name="train-set",
        uri="s3://bucket/train",
        state=pb.Artifact.LIVE,
        external_id="ext-1",
        properties={"rows": pb.Value(int_value=10), "split": pb.Value(string_value="train")},
        custom_properties={"note": pb.Value(string_value="n"), "score": pb.Value(double_value=0.5)},
    )


class TestPutting:
    def test_an_artifact_comes_back_as_it_was_put(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        stored = get(call, artifact_id)
        assert stored.type == "DataSet"
        assert stored.create_time_since_epoch == stored.last_update_time_since_epoch > 0
        for field in ("type", "id", "create_time_since_epoch", "last_update_time_since_epoch"):
            stored.ClearField(field)
        assert stored == artifact

    def test_ids_are_in_the_order_of_the_request_whether_new_or_old(self, call, type_ids):
        new = pb.Artifact(type_id=type_ids["artifact"])
        (old_id,) = put(call, new)
        ids = put(call, new, pb.Artifact(id=old_id, uri="changed"), new)
        assert ids[1] == old_id
        assert ids[0] < ids[2]
        assert get(call, old_id).uri == "changed"

    def test_more_rows_than_one_statement_binds(self, call, type_ids):
        artifacts = [
            pb.Artifact(type_id=type_ids["artifact"], uri=str(number), properties={"rows": pb.Value(int_value=number)})
            for number in range(9000)
        ]
        ids = put(call, *artifacts)
        stored = call("GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=ids)).artifacts
        assert [found.id for found in stored] == ids
        assert all(found.uri == str(found.properties["rows"].int_value) for found in stored)

    def test_a_name_is_unique_in_its_type(self, call, artifact):
        put(call, artifact)
        artifact.external_id = "ext-2"
        with pytest.raises(AlreadyExistsError):
            put(call, artifact)

    def test_an_external_id_is_unique(self, call, artifact):
        put(call, artifact)
        artifact.name = "another"
        with pytest.raises(AlreadyExistsError):
            put(call, artifact)

    def test_a_refused_node_keeps_all_nodes_of_the_call_out(self, call, artifact, type_ids):
        with pytest.raises(InvalidArgumentError):
            put(call, artifact, pb.Artifact(type_id=type_ids["artifact"], properties={"no": pb.Value(int_value=1)}))
        assert not call("GetArtifacts").artifacts

    def test_a_context_needs_a_name(self, call, type_ids):
        with pytest.raises(InvalidArgumentError, match="name"):
            call("PutContexts", f"contexts {{ type_id: {type_ids['context']} }}")

    @pytest.mark.parametrize(
        ("artifact_text", "error", "message"),
        [
            ("", InvalidArgumentError, "Type id is missing"),
            ("type_id: 999", NotFoundError, "999"),
            ("id: 999 type_id: 1", InvalidArgumentError, "Cannot find the given id 999"),
            ('type_id: 1 properties { key: "x" value { int_value: 1 } }', InvalidArgumentError, "unknown property: x"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, call, artifact_text, error, message):
        with pytest.raises(error, match=message):
            call("PutArtifacts", f"artifacts {{ {artifact_text} }}")

    @pytest.mark.parametrize("value", ['string_value: "1"', "double_value: 1", "bool_value: true", ""])
    def test_a_value_of_another_type_than_declared_is_refused(self, call, type_ids, value):
        text = f'type_id: {type_ids["artifact"]} properties {{ key: "rows" value {{ {value} }} }}'
        with pytest.raises(InvalidArgumentError, match="unmatched property type: rows"):
            call("PutArtifacts", f"artifacts {{ {text} }}")

    def test_a_custom_property_without_value_is_refused(self, call, type_ids):
        text = f'type_id: {type_ids["artifact"]} custom_properties {{ key: "x" value {{ }} }}'
        with pytest.raises(InvalidArgumentError, match="x has no value"):
            call("PutArtifacts", f"artifacts {{ {text} }}")


class TestUpdating:
    def test_an_update_replaces_all_but_name_type_and_creation_time(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        before = get(call, artifact_id)
        put(call, pb.Artifact(id=artifact_id, uri="new", name="other"))
        after = get(call, artifact_id)
        assert (after.name, after.uri, after.type_id) == ("train-set", "new", before.type_id)
        assert after.create_time_since_epoch == before.create_time_since_epoch
        assert not after.properties
        assert not after.custom_properties
        assert not after.HasField("state")

    def test_only_what_the_mask_names_is_updated(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        given = pb.Artifact(id=artifact_id, uri="new", custom_properties={"note": pb.Value(string_value="m")})
        put(call, given, mask=["uri", "custom_properties.note", "custom_properties.score", "properties.rows"])
        after = get(call, artifact_id)
        assert after.uri == "new"
        assert after.state == pb.Artifact.LIVE
        assert {name: value.string_value for name, value in after.custom_properties.items()} == {"note": "m"}
        assert set(after.properties) == {"split"}

    def test_putting_back_what_was_read_changes_no_time(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        before = get(call, artifact_id)
        put(call, before)
        assert get(call, artifact_id) == before

    def test_an_update_of_something_else_in_between_is_noticed_when_asked(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        stale = get(call, artifact_id)
        stale.last_update_time_since_epoch -= 1
        request = rpc.PutArtifactsRequest(artifacts=[stale])
        request.options.abort_if_latest_updated_time_changed = True
        with pytest.raises(FailedPreconditionError):
            call("PutArtifacts", request)

    def test_the_type_of_a_node_never_changes(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        with pytest.raises(InvalidArgumentError, match="different"):
            put(call, pb.Artifact(id=artifact_id, type_id=1))

    def test_an_update_that_breaks_a_unique_key_changes_nothing(self, call, artifact, type_ids):
        put(call, artifact)
        (other,) = put(call, pb.Artifact(type_id=type_ids["artifact"], uri="other"))
        with pytest.raises(AlreadyExistsError):
            put(call, pb.Artifact(id=other, uri="changed", external_id="ext-1"))
        assert get(call, other).uri == "other"

    def test_two_updates_of_one_node_in_one_call_take_effect_in_order(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        put(
            call,
            pb.Artifact(id=artifact_id, custom_properties={"first": pb.Value(int_value=1)}),
            pb.Artifact(id=artifact_id, uri="last", custom_properties={"second": pb.Value(int_value=2)}),
        )
        after = get(call, artifact_id)
        assert after.uri == "last"
        assert set(after.custom_properties) == {"second"}

    def test_contexts_can_be_renamed_and_executions_keep_their_names(self, call, type_ids):
        (context_id,) = call("PutContexts", f'contexts {{ type_id: {type_ids["context"]} name: "a" }}').context_ids
        call("PutContexts", f'contexts {{ id: {context_id} type_id: {type_ids["context"]} name: "b" }}')
        assert call("GetContextsByID", f"context_ids: {context_id}").contexts[0].name == "b"
        execution = f'executions {{ type_id: {type_ids["execution"]} name: "a" }}'
        (execution_id,) = call("PutExecutions", execution).execution_ids
        call("PutExecutions", f'executions {{ id: {execution_id} name: "b" last_known_state: COMPLETE }}')
        (stored,) = call("GetExecutionsByID", f"execution_ids: {execution_id}").executions
        assert (stored.name, stored.last_known_state) == ("a", pb.Execution.COMPLETE)

    def test_a_custom_property_that_goes_leaves_the_property_of_its_name(self, call, type_ids):
        rows = 'properties { key: "rows" value { int_value: 1 } }'
        text = f"artifacts {{ type_id: {type_ids['artifact']} {rows}"
        (artifact_id,) = call("PutArtifacts", f"{text} custom_{rows} }}").artifact_ids
        call("PutArtifacts", f"{text} id: {artifact_id} }}")
        (stored,) = call("GetArtifacts").artifacts
        assert list(stored.properties) == ["rows"]
        assert not stored.custom_properties

    def test_an_external_id_that_one_node_gives_up_another_may_take_in_the_same_call(self, call, type_ids):
        artifact = f"artifacts {{ type_id: {type_ids['artifact']}"
        (first,) = call("PutArtifacts", f'{artifact} external_id: "x" }}').artifact_ids
        text = f'{artifact} id: {first} external_id: "y" }} {artifact} external_id: "x" }}'
        _, second = call("PutArtifacts", text).artifact_ids
        found = call("GetArtifacts").artifacts
        assert {a.id: a.external_id for a in found} == {first: "y", second: "x"}

    def test_a_name_that_is_taken_for_a_moment_only_is_taken(self, call, type_ids):
        context = f"contexts {{ type_id: {type_ids['context']}"
        first, second = call("PutContexts", f'{context} name: "a" }} {context} name: "b" }}').context_ids
        renamed = [f'{context} id: {first} name: "{name}" }}' for name in ("c", "d")]
        with pytest.raises(AlreadyExistsError):
            call("PutContexts", f'{renamed[0]} {context} id: {second} name: "c" }} {renamed[1]}')


class TestGetting:
    def test_by_uri_also_as_old_clients_ask(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        for request in ('uris: "s3://bucket/train"', 'uri: "s3://bucket/train"', 'uris: "x" uris: "s3://bucket/train"'):
            assert [found.id for found in call("GetArtifactsByURI", request).artifacts] == [artifact_id]

    def test_by_type_and_name(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        request = 'type_name: "DataSet" artifact_name: "{}"'
        assert call("GetArtifactByTypeAndName", request.format("train-set")).artifact.id == artifact_id
        assert not call("GetArtifactByTypeAndName", request.format("x")).HasField("artifact")

    def test_by_external_id(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        found = call("GetArtifactsByExternalIds", 'external_ids: "ext-1" external_ids: "x"').artifacts
        assert [stored.id for stored in found] == [artifact_id]
        with pytest.raises(NotFoundError):
            call("GetArtifactsByExternalIds", 'external_ids: "x"')
        with pytest.raises(InvalidArgumentError):
            call("GetArtifactsByExternalIds", 'external_ids: ""')

    def test_by_type_of_an_unknown_type_is_empty(self, call, artifact):
        put(call, artifact)
        assert len(call("GetArtifactsByType", 'type_name: "DataSet"').artifacts) == 1
        assert not call("GetArtifactsByType", 'type_name: "x"').artifacts

    def test_each_artifact_comes_once_with_its_type_when_asked(self, call, artifact):
        (artifact_id,) = put(call, artifact)
        ids = f"artifact_ids: {artifact_id} artifact_ids: {artifact_id} artifact_ids: 999"
        found = call("GetArtifactsByID", f"{ids} populate_artifact_types: true")
        assert [stored.id for stored in found.artifacts] == [artifact_id]
        assert [stored.name for stored in found.artifact_types] == ["DataSet"]

    def test_nodes_whose_type_somebody_deleted_stay_readable(self, call, database, artifact):
        (artifact_id,) = put(call, artifact)
        with database.write() as session:
            session.delete_rows("Type", ("id",), [(artifact.type_id,)])
        call = fresh_call(database)
        assert (get(call, artifact_id).uri, get(call, artifact_id).type) == ("s3://bucket/train", "")


MEGABYTE = "x" * 2**20
AWKWARD = [
    pb.Value(double_value=number) for number in (1e-7, 0.1, 1e308, -1e308, 5e-324, float("inf"), float("-inf"))
] + [
    *(pb.Value(int_value=number) for number in (2**63 - 1, -(2**63), 0)),
    *(pb.Value(string_value=text) for text in ("", "a\0b\0", "🜚 é 漢字 \U0010ffff", 'it\'s "quoted"; --', MEGABYTE)),
    *(pb.Value(bool_value=truth) for truth in (True, False)),
    pb.Value(struct_value=struct_pb2.Struct()),
    pb.Value(struct_value=struct_pb2.Struct(fields={"a\0": struct_pb2.Value(number_value=1e-7)})),
    pb.Value(proto_value=any_pb2.Any(type_url="type.googleapis.com/x.Y", value=b"\x00\xff")),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.one_of(
    st.builds(lambda x: pb.Value(int_value=x), st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda x: pb.Value(double_value=x), st.floats(allow_nan=False).map(lambda x: x + 0.0)),  # no -0.0
    st.builds(lambda x: pb.Value(string_value=x), TEXT.filter(lambda x: not x.startswith("mlmd-struct::"))),
    st.builds(lambda x: pb.Value(bool_value=x), st.booleans()),
)


def refused(database, value):
    with database.read() as session:
        return session.dialect.refuse_double(value.double_value)


class TestExactness:
    @pytest.mark.parametrize("value", AWKWARD, ids=lambda value: f"{str(value).strip()[:40]}")
    def test_awkward_values_come_back_equal_or_are_refused(self, call, database, type_ids, value):
        given = pb.Artifact(type_id=type_ids["artifact"], custom_properties={"v": value})
        if refused(database, value):
            with pytest.raises(InvalidArgumentError, match="cannot store"):
                put(call, given)
        else:
            (artifact_id,) = put(call, given)
            assert get(call, artifact_id).custom_properties["v"] == value

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(properties=st.dictionaries(TEXT, VALUES, max_size=5), uri=TEXT)
    def test_any_value_under_any_name_comes_back_equal(self, call, database, type_ids, properties, uri):
        assume(not any(refused(database, value) for value in properties.values()))
        given = pb.Artifact(type_id=type_ids["artifact"], uri=uri, custom_properties=properties)
        (artifact_id,) = put(call, given)
        stored = get(call, artifact_id)
        assert stored.uri == uri
        assert dict(stored.custom_properties.items()) == properties

    def test_zero_stays_zero_whatever_its_sign(self, call, type_ids):
        given = pb.Artifact(type_id=type_ids["artifact"], custom_properties={"v": pb.Value(double_value=-0.0)})
        (artifact_id,) = put(call, given)
        assert get(call, artifact_id).custom_properties["v"].double_value == 0

    def test_nan_is_refused_not_changed(self, call, type_ids):
        given = pb.Artifact(type_id=type_ids["artifact"], custom_properties={"v": pb.Value(double_value=float("nan"))})
        with pytest.raises(InvalidArgumentError, match=r"(?i)nan"):
            put(call, given)

    def test_a_string_that_would_read_as_a_struct_is_refused(self, call, type_ids):
        value = pb.Value(string_value="mlmd-struct::x")
        with pytest.raises(InvalidArgumentError, match="mlmd-struct"):
            put(call, pb.Artifact(type_id=type_ids["artifact"], custom_properties={"v": value}))
