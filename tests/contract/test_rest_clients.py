"""The REST SDKs that people have installed, as PyPI has them, and ours: the same scripts, the same results."""

from __future__ import annotations

import pytest

from tests.support.public_clients import PUBLIC_SDKS

pytestmark = pytest.mark.contract

OURS = "this-project"


@pytest.fixture(scope="module")
def sdk(request, client_environment, sdk_of_this_project):
    if request.param == OURS:
        return sdk_of_this_project, "kfmd.metadata"
    pins, module = PUBLIC_SDKS[request.param]
    return client_environment(*pins), module


@pytest.fixture
def address(stack):
    # Without a scheme, as upstream's documentation has it.
    return stack.rest_url.removeprefix("http://")


@pytest.mark.parametrize("sdk", [*PUBLIC_SDKS, OURS], indirect=True)
def test_the_demo_is_logged_and_read_back(sdk, address, workspace_name):
    run, module = sdk
    result = run("log_demo.py", module, address, workspace_name)

    (model,) = result["models"]
    assert model["id"] == result["model"]
    assert model["name"] == "MNIST"
    assert model["workspace"] == workspace_name
    assert model["hyperparameters"] == {"learning_rate": 0.5, "layers": [10, 3, 1], "early_stop": True}
    made, execution = [result["model"], result["metrics"]], result["execution"]
    assert result["events_of_model"] == [[result["model"], execution, "OUTPUT"]]
    assert sorted(result["events_of_execution"]) == sorted(
        [[result["data_set"], execution, "INPUT"], *([artifact, execution, "OUTPUT"] for artifact in made)]
    )
    assert result["artifacts_of_execution"] == sorted([result["data_set"], *made])


@pytest.mark.parametrize("sdk", [*PUBLIC_SDKS, OURS], indirect=True)
def test_names_and_uris_are_enough_and_reserved_properties_are_refused(sdk, address, workspace_name):
    run, module = sdk
    result = run("log_minimum.py", module, address, workspace_name)

    assert all(result["ids"])
    assert result["listed"] == {
        "DataSet": ["mytable-dump"],
        "Metrics": ["MNIST-evaluation"],
        "Model": ["MNIST"],
    }
    assert result["events"] == 3
    assert result["refused"] == ["__kf_workspace__", "__kf_run__"]


# kfmd 0.1.8 has no call for this.
@pytest.mark.parametrize("sdk", ["kubeflow-metadata-0.2.0", OURS], indirect=True)
def test_types_can_be_extended(sdk, address, workspace_name):
    run, module = sdk
    assert run("extend_types.py", module, address, workspace_name) == {
        "same_ids": [True, True],
        "artifact_property": "STRING",
        "execution_property": "DOUBLE",
        "conflict": 409,
        "stored": "/models/1",
    }
