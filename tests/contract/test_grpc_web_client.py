"""The grpc-web client that pages are built with, as npm has it: the one of Kubeflow Pipelines, and the newest."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from uuid import uuid4

import pytest

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.checkout import CLIENT_SCRIPTS
from tests.support.servers import running_server, unused_port

pytestmark = pytest.mark.contract

SCRIPT = CLIENT_SCRIPTS / "grpc_web" / "call.js"

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, UNIMPLEMENTED, UNAVAILABLE = 0, 3, 4, 5, 12, 14


@pytest.fixture(params=["grpc-web-1", "grpc-web-2"])
def client(request, grpc_web_clients):
    return request.param, grpc_web_clients


@pytest.fixture(params=["text", "binary"])
def call(request, client):
    """Make calls in turn: `(method, request, metadata)`; each answer is a code and a reply or the words of an error."""
    package, modules = client

    def make(url, *calls):
        lines = [
            (method, base64.b64encode(message.SerializeToString()).decode(), dict(*metadata))
            for method, message, *metadata in calls
        ]
        done = subprocess.run(
            [str(shutil.which("node")), SCRIPT, modules / package, request.param, url],
            input=json.dumps(lines),
            env={"NODE_PATH": str(modules)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [_read(method, answer) for (method, *_), answer in zip(calls, json.loads(done.stdout), strict=True)]

    return make


def _read(method, answer):
    if "code" in answer:
        return answer["code"], answer["message"]
    return OK, getattr(rpc, f"{method}Response").FromString(base64.b64decode(answer["reply"]))


@pytest.fixture(scope="module")
def served(grpc_web):
    with grpc_web() as url:
        yield url


@pytest.fixture(params=["directly", "through the UI server", "under the UI server's prefix"])
def url(request, served, grpc_web_passed_on):
    places = {"directly": served, "through the UI server": grpc_web_passed_on}
    return places.get(request.param, f"{grpc_web_passed_on}/metadata")


def test_whose_an_artifact_is_can_be_asked(call, url):
    """The questions that Kubeflow Pipelines asks before it shows an artifact."""
    uri, name = f"s3://bucket/{uuid4()}", "Größe 模型 🚀"
    (_, of_artifact), (_, of_run) = call(
        url,
        ("PutArtifactType", rpc.PutArtifactTypeRequest(artifact_type={"name": "system.Model"})),
        ("PutContextType", rpc.PutContextTypeRequest(context_type={"name": "system.PipelineRun"})),
    )
    logged = {"name": {"string_value": name}, "loss": {"double_value": 1e-7}, "steps": {"int_value": 2**62}}
    artifact = {"type_id": of_artifact.type_id, "uri": uri, "custom_properties": logged}
    run = {"type_id": of_run.type_id, "name": uri, "custom_properties": {"namespace": {"string_value": "team-a"}}}
    (_, artifacts), (_, runs) = call(
        url,
        ("PutArtifacts", rpc.PutArtifactsRequest(artifacts=[artifact])),
        ("PutContexts", rpc.PutContextsRequest(contexts=[run])),
    )
    link = {"artifact_id": artifacts.artifact_ids[0], "context_id": runs.context_ids[0]}
    (linked, _), (_, found), (_, contexts) = call(
        url,
        (
            "PutAttributionsAndAssociations",
            rpc.PutAttributionsAndAssociationsRequest(attributions=[link]),
        ),
        ("GetArtifactsByURI", rpc.GetArtifactsByURIRequest(uris=[uri])),
        ("GetContextsByArtifact", rpc.GetContextsByArtifactRequest(artifact_id=link["artifact_id"])),
    )
    assert linked == OK
    (stored,) = found.artifacts
    assert stored.id == link["artifact_id"]
    assert stored.custom_properties["name"].string_value == name
    assert stored.custom_properties["loss"].double_value == 1e-7
    assert stored.custom_properties["steps"].int_value == 2**62
    assert contexts.contexts[0].custom_properties["namespace"].string_value == "team-a"


def test_a_large_artifact_arrives_whole(call, served):
    text = "0123456789 äöü " * 200_000
    ((_, made),) = call(served, ("PutArtifactType", rpc.PutArtifactTypeRequest(artifact_type={"name": f"T-{uuid4()}"})))
    properties = {"text": {"string_value": text}}
    put = rpc.PutArtifactsRequest(artifacts=[{"type_id": made.type_id, "custom_properties": properties}])
    ((_, stored),) = call(served, ("PutArtifacts", put))
    ((_, read),) = call(served, ("GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=stored.artifact_ids)))
    assert read.artifacts[0].custom_properties["text"].string_value == text


def test_errors_arrive_with_their_code_and_words(call, url):
    missing, unknown = call(
        url,
        ("GetArtifactType", rpc.GetArtifactTypeRequest(type_name="größer als 模型, 50%")),
        ("GetNothing", rpc.GetArtifactsRequest()),
    )
    assert missing[0] == NOT_FOUND
    assert "größer als 模型, 50%" in missing[1]
    assert unknown[0] == UNIMPLEMENTED


def test_errors_of_the_port_itself_arrive_as_well(call, served):
    expired, malformed = call(
        served,
        ("GetContextTypes", rpc.GetContextTypesRequest(), {"grpc-timeout": "0m"}),
        ("GetContextTypes", rpc.GetContextTypesRequest(), {"grpc-timeout": "soon"}),
    )
    assert expired[0] == DEADLINE_EXCEEDED
    assert malformed == (
        INVALID_ARGUMENT,
        "malformed grpc-timeout: it must be digits and a unit (H, M, S, m, u or n), such as 5S",
    )


@pytest.mark.parametrize("far", [60_000, 2**42])
def test_a_deadline_is_taken_along(call, served, far):
    # The client itself makes grpc-timeout of it.
    deadline = str(int(time.time() * 1000) + far)
    ((code, _),) = call(served, ("GetContextTypes", rpc.GetContextTypesRequest(), {"deadline": deadline}))
    assert code == OK


def test_a_ui_server_whose_backend_is_away_says_so(call, stack):
    port = unused_port()
    flags = (f"--port={port}", f"--rest_url={stack.rest_url}", "--grpc_web_url=http://127.0.0.1:1")
    url = f"http://127.0.0.1:{port}"
    with running_server("kubeflow_metadata.ui", *flags, probe=f"{url}/healthz"):
        ((code, message),) = call(url, ("GetContextTypes", rpc.GetContextTypesRequest()))
    assert code == UNAVAILABLE
    assert "http://127.0.0.1:1 cannot be reached" in message
