"""What any client stores, REST shows in full; what REST takes, every client gets."""

from __future__ import annotations

import json
from urllib.parse import quote
from uuid import uuid4

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from kubeflow_metadata.rest.v1alpha1.wire.decode import Decoder
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode
from tests.support.messages import TEXT, VALUES

TYPE = "example.org/hidden/nothing"
THOROUGH = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS = {
    "custom_properties": st.dictionaries(TEXT, VALUES, max_size=4),
    "name": TEXT,
    "external_id": TEXT,
}
NODES = st.one_of(
    st.builds(mlmd.Artifact, uri=TEXT, state=st.sampled_from(mlmd.Artifact.State.values()), **FIELDS),
    st.builds(mlmd.Execution, last_known_state=st.sampled_from(mlmd.Execution.State.values()), **FIELDS),
)


@pytest.fixture(scope="module")
def stub(backend):
    """Calls the store as a gRPC client does."""
    with grpc.insecure_channel(backend.grpc_target) as channel:

        def call(method, **fields):
            request = getattr(rpc, f"{method}Request")(**fields)
            rpc_method = channel.unary_unary(
                f"/ml_metadata.MetadataStoreService/{method}",
                type(request).SerializeToString,
                getattr(rpc, f"{method}Response").FromString,
            )
            return rpc_method(request, timeout=60)

        yield call


@pytest.fixture(scope="module")
def type_ids(stub):
    stored = stub("PutTypes", artifact_types=[{"name": TYPE}], execution_types=[{"name": TYPE}])
    return {mlmd.Artifact: stored.artifact_type_ids[0], mlmd.Execution: stored.execution_type_ids[0]}


def unique(node):
    """Nobody else has its name and external id."""
    node.name += str(uuid4())
    node.external_id += str(uuid4())
    for value in node.custom_properties.values():
        if value.HasField("double_value") and value.double_value == 0:
            value.double_value = 0.0  # SQLite has no negative zero
    return node


def noun(node):
    return node.DESCRIPTOR.name.lower()


def stored(stub, node, node_id):
    answer = stub(f"Get{noun(node).capitalize()}sByID", **{f"{noun(node)}_ids": [node_id]})
    (found,) = getattr(answer, f"{noun(node)}s")
    return found


def read(node, body):
    message = type(node)()
    Decoder(1000).decode(json.dumps(body).encode(), message)
    return message


@THOROUGH
@given(NODES)
def test_what_a_grpc_client_stores_is_shown(backend, stub, type_ids, node):
    unique(node).type_id = type_ids[type(node)]
    kind = noun(node)
    answer = stub(f"Put{kind.capitalize()}s", **{f"{kind}s": [node]})
    (node_id,) = getattr(answer, f"{kind}_ids")
    shown = backend.get(f"/{kind}_types/{quote(TYPE, safe='')}/{kind}s/{node_id}")[kind]
    assert read(node, shown) == stored(stub, node, node_id)
    assert int(shown["create_time_since_epoch"]) > 0
    assert shown in backend.get(f"/{kind}s")[f"{kind}s"]


@THOROUGH
@given(NODES)
def test_what_is_posted_is_stored_and_shown(backend, stub, type_ids, node):
    unique(node)
    kind = noun(node)
    response = backend.call("POST", f"/{kind}_types/{TYPE}/{kind}s", content=encode(node))
    assert response.status_code == 200, response.text
    posted = response.json()[kind]
    assert backend.get(f"/{kind}_types/x/{kind}s/{posted['id']}") == {kind: posted}
    found = stored(stub, node, int(posted["id"]))
    assert read(node, posted) == found
    for added in ("id", "type_id", "type", "create_time_since_epoch", "last_update_time_since_epoch"):
        found.ClearField(added)
    assert found == node
