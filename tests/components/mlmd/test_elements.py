"""Elements are counted without parsing, as parsing would find them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.mlmd.elements import count_elements
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

PUT = rpc.PutArtifactsRequest.DESCRIPTOR
MOST = 10**9


def test_empty_elements_count():
    request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact()] * 1000)
    assert count_elements(request.SerializeToString(), PUT, MOST) == 1000


def test_fields_of_inner_messages_and_entries_of_maps_count():
    artifact = pb.Artifact(id=7, uri="s3://x", properties={"a": pb.Value(int_value=1)})
    # The artifact, its id and uri, the entry of the map with its key and value, and the number in it.
    assert count_elements(rpc.PutArtifactsRequest(artifacts=[artifact]).SerializeToString(), PUT, MOST) == 7


def test_the_count_stops_where_it_is_known_to_be_too_high():
    data = rpc.PutArtifactsRequest(artifacts=[pb.Artifact()] * 100_000).SerializeToString()
    assert count_elements(data, PUT, 10) == 11


def test_a_string_is_not_taken_for_messages():
    artifact = pb.Artifact(uri="\n\0" * 1000)
    assert count_elements(rpc.PutArtifactsRequest(artifacts=[artifact]).SerializeToString(), PUT, MOST) == 2


@given(st.binary(max_size=300))
def test_what_is_malformed_ends_the_count(data):
    assert count_elements(data, PUT, MOST) <= len(data)


@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=20))
def test_every_name_of_every_artifact_is_counted(names):
    artifacts = [
        pb.Artifact(custom_properties={name: pb.Value(string_value=name) for name in of_one}) for of_one in names
    ]
    # An artifact, and for each property its entry, key, value and the value's string.
    expected = sum(1 + 4 * len(artifact.custom_properties) for artifact in artifacts)
    data = rpc.PutArtifactsRequest(artifacts=artifacts).SerializeToString()
    assert count_elements(data, PUT, MOST) == expected
