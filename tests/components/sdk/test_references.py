"""What is stored already is referred to: by the object that was logged, by its id, or by its name."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace

import pytest
from kfmd import metadata, openapi_client
from kfmd.openapi_client import NotFoundException


@pytest.fixture
def workspace(backend):
    return metadata.Workspace(backend.address, name="ws1")


@pytest.fixture
def train(workspace):
    return metadata.Execution("train", workspace=workspace, run=metadata.Run(workspace, "run1"))


@pytest.fixture
def serve(workspace):
    return metadata.Execution("serve", workspace=workspace, run=metadata.Run(workspace, "run2"), description="d")


def events_of(workspace, artifact_id):
    events = workspace.client.list_events2(artifact_id).events or []
    return [(event.execution_id, event.type) for event in events]


def test_what_one_step_made_and_the_next_one_read_is_one_artifact(workspace, train, serve):
    model = train.log_output(metadata.Model(name="MNIST", uri="gs://m", hyperparameters={"layers": [3, 1]}))
    made = model.id

    assert serve.log_input(model) is model

    assert model.id == made
    assert [fields["id"] for fields in workspace.list()] == [made]
    assert events_of(workspace, made) == [(train.id, "OUTPUT"), (serve.id, "INPUT")]


def test_an_artifact_of_a_type_of_ones_own_is_referred_to_as_well(backend, workspace, train, serve):
    message = openapi_client.MlMetadataArtifact(uri="gs://u")
    thing = SimpleNamespace(ARTIFACT_TYPE_NAME="my.org/thing", serialization=lambda: message)
    train.log_output(thing)
    serve.log_input(thing)
    assert events_of(workspace, thing.id) == [(train.id, "OUTPUT"), (serve.id, "INPUT")]


def test_after_a_lost_event_logging_again_stores_nothing_twice(backend, workspace, train):
    model = metadata.Model(name="MNIST", uri="gs://m")
    backend.will_answer(body={"artifact": {"id": "77"}})
    backend.will_answer(status=503)
    with pytest.raises(openapi_client.ServiceException):
        train.log_output(model)
    train.log_output(model)
    assert model.id == "77"
    assert [request.path.rpartition("/")[2] for request in backend.requests[-3:]] == ["artifacts", "events", "events"]
    assert workspace.list() == []


@pytest.mark.parametrize("by", [str, int, lambda artifact_id: {"id": artifact_id, "name": "MNIST"}])
def test_an_id_or_a_listed_dict_is_enough_to_log(workspace, train, serve, by):
    model = train.log_output(metadata.Model(name="MNIST", uri="gs://m"))
    taken = serve.log_input(by(model.id))
    assert taken.id == model.id
    assert taken.name == "MNIST"
    assert events_of(workspace, model.id) == [(train.id, "OUTPUT"), (serve.id, "INPUT")]


def test_a_message_of_the_api_is_enough_to_log(workspace, train, serve):
    model = train.log_output(metadata.Model(name="MNIST", uri="gs://m"))
    (message,) = workspace.client.list_artifacts(model.ARTIFACT_TYPE_NAME).artifacts
    assert serve.log_input(message).id == model.id
    assert events_of(workspace, model.id) == [(train.id, "OUTPUT"), (serve.id, "INPUT")]


@pytest.mark.parametrize("wrong", ["-1", "1.5", 1.5, True, {"id": "x"}, {"id": None}])
def test_what_is_no_id_is_not_taken_for_one(backend, train, wrong):
    before = len(backend.requests)
    with pytest.raises(TypeError, match=r"cannot log the .* by its id.*workspace\.artifact\(name="):
        train.log_input(wrong)
    assert len(backend.requests) == before


def test_an_id_that_does_not_exist_is_said_before_anything_is_stored(backend, workspace, train):
    with pytest.raises(NotFoundException, match="there is no artifact with the id 99 in http://127"):
        train.log_input("99")
    assert events_of(workspace, "99") == []


def test_an_id_that_the_backend_did_not_give_is_refused(backend, train):
    model = metadata.Model(name="MNIST", uri="gs://m")
    model.id = "my-id"
    before = len(backend.requests)
    with pytest.raises(ValueError, match=r"Model\.id: 'my-id' is not an id assigned by the backend, .* leave it None"):
        train.log_input(model)
    assert len(backend.requests) == before


def test_what_was_changed_after_it_was_stored_is_neither_lost_nor_stored_in_silence(backend, workspace, train, serve):
    model = train.log_output(metadata.Model(name="MNIST", uri="gs://m", hyperparameters={"layers": [3]}))
    first = model.id
    model.hyperparameters["layers"].append(1)
    with pytest.raises(
        ValueError, match=r"the Model 'MNIST' was changed after it was stored as artifact 1.*id to None"
    ):
        serve.log_input(model)
    model.id = None
    serve.log_output(model)
    assert model.id != first
    assert [fields["hyperparameters"] for fields in workspace.list()] == [{"layers": [3]}, {"layers": [3, 1]}]


def test_a_number_that_is_not_one_does_not_make_an_artifact_look_changed(train, serve):
    metrics = train.log_output(metadata.Metrics(name="m", uri="u", values={"loss": math.nan}))
    assert serve.log_input(copy.deepcopy(metrics)).id == metrics.id


def test_an_artifact_of_another_backend_is_not_taken_for_the_one_with_its_id_here(backend, another_backend, train):
    there = metadata.Execution("e", workspace=metadata.Workspace(another_backend.address, name="w"))
    theirs = there.log_output(metadata.Model(name="theirs", uri="gs://theirs"))
    with pytest.raises(ValueError, match="is artifact 1 of a backend other than http://127"):
        train.log_input(theirs)
    train.log_output(metadata.Model(name="ours", uri="gs://ours"))
    with pytest.raises(ValueError, match="is artifact 1 of a backend other than http://127"):
        train.log_input(theirs)


def test_one_backend_may_have_two_addresses(backend, workspace, train):
    model = train.log_output(metadata.Model(name="MNIST", uri="gs://m"))
    port = backend.address.rpartition(":")[2]
    other_address = metadata.Workspace(f"localhost:{port}", name="ws1")
    assert metadata.Execution("e", workspace=other_address).log_input(model).id == model.id
    assert len(workspace.list()) == 1


def test_an_artifact_is_taken_by_id_as_it_was_logged(workspace, train):
    logged = train.log_output(
        metadata.Model(name="MNIST", uri="gs://m", version="v1", hyperparameters={"layers": [3]}, rounds=20)
    )
    for artifact_id in (logged.id, int(logged.id)):
        taken = workspace.artifact(artifact_id)
        assert type(taken) is metadata.Model
        assert vars(taken) == {**vars(logged), "workspace": "ws1"}
    elsewhere = metadata.Workspace(workspace.backend_url_prefix, name="another")
    assert elsewhere.artifact(logged.id).workspace == "ws1"


def test_an_artifact_of_another_type_is_taken_with_its_properties(backend, workspace, serve):
    number = openapi_client.MlMetadataValue(int_value=3)
    created = workspace.client.create_artifact(
        "my.org/thing",
        openapi_client.MlMetadataArtifact(uri="gs://u", properties={"n": number}, custom_properties={"c": number}),
    ).artifact
    taken = workspace.artifact(created.id)
    assert (taken.id, taken.ARTIFACT_TYPE_NAME, taken.uri) == (created.id, "my.org/thing", "gs://u")
    assert (taken.properties, taken.custom_properties) == ({"n": "3"}, {"c": "3"})
    assert repr(taken).startswith("Artifact(type='my.org/thing', id='1', uri='gs://u', properties={'n': '3'}")
    assert serve.log_input(taken) is taken
    assert events_of(workspace, created.id) == [(serve.id, "INPUT")]


def test_an_artifact_is_taken_by_name_the_newest_first(workspace, train, serve):
    old, new = (train.log_output(metadata.Model(name="MNIST", uri=f"gs://{v}", version=v)) for v in ("v1", "v2"))
    digits = train.log_input(metadata.DataSet(name="digits", uri="gs://d"))
    assert workspace.artifact(name="MNIST").id == new.id
    assert workspace.artifact(name="MNIST", version="v1").id == old.id
    assert workspace.artifact(name="digits", type=metadata.DataSet).id == digits.id
    assert workspace.artifact(name="digits", type=metadata.DataSet.ARTIFACT_TYPE_NAME).id == digits.id
    serve.log_input(workspace.artifact(name="MNIST"))
    assert events_of(workspace, new.id) == [(train.id, "OUTPUT"), (serve.id, "INPUT")]


def test_what_other_workspaces_call_the_same_is_not_taken(backend, workspace, train):
    train.log_output(metadata.Model(name="MNIST", uri="gs://m"))
    other = metadata.Workspace(backend.address, name="other")
    with pytest.raises(
        NotFoundException, match=r"the workspace 'other' has no 'kubeflow.org/alpha/model' named 'MNIST'"
    ):
        other.artifact(name="MNIST")


def test_an_execution_is_taken_by_id_or_name_and_goes_on(backend, workspace, train, serve):
    requests = len(backend.requests)
    again = metadata.Execution("serve", workspace=workspace, run=metadata.Run(workspace, "run1"))
    for taken in (workspace.execution(serve.id), workspace.execution(name="serve", run="run2")):
        assert (taken.id, taken.name, taken.run.name, taken.description) == (serve.id, "serve", "run2", "d")
        assert taken.create_time == serve.create_time
    assert workspace.execution(name="serve").id == again.id
    assert workspace.execution(name="serve", run=metadata.Run(workspace, "run1")).id == again.id
    model = workspace.execution(train.id).log_output(metadata.Model(name="MNIST", uri="gs://m"))
    assert events_of(workspace, model.id) == [(train.id, "OUTPUT")]
    assert workspace.list()[0]["run"] == "run1"
    posts = [request.path for request in backend.requests[requests:] if request.method == "POST"]
    assert len([path for path in posts if path.endswith("executions")]) == 1


def test_a_run_is_taken_by_name(workspace, train):
    assert workspace.run("run1").name == "run1"
    with pytest.raises(NotFoundException, match=r"has no run named 'rnu1'\. Did you mean 'run1'\?"):
        workspace.run("rnu1")


def test_the_name_of_a_run_is_enough_for_an_execution(workspace):
    named = metadata.Execution("evaluate", workspace=workspace, run="run1")
    assert named.run.name == "run1"
    assert workspace.execution(name="evaluate", run="run1").id == named.id
    assert workspace.run("run1").name == "run1"


@pytest.mark.parametrize(("run", "error"), [("", ValueError), ("  ", ValueError), (7, TypeError), ([], TypeError)])
def test_what_is_no_name_of_a_run_is_refused_before_anything_is_sent(backend, workspace, run, error):
    with pytest.raises(error, match="Execution: 'run'"):
        metadata.Execution("evaluate", workspace=workspace, run=run)
    assert not backend.requests


def test_what_is_not_there_is_said_with_what_was_likely_meant(backend, workspace, train):
    train.log_output(metadata.Model(name="MNIST", uri="gs://m", version="v1"))
    with pytest.raises(NotFoundException, match=r"no '.*model' named 'MINST'\. Did you mean 'MNIST'\?"):
        workspace.artifact(name="MINST")
    with pytest.raises(NotFoundException, match="named 'MNIST' with version 'v2'"):
        workspace.artifact(name="MNIST", version="v2")
    with pytest.raises(NotFoundException, match=r"no execution named 'trian'\. Did you mean 'train'\?"):
        workspace.execution(name="trian")
    with pytest.raises(NotFoundException, match="no execution named 'train' in the run 'run9'"):
        workspace.execution(name="train", run="run9")
    with pytest.raises(NotFoundException, match="no execution with the id 99"):
        workspace.execution(99)
    with pytest.raises(ValueError, match=r"belongs to the workspace 'ws1': .*Workspace\('http.*, name='ws1'\)"):
        metadata.Workspace(backend.address, name="other").execution(train.id)


@pytest.mark.parametrize("take", ["artifact", "execution"])
def test_either_an_id_or_a_name_is_needed(workspace, take):
    for arguments in ({}, {"id": "1", "name": "MNIST"}):
        with pytest.raises(ValueError, match=rf"write either {take}\(id\) or {take}\(name=\.\.\.\)"):
            getattr(workspace, take)(**arguments)
    with pytest.raises(ValueError, match=rf"'MNIST' is not an id .* write {take}\(name=\.\.\.\) for a name"):
        getattr(workspace, take)("MNIST")
