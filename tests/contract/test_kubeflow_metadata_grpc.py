"""`kubeflow-metadata` 0.3.1, the last one: it speaks gRPC through the official library."""

from __future__ import annotations

import json
import urllib.request

import pytest

pytestmark = pytest.mark.contract

# It pins an `ml-metadata` that needs TensorFlow and Python 3.7; with the last one it runs as it is.
PINS = (
    "kubeflow-metadata==0.3.1",
    "retrying==1.4.2",
    "ml-metadata==1.17.1",
    "absl-py==1.4.0",
    "attrs==23.2.0",
    "grpcio==1.67.1",
    "protobuf==4.25.8",
    "six==1.17.0",
)
INPUT, OUTPUT = 3, 4


@pytest.fixture
def logged(official_wheels, client_environment, stack, workspace_name):
    run = client_environment(*PINS, pythons=("3.11", "3.10", "3.9"), exactly=True)
    return run("grpc_kubeflow_metadata.py", *stack.grpc_target.split(":"), workspace_name)


def test_what_it_logs_it_reads_back(logged, workspace_name):
    data_set, model, metrics = logged["ids"]["data_set"], logged["ids"]["model"], logged["ids"]["metrics"]
    execution, second = logged["execution"], logged["again"]["another version"]
    assert logged["models"] == [[model, "v1", {"layers": [10, 3, 1]}], [second, "v2", {"layers": [10, 3, 1]}]]
    assert logged["workspace"] == [workspace_name, json.dumps({"n1": "v1"})]
    assert logged["artifacts_of_workspace"] == sorted([data_set, model, metrics, second])
    assert logged["executions_of_workspace"] == [execution]


def test_logging_the_same_again_keeps_the_artifact_and_its_event(logged):
    ids, again, execution = logged["ids"], logged["again"], logged["execution"]
    assert again["the same object"] == again["the same in other words"] == ids["model"]
    assert again["another version"] not in ids.values()
    assert logged["events_of_model"] == [[ids["model"], execution, OUTPUT]]
    assert logged["events_of_execution"] == sorted(
        [[ids["data_set"], execution, INPUT]]
        + [[made, execution, OUTPUT] for made in (ids["model"], ids["metrics"], again["another version"])]
    )


def test_a_workspace_is_found_by_its_name(logged, workspace_name):
    assert logged["reused"]
    assert f"{workspace_name} already exists" in logged["refused"]


def test_what_it_logs_is_served_over_rest(logged, stack, workspace_name):
    with urllib.request.urlopen(f"{stack.rest_url}/api/v1alpha1/events/executions/{logged['execution']}") as answer:
        listed = json.load(answer)
    model = listed["artifacts"][str(logged["ids"]["model"])]
    assert model["properties"]["name"] == {"string_value": "MNIST"}
    assert model["custom_properties"]["__kf_workspace__"] == {"string_value": workspace_name}
