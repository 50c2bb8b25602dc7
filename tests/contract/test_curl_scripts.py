"""What people type with curl: no JSON content type, slashes in type names as they are, fields that do not exist."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.contract

MODEL = "kubeflow.org/alpha/model"
EXECUTION = "kubeflow.org/alpha/execution"


@pytest.fixture
def curl(stack):
    """Send as curl does: data without a content type of its own counts as a form."""
    connection = http.client.HTTPConnection(stack.rest_url.removeprefix("http://"), timeout=30)

    def send(method, path, body=None):
        headers = {"ContentType": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/api/v1alpha1/{path}", content, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    yield send
    connection.close()


def extend(curl, kind, name, **properties):
    """Add properties to a type, repeating all that it has."""
    present = curl("GET", f"{kind}s/{name}")[kind]["properties"]
    return curl("PATCH", f"{kind}s", {"name": name, "properties": {**present, **properties}})[kind]


def test_a_model_type_is_extended_and_used(curl, workspace_name):
    assert MODEL in [known["name"] for known in curl("GET", "artifact_types")["artifact_types"]]
    before = curl("GET", f"artifact_types/{MODEL}")["artifact_type"]

    after = extend(curl, "artifact_type", MODEL, export_dir="STRING")
    assert after["id"] == before["id"]
    assert after["properties"] == {**before["properties"], "export_dir": "STRING"}
    assert curl("GET", f"artifact_types/{MODEL}")["artifact_type"] == after

    sent = {
        "uri": "/path/to/model",
        "properties": {
            "name": {"string_value": "MNIST"},
            "export_dir": {"string_value": "/exports"},
            "__ALL_META__": {"string_value": json.dumps({"hyperparameters": {"layers": [10, 3, 1]}})},
        },
        "custom_properties": {
            "__kf_workspace__": {"string_value": workspace_name},
            "__kf_run__": {"string_value": "run-1"},
        },
    }
    created = curl("POST", f"artifact_types/{MODEL}/artifacts", {**sent, "labels": {"a": "b"}})["artifact"]
    assert {key: created[key] for key in sent} == sent
    assert "labels" not in created
    assert created["type_id"] == before["id"]
    assert created in curl("GET", "artifacts")["artifacts"]
    assert created in curl("GET", f"artifact_types/{MODEL}/artifacts")["artifacts"]
    assert curl("GET", f"artifact_types/{MODEL}/artifacts/{created['id']}")["artifact"] == created


def test_an_execution_type_is_extended(curl):
    assert EXECUTION in [known["name"] for known in curl("GET", "execution_types")["execution_types"]]
    before = curl("GET", f"execution_types/{EXECUTION}")["execution_type"]
    after = extend(curl, "execution_type", EXECUTION, input="STRING", output="STRING")
    assert after["id"] == before["id"]
    assert after["properties"] == {**before["properties"], "input": "STRING", "output": "STRING"}
    assert curl("GET", f"execution_types/{EXECUTION}")["execution_type"] == after


def test_encoded_and_plain_slashes_name_the_same_type(curl):
    plain = curl("GET", f"artifact_types/{MODEL}")
    assert curl("GET", f"artifact_types/{quote(MODEL, safe='')}") == plain


def test_nothing_found_is_an_empty_object(curl):
    assert curl("GET", "artifact_types/no.such/type/artifacts") == {}
    assert curl("GET", "execution_types/no.such/type/executions") == {}
    assert curl("GET", "events/artifacts/9223372036854775807") == {}
