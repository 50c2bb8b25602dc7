"""Logging with `kfmd.metadata`: what goes over the wire, what is refused before, what comes back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kfmd import metadata, openapi_client

from tests.support.checkout import CLIENT_SCRIPTS, ROOT

RECORDED = ROOT / "tests" / "contract" / "recorded"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


@pytest.fixture
def workspace(backend):
    return metadata.Workspace(backend.address, name="ws1")


@pytest.fixture
def execution(workspace):
    return metadata.Execution("train", workspace=workspace, run=metadata.Run(workspace, "run1"))


def saved(artifact):
    return json.loads(artifact.serialization().properties["__ALL_META__"].string_value)


def without_times(request):
    body = json.loads(TIME.sub("<time>", json.dumps(request.body)))
    everything = ((body or {}).get("properties") or {}).get("__ALL_META__")
    if everything:
        everything["string_value"] = json.loads(everything["string_value"])
    return {"method": request.method, "path": request.path, "body": body}


def test_a_script_written_for_kfmd_0_1_8_sends_what_it_always_sent(backend):
    subprocess.run(
        [sys.executable, CLIENT_SCRIPTS / "log_demo.py", "kfmd.metadata", backend.address, "ws1"],
        check=True,
        stdout=subprocess.PIPE,
    )
    recorded = json.loads((RECORDED / "log-demo.json").read_text())
    assert [without_times(request) for request in backend.requests] == recorded


def test_a_script_written_for_kfmd_0_1_8_runs_with_warnings_as_errors(backend):
    subprocess.run(
        [sys.executable, "-W", "error", CLIENT_SCRIPTS / "log_demo.py", "kfmd.metadata", backend.address, "w"],
        check=True,
        stdout=subprocess.PIPE,
    )


def test_a_workspace_lists_its_own_artifacts_only(backend, workspace, execution):
    model = execution.log_output(metadata.Model(name="MNIST", uri="gs://m", hyperparameters={"layers": [3, 1]}))
    other = metadata.Workspace(backend.address, name="another")
    metadata.Execution("train", workspace=other).log_output(metadata.Model(name="theirs", uri="gs://t"))

    (listed,) = workspace.list()

    assert listed["id"] == model.id
    assert listed["name"] == "MNIST"
    assert listed["workspace"] == "ws1"
    assert listed["run"] == "run1"
    assert listed["hyperparameters"] == {"layers": [3, 1]}
    assert workspace.list(metadata.DataSet.ARTIFACT_TYPE_NAME) == []


def test_listing_survives_what_other_clients_wrote(backend, workspace):
    mine = {"__kf_workspace__": {"string_value": "ws1"}}
    backend.will_answer(
        body={
            "artifacts": [
                {"id": "1"},
                {"id": "2", "custom_properties": mine, "properties": {"__ALL_META__": {"string_value": "no json"}}},
                {"id": "3", "custom_properties": mine, "properties": {"__ALL_META__": {"string_value": "[1]"}}},
                {"id": "4", "custom_properties": mine, "properties": {"epochs": {"int_value": "7"}}},
                {"id": "5", "custom_properties": mine, "properties": {"loss": {"double_value": 0}, "x": {}}},
            ]
        }
    )
    assert workspace.list() == [
        {"id": "2", "workspace": "ws1"},
        {"id": "3", "workspace": "ws1"},
        {"id": "4", "workspace": "ws1", "epochs": "7"},
        {"id": "5", "workspace": "ws1", "loss": 0.0, "x": None},
    ]


def test_additional_keyword_arguments_are_saved_and_listed(workspace, execution):
    execution.log_output(metadata.Metrics(name="m", uri="gs://m", values={"loss": 0.1}, epoch=3, notes=["a"]))
    (listed,) = workspace.list(metadata.Metrics.ARTIFACT_TYPE_NAME)
    assert listed["epoch"] == 3
    assert listed["notes"] == ["a"]


def test_an_artifact_shows_what_it_holds(execution):
    shown = repr(execution.log_output(metadata.Model(name="MNIST", uri="gs://m", layers=3)))
    assert shown.startswith("Model(name='MNIST', uri='gs://m', id='1', create_time='20")
    assert shown.endswith("Z', layers=3)")


def test_attributes_set_later_are_saved_too():
    model = metadata.Model(name="MNIST", uri="gs://m")
    model.accuracy = 0.9  # type: ignore[attr-defined]
    assert saved(model)["accuracy"] == 0.9


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(hyperparameters=st.dictionaries(st.text(), json_values), extra=json_values)
def test_nested_values_come_back_equal(hyperparameters, extra):
    model = metadata.Model(name="m", uri="u", hyperparameters=hyperparameters, extra=extra)
    assert saved(model)["hyperparameters"] == hyperparameters
    assert saved(model)["extra"] == extra


@pytest.mark.parametrize("kind", [metadata.DataSet, metadata.Model, metadata.Metrics])
@pytest.mark.parametrize(
    ("given_fields", "complaint"),
    [
        ({"uri": "u"}, "'name' must be set"),
        ({"name": "", "uri": "u"}, "'name' must be set"),
        ({"name": "n"}, "'n': 'uri' must be set"),
        ({"name": 5, "uri": "u"}, "'name' must be a string, not the int 5"),
        ({"name": "n", "uri": "u", "owner": ["me"]}, "'n': 'owner' must be a string, not the list"),
        ({"name": "n", "uri": "u", "labels": {"a": {1, 2}}}, r"labels\['a'\] is a set and cannot be saved as JSON"),
        ({"name": "n", "uri": "u", "extra": [1, object()]}, r"extra\[1\] is an object and cannot be saved"),
        ({"name": "n", "uri": "u", "extra": [[1], {"a": [2]}, {3}]}, r"extra\[2\] is a set"),
        ({"name": "n", "uri": "u", "extra": {(1, 2): 3}}, "a key of extra is a tuple"),
    ],
)
def test_what_cannot_be_logged_is_said_before_anything_is_sent(backend, execution, kind, given_fields, complaint):
    already_sent = len(backend.requests)
    with pytest.raises((ValueError, TypeError), match=complaint):
        execution.log_output(kind(**given_fields))
    assert len(backend.requests) == already_sent


def test_values_that_contain_themselves_are_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match=r"extra\[0\] contains itself"):
        metadata.Model(name="n", uri="u", extra=loop).serialization()


def test_values_nested_too_deeply_are_refused():
    deep = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(TypeError, match="nested too deeply"):
        metadata.Model(name="n", uri="u", extra=deep).serialization()


@pytest.mark.parametrize("taken", ["id", "create_time", "serialization", "ARTIFACT_TYPE_NAME"])
def test_an_additional_property_cannot_hide_what_the_sdk_needs(taken):
    with pytest.raises(ValueError, match=f"{taken!r} is taken"):
        metadata.Model(name="n", uri="u", **{taken: "x"})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": "w"}, "'backend_url_prefix' must be set"),
        ({"backend_url_prefix": "127.0.0.1:8080"}, "'name' must be set"),
        ({"backend_url_prefix": "ftp://host", "name": "w"}, "'ftp://host' is not the address of a metadata backend"),
        ({"backend_url_prefix": "http://", "name": "w"}, "is not the address"),
        ({"backend_url_prefix": "host:99999", "name": "w"}, "is not the address"),
        ({"backend_url_prefix": "  ", "name": "w"}, "address of the metadata backend is missing"),
    ],
)
def test_a_workspace_needs_a_backend_and_a_name(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        metadata.Workspace(**arguments)


def test_runs_and_executions_need_a_name_and_a_workspace(backend, workspace):
    with pytest.raises(ValueError, match="Run: 'workspace' must be set"):
        metadata.Run(name="r")
    with pytest.raises(ValueError, match="Run: 'name' must be set"):
        metadata.Run(workspace)
    with pytest.raises(ValueError, match="Execution: 'workspace' must be set"):
        metadata.Execution("e")
    with pytest.raises(ValueError, match="Execution: 'name' must be set"):
        metadata.Execution(workspace=workspace)
    with pytest.raises(TypeError, match="'workspace' must be a Workspace, not the str 'ws1'"):
        metadata.Execution("e", workspace="ws1")
    with pytest.raises(TypeError, match="'run' must be a Run or the name of one, not the dict"):
        metadata.Execution("e", workspace=workspace, run={"name": "r"})
    assert backend.requests == []


@pytest.mark.parametrize("reserved", ["__kf_workspace__", "__kf_run__"])
def test_an_artifact_that_carries_a_reserved_property_is_refused(execution, reserved):
    value = openapi_client.MlMetadataValue(string_value="x")
    message = openapi_client.MlMetadataArtifact(uri="gs://u", custom_properties={reserved: value})
    artifact = SimpleNamespace(ARTIFACT_TYPE_NAME="t", serialization=lambda: message)
    with pytest.raises(ValueError, match=f"custom_properties contains reserved key {reserved}"):
        execution.log_input(artifact)


def test_any_object_of_the_right_shape_can_be_logged(backend, execution):
    message = openapi_client.MlMetadataArtifact(uri="gs://u")
    artifact = SimpleNamespace(ARTIFACT_TYPE_NAME="my.org/v1/thing", serialization=lambda: message)
    assert execution.log_input(artifact).id == "1"
    assert message.custom_properties is None
    assert backend.requests[1].path == "/api/v1alpha1/artifact_types/my.org%2Fv1%2Fthing/artifacts"


@pytest.mark.parametrize("thing", [{"name": "n"}, "MNIST", None])
def test_other_objects_cannot_be_logged(execution, thing):
    with pytest.raises(TypeError, match="it must be a DataSet, Model or Metrics"):
        execution.log_input(thing)


def test_a_serialization_of_another_kind_is_refused(execution):
    artifact = SimpleNamespace(ARTIFACT_TYPE_NAME="t", serialization=lambda: {"uri": "gs://u"})
    with pytest.raises(TypeError, match=r"must return an openapi_client.MlMetadataArtifact, not a dict"):
        execution.log_input(artifact)


def test_an_answer_without_an_id_is_an_error_not_a_missing_attribute(backend, workspace):
    backend.will_answer(body={})
    with pytest.raises(openapi_client.ApiException, match="lacks the id of the new execution"):
        metadata.Execution("e", workspace=workspace)


def test_times_are_utc_and_sort_as_text():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", metadata.get_rfc3339_time())


def test_threads_may_share_an_execution(backend, workspace, execution):
    def log(number):
        execution.log_output(metadata.Model(name=f"model {number}", uri=f"gs://m/{number}"))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    listed = workspace.list()
    assert {fields["name"] for fields in listed} == {f"model {number}" for number in range(20)}
    events = workspace.client.list_events(execution.id).events
    assert {event.artifact_id for event in events} == {fields["id"] for fields in listed}
