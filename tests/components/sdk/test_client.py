"""`kfmd.openapi_client`: one method a call, typed messages, and names that survive the way into a path and back."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kfmd import openapi_client
from kfmd.openapi_client import (
    ApiClient,
    ApiException,
    ApiTypeError,
    ApiValueError,
    Configuration,
    MetadataServiceApi,
    MlMetadataArtifact,
    MlMetadataArtifactType,
    MlMetadataEvent,
    MlMetadataExecution,
    MlMetadataExecutionType,
    MlMetadataValue,
    rest,
)

DOUBLE_AS_TEXT = b'{"artifacts": [{"properties": {"loss": {"double_value": "low"}}}]}'
TYPE = "kubeflow.org/alpha/model"
ENCODED = "kubeflow.org%2Falpha%2Fmodel"

CALLS = [
    ("create_artifact", (TYPE, MlMetadataArtifact()), "POST", f"artifact_types/{ENCODED}/artifacts"),
    ("get_artifact", ("5", TYPE), "GET", f"artifact_types/{ENCODED}/artifacts/5"),
    ("list_artifacts", (TYPE,), "GET", f"artifact_types/{ENCODED}/artifacts"),
    ("list_artifacts2", (), "GET", "artifacts"),
    ("list_artifacts2", (TYPE,), "GET", f"artifacts?name={ENCODED}"),
    ("delete_artifact", (5, TYPE), "DELETE", f"artifact_types/{ENCODED}/artifacts/5"),
    ("create_artifact_type", (MlMetadataArtifactType(name=TYPE),), "POST", "artifact_types"),
    ("update_artifact_type", (MlMetadataArtifactType(name=TYPE),), "PATCH", "artifact_types"),
    ("get_artifact_type", (TYPE,), "GET", f"artifact_types/{ENCODED}"),
    ("list_artifact_types", (), "GET", "artifact_types"),
    ("delete_artifact_type", (TYPE,), "DELETE", f"artifact_types/{ENCODED}"),
    ("create_execution", (TYPE, MlMetadataExecution()), "POST", f"execution_types/{ENCODED}/executions"),
    ("get_execution", ("5", TYPE), "GET", f"execution_types/{ENCODED}/executions/5"),
    ("list_executions", (TYPE,), "GET", f"execution_types/{ENCODED}/executions"),
    ("list_executions2", (), "GET", "executions"),
    ("delete_execution", (5, TYPE), "DELETE", f"execution_types/{ENCODED}/executions/5"),
    ("create_execution_type", (MlMetadataExecutionType(name=TYPE),), "POST", "execution_types"),
    ("update_execution_type", (MlMetadataExecutionType(name=TYPE),), "PATCH", "execution_types"),
    ("get_execution_type", (TYPE,), "GET", f"execution_types/{ENCODED}"),
    ("list_execution_types", (), "GET", "execution_types"),
    ("delete_execution_type", (TYPE,), "DELETE", f"execution_types/{ENCODED}"),
    ("create_event", (MlMetadataEvent(artifact_id="1", execution_id="2", type="INPUT"),), "POST", "events"),
    ("list_events", ("9",), "GET", "events/executions/9"),
    ("list_events2", (9,), "GET", "events/artifacts/9"),
]


@pytest.fixture
def api(backend):
    with ApiClient(Configuration(backend.address)) as client:
        yield MetadataServiceApi(client)


@pytest.mark.parametrize(("name", "arguments", "method", "path"), CALLS)
def test_every_call_has_its_verb_and_path(backend, api, name, arguments, method, path):
    backend.will_answer(body={}, times=2)
    getattr(api, name)(*arguments)
    answer, status, headers = getattr(api, f"{name}_with_http_info")(*arguments)
    assert {(request.method, request.path) for request in backend.requests} == {(method, f"/api/v1alpha1/{path}")}
    assert (status, headers["Content-Length"]) == (200, "2")
    assert not any(answer.values() if isinstance(answer, dict) else answer.to_dict().values())


def test_headers_can_be_given_with_the_client(backend):
    with ApiClient(Configuration(backend.address), "Authorization", "Bearer me", cookie="session=1") as client:
        MetadataServiceApi(client).list_artifacts2()
    (request,) = backend.requests
    assert (request.headers["Authorization"], request.headers["Cookie"]) == ("Bearer me", "session=1")


def test_calls_send_the_headers_that_the_public_clients_send(backend, api):
    api.api_client.set_default_header("Authorization", "Bearer me")
    api.api_client.cookie = "session=1"
    assert api.api_client.user_agent.startswith("kubeflow-metadata-sdk/")
    api.api_client.user_agent = "my-tool kubeflow-metadata-sdk"
    api.list_artifact_types()
    api.create_event({"artifact_id": "1"})
    for request in backend.requests:
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["User-Agent"] == api.api_client.user_agent == "my-tool kubeflow-metadata-sdk"
        assert request.headers["Authorization"] == "Bearer me"
        assert request.headers["Cookie"] == "session=1"


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1) | st.sampled_from(
    ["kubeflow.org/alpha/model", "100%", "a b", "a%2Fb", "..", ".", "../..", "Größe/模型/🚀", "?q=1#x", "a+b", "{name}"]
)


# One backend serves all examples: it only looks at the path.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=names)
def test_any_type_name_reaches_the_backend_unchanged(backend, api, name):
    api.list_artifacts(name)
    path = backend.requests[-1].path
    before, between, after = path.partition("/artifact_types/")[2].rpartition("/artifacts")
    assert (unquote(before), between, after) == (name, "/artifacts", "")
    assert "/" not in before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=names)
def test_any_type_name_survives_a_query(backend, api, name):
    api.list_artifacts2(name=name)
    query = backend.requests[-1].path.partition("?name=")[2]
    assert unquote(query.replace("+", " ")) == name


@pytest.mark.parametrize("name", ["", None, 1.5, True, "\ud800"])
def test_a_name_that_cannot_be_in_a_path_is_refused(backend, api, name):
    with pytest.raises(ApiValueError, match=r"'name' (must be a non-empty name or id|is not valid Unicode)"):
        api.get_artifact_type(name)
    assert backend.requests == []


def test_answers_are_messages_with_attributes(backend, api):
    backend.will_answer(
        body={
            "artifact": {
                "id": "9223372036854775807",
                "type_id": 3,
                "uri": "gs://u",
                "properties": {
                    "version": {"string_value": "v1"},
                    "epochs": {"int_value": "-5"},
                    "loss": {"double_value": 1e-7},
                },
                "a field of tomorrow": {"x": 1},
            }
        }
    )
    artifact = api.get_artifact("1", TYPE).artifact
    assert artifact.id == "9223372036854775807"
    assert artifact.type_id == "3"
    assert artifact.uri == "gs://u"
    assert artifact.properties["version"].string_value == "v1"
    assert artifact.properties["version"].int_value is None
    assert artifact.properties["epochs"].int_value == "-5"
    assert artifact.properties["loss"].double_value == 1e-7
    assert artifact.custom_properties is None
    assert artifact.to_dict()["properties"]["version"]["string_value"] == "v1"
    assert "'uri': 'gs://u'" in repr(artifact)
    assert artifact == MlMetadataArtifact(**vars(artifact))
    assert artifact != MlMetadataArtifact()


def test_events_come_with_what_they_mention(backend, api):
    event = {"artifact_id": "7", "execution_id": "2", "type": "OUTPUT", "milliseconds_since_epoch": "5"}
    backend.will_answer(
        body={
            "events": [{**event, "path": {"steps": [{"index": "0"}, {"key": "model"}]}}],
            "artifacts": {"7": {"id": "7"}},
            "executions": {"2": {"id": "2", "last_known_state": "COMPLETE"}},
        }
    )
    answer = api.list_events2("7")
    assert answer.events[0].type == openapi_client.MlMetadataEventType.OUTPUT
    assert [(step.index, step.key) for step in answer.events[0].path.steps] == [("0", None), (None, "model")]
    assert answer.artifacts["7"].id == "7"
    assert answer.executions["2"].last_known_state == openapi_client.MlMetadataExecutionState.COMPLETE


def test_an_execution_type_keeps_the_shape_of_its_inputs(backend, api):
    shape = {"dict": {"properties": {"model": {"simple": {"name": TYPE}}, "rest": {"none": {}}}}}
    backend.will_answer(body={"execution_type": {"name": "t", "properties": {"n": "INT"}, "input_type": shape}})
    execution_type = api.get_execution_type("t").execution_type
    assert execution_type.properties == {"n": openapi_client.MlMetadataPropertyType.INT}
    assert execution_type.input_type.dict.properties["model"].simple.name == TYPE
    assert api.api_client.sanitize_for_serialization(execution_type)["input_type"] == shape


def test_messages_and_plain_dicts_send_the_same(backend, api):
    value = {"int_value": "3"}
    api.create_artifact(TYPE, {"uri": "u", "properties": {"n": value}})
    api.create_artifact(TYPE, MlMetadataArtifact(uri="u", properties={"n": MlMetadataValue(int_value=3)}))
    first, second = (request.body for request in backend.requests)
    assert first == second == {"uri": "u", "properties": {"n": value}}


@given(st.floats())
@example(math.inf)
@example(-math.inf)
@example(math.nan)
def test_every_double_goes_over_the_wire_and_comes_back(number):
    sent = json.loads(json.dumps(ApiClient().sanitize_for_serialization(MlMetadataValue(double_value=number))))
    back = float(sent["double_value"])
    assert back == number or (math.isnan(back) and math.isnan(number))
    assert math.isfinite(number) or sent["double_value"] in {"NaN", "Infinity", "-Infinity"}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (MlMetadataValue(string_value=5), "MlMetadataValue.string_value must be a string, not the int 5"),
        (MlMetadataValue(int_value=True), "MlMetadataValue.int_value must be a string, not the bool"),
        (MlMetadataValue(int_value=1.5), "MlMetadataValue.int_value must be a string, not the float"),
        (MlMetadataValue(double_value="1"), "MlMetadataValue.double_value must be a number, not the str"),
        (object(), "cannot be sent as JSON: it is an object"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(backend, api, value, complaint):
    with pytest.raises(ApiTypeError, match=complaint):
        api.create_artifact(TYPE, MlMetadataArtifact(properties={"p": value}))
    assert backend.requests == []


def test_plain_values_are_sent_as_json_has_them(backend, api):
    moment = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    api.create_event({"artifact_id": 1, "path": ({"key": "k"}, None), "when": moment, "day": moment.date()})
    assert backend.requests[0].body == {
        "artifact_id": 1,
        "path": [{"key": "k"}, None],
        "when": "2026-01-31T12:00:00+00:00",
        "day": "2026-01-31",
    }


def test_a_body_that_contains_itself_is_refused(backend, api):
    loop = {}
    loop["self"] = loop
    with pytest.raises(ApiValueError, match="contains itself"):
        api.create_event(loop)
    assert backend.requests == []


def test_a_missing_body_is_refused(backend, api):
    with pytest.raises(ApiValueError, match="the body is missing"):
        api.create_event(None)
    assert backend.requests == []


def test_unknown_options_are_refused(api):
    with pytest.raises(ApiTypeError, match="unknown keyword argument 'page_size'"):
        api.list_artifacts2(page_size=5)
    with pytest.raises(ApiTypeError, match="make the call in a thread of your own"):
        api.list_artifacts2(async_req=True)


def test_a_response_can_be_had_unread(backend, api):
    backend.will_answer(body={"artifacts": []})
    response = api.list_artifacts2(_preload_content=False)
    assert json.loads(response.read()) == {"artifacts": []}


@pytest.mark.parametrize(
    "body",
    [b"<html>Artifact Store</html>", b"[]", b'{"artifacts": {}}', b'{"artifacts": [{"uri": {}}]}', DOUBLE_AS_TEXT],
)
def test_an_answer_of_something_else_is_said_to_be_that(backend, api, body):
    backend.will_answer(body=body)
    with pytest.raises(ApiException, match=r"not that of a metadata backend.*Check the address"):
        api.list_artifacts2()


def test_everything_that_users_import_is_there():
    for name in openapi_client.__all__:
        assert getattr(openapi_client, name) is not None
    assert rest.ApiException is ApiException
