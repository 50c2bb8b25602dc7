"""The gRPC client of the official `ml-metadata` package, as PyPI has it, and as older clusters have it."""

from __future__ import annotations

import json
import urllib.request

import pytest

pytestmark = pytest.mark.contract


@pytest.fixture(params=["1.17.1", "1.14.0", "1.8.0", "1.0.0", "0.24.0"])
def client(request):
    if request.param == "1.17.1":
        return request.getfixturevalue("official_client")
    return request.getfixturevalue("older_official_client")(request.param)


def test_the_demo_is_logged_and_read_back(client, stack, workspace_name):
    result = client("grpc_log_demo.py", *stack.grpc_target.split(":"), workspace_name)

    data_set, model, metrics = result["artifacts"]
    execution = result["execution"]
    assert result["model"]["name"] == f"{workspace_name}/MNIST"
    assert result["model"]["state"] == "LIVE"
    assert result["model"]["custom_properties"] == {
        "__kf_workspace__": {"string_value": workspace_name},
        "note": {"string_value": "naïve 模型 🚀"},
        "loss": {"double_value": 1e-7},
        "steps": {"int_value": str(2**62)},
    }
    assert result["found_by_name"] == model
    assert result["state"] == "COMPLETE"
    assert result["workspace"] == [True, workspace_name, "the demo"]
    assert result["second_workspace"] == "refused"
    assert result["artifacts_of_workspace"] == sorted([data_set, model, metrics])
    assert result["executions_of_workspace"] == [execution]
    assert result["events_of_model"] == [[model, execution, "OUTPUT"]]
    assert result["events_of_execution"] == sorted(
        [[data_set, execution, "INPUT"], [model, execution, "OUTPUT"], [metrics, execution, "OUTPUT"]]
    )
    assert model in result["listed"]
    assert metrics not in result["listed"]
    assert result["by_uri"]


def test_what_it_logs_is_served_over_rest(official_client, stack, workspace_name):
    result = official_client("grpc_log_demo.py", *stack.grpc_target.split(":"), workspace_name)

    with urllib.request.urlopen(f"{stack.rest_url}/api/v1alpha1/events/executions/{result['execution']}") as answer:
        listed = json.load(answer)
    assert sorted(listed["artifacts"]) == sorted(map(str, result["artifacts"]))
    model = listed["artifacts"][str(result["artifacts"][1])]
    assert model["uri"] == "gcs://my-bucket/mnist"
    assert model["custom_properties"]["note"] == {"string_value": "naïve 模型 🚀"}
    assert model["custom_properties"]["steps"] == {"int_value": str(2**62)}


def test_it_reads_what_was_logged_over_rest(official_client, sdk_of_this_project, stack, workspace_name):
    logged = sdk_of_this_project("log_demo.py", "kfmd.metadata", stack.rest_url, workspace_name)

    read = official_client("grpc_read.py", *stack.grpc_target.split(":"), logged["model"])
    assert read["uri"] == "gcs://my-bucket/mnist"
    assert read["type"] == "kubeflow.org/alpha/model"
    assert read["properties"]["name"] == "MNIST"
    assert json.loads(read["properties"]["__ALL_META__"])["hyperparameters"]["layers"] == [10, 3, 1]
    assert read["executions"] == [int(logged["execution"])]
