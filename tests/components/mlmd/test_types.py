"""Types: made once, then only added to; and the ways in which a different one is refused."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, UnimplementedError
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

ROWS = 'properties { key: "rows" value: INT }'
SPLIT = 'properties { key: "split" value: STRING }'


def test_putting_the_same_type_again_returns_the_same_id(call):
    first = call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }}')
    assert call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }}').type_id == first.type_id


def test_types_of_the_same_name_and_another_version_are_different_types(call):
    first = call("PutArtifactType", 'artifact_type { name: "T" }')
    second = call("PutArtifactType", 'artifact_type { name: "T" version: "v1" }')
    assert first.type_id != second.type_id
    assert call("GetArtifactType", 'type_name: "T" type_version: "v1"').artifact_type.id == second.type_id
    assert call("GetArtifactType", 'type_name: "T"').artifact_type.id == first.type_id


def test_the_three_kinds_may_use_the_same_name(call):
    ids = call("PutTypes", 'artifact_types { name: "T" } execution_types { name: "T" } context_types { name: "T" }')
    assert len({*ids.artifact_type_ids, *ids.execution_type_ids, *ids.context_type_ids}) == 3


def test_a_property_is_added_only_where_that_is_allowed(call):
    type_id = call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }}').type_id
    with pytest.raises(AlreadyExistsError, match="can_add_fields"):
        call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} {SPLIT} }}')
    added = call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} {SPLIT} }} can_add_fields: true')
    assert added.type_id == type_id
    assert dict(call("GetArtifactType", 'type_name: "T"').artifact_type.properties) == {
        "rows": pb.INT,
        "split": pb.STRING,
    }


def test_a_property_is_left_out_only_where_that_is_allowed_and_stays(call):
    call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} {SPLIT} }}')
    with pytest.raises(AlreadyExistsError, match="can_omit_fields"):
        call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }}')
    call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }} can_omit_fields: true')
    assert "split" in call("GetArtifactType", 'type_name: "T"').artifact_type.properties


def test_a_call_may_leave_out_what_it_has_itself_added_to_a_stored_type(call):
    """As the official server has it."""
    few, many = f'artifact_types {{ name: "T" {ROWS} }}', f'artifact_types {{ name: "T" {ROWS} {SPLIT} }}'
    (type_id,) = call("PutTypes", few).artifact_type_ids
    assert call("PutTypes", f"{many} {few} can_add_fields: true").artifact_type_ids == [type_id, type_id]
    assert sorted(call("GetArtifactTypes").artifact_types[0].properties) == ["rows", "split"]
    with pytest.raises(AlreadyExistsError, match="can_omit_fields"):
        call("PutTypes", few)
    with pytest.raises(AlreadyExistsError, match="can_omit_fields"):
        call("PutTypes", f"{many} {few} can_add_fields: true".replace('"T"', '"New"'))


def test_a_property_never_changes_its_type(call):
    call("PutArtifactType", f'artifact_type {{ name: "T" {ROWS} }}')
    other = 'artifact_type { name: "T" properties { key: "rows" value: STRING } }'
    with pytest.raises(AlreadyExistsError, match="rows is INT"):
        call("PutArtifactType", f"{other} can_add_fields: true can_omit_fields: true")


@pytest.mark.parametrize(
    "request_text",
    ["", "artifact_type { }", 'artifact_type { name: "T" properties { key: "x" value: UNKNOWN } }'],
    ids=["no type", "no name", "unknown property type"],
)
def test_an_unusable_type_is_refused(call, request_text):
    with pytest.raises(InvalidArgumentError):
        call("PutArtifactType", request_text)


def test_one_unusable_type_keeps_all_types_of_the_call_out(call):
    with pytest.raises(InvalidArgumentError):
        call("PutTypes", 'artifact_types { name: "Good" } artifact_types { name: "" }')
    with pytest.raises(NotFoundError):
        call("GetArtifactType", 'type_name: "Good"')


def test_a_base_type_is_set_once_and_neither_changed_nor_taken_away(call):
    call("PutArtifactType", 'artifact_type { name: "T" }')
    call("PutArtifactType", 'artifact_type { name: "T" base_type: MODEL }')
    assert call("GetArtifactType", 'type_name: "T"').artifact_type.base_type == pb.ArtifactType.MODEL
    for base in ("DATASET", "UNSET"):
        with pytest.raises(UnimplementedError):
            call("PutArtifactType", f'artifact_type {{ name: "T" base_type: {base} }}')


def test_an_external_id_is_unique_among_all_types(call):
    call("PutTypes", 'artifact_types { name: "T" external_id: "x" } artifact_types { name: "U" }')
    for name in ("U", "V"):
        with pytest.raises(AlreadyExistsError, match="external id"):
            call("PutArtifactType", f'artifact_type {{ name: "{name}" external_id: "x" }}')


def test_lists_leave_the_built_in_types_out_but_they_are_there(call):
    assert not call("GetArtifactTypes").artifact_types
    assert call("GetArtifactType", 'type_name: "mlmd.Model"').artifact_type.name == "mlmd.Model"


def test_types_come_back_as_they_were_put(call):
    given = pb.ExecutionType(
        name="T",
        version="v1",
        description="d",
        external_id="e",
        properties={"steps": pb.INT},
        base_type=pb.ExecutionType.TRAIN,
        input_type=pb.ArtifactStructType(any=pb.AnyArtifactStructType()),
    )
    given.output_type.dict.properties["model"].simple.name = "Model"
    given.id = call("PutExecutionType", rpc.PutExecutionTypeRequest(execution_type=given)).type_id
    assert call("GetExecutionType", 'type_name: "T" type_version: "v1"').execution_type == given
    assert call("GetExecutionTypes").execution_types == [given]
    assert call("GetExecutionTypesByExternalIds", 'external_ids: "e"').execution_types == [given]


def test_types_by_id_come_in_the_order_of_the_ids_without_unknown_ones(call, type_ids):
    type_id = type_ids["artifact"]
    found = call("GetArtifactTypesByID", f"type_ids: {type_id} type_ids: 1 type_ids: 999 type_ids: {type_id}")
    assert [found_type.id for found_type in found.artifact_types] == [type_id, 1, type_id]


def test_a_type_that_another_process_extends_is_known_here_at_once(call, database, type_ids):
    artifact = f'artifacts {{ type_id: {type_ids["artifact"]} properties {{ key: "new" value {{ int_value: 1 }} }} }}'
    with pytest.raises(InvalidArgumentError, match="unknown property: new"):
        call("PutArtifacts", artifact)
    with database.write() as session:
        session.insert_rows("TypeProperty", ("type_id", "name", "data_type"), [(type_ids["artifact"], "new", pb.INT)])
    assert call("PutArtifacts", artifact).artifact_ids
