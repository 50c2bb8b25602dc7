"""The REST SDKs that people have installed, as PyPI has them, and ours: the same scripts, the same results."""

from __future__ import annotations

import pytest

from tests.support.public_clients import PUBLIC_SDKS

pytestmark = pytest.mark.contract

OURS = "this-project"
# Beside the Python that runs the tests, the oldest and the newest that the SDK supports.
OTHER_PYTHONS = {"this-project-on-3.9": "3.9", "this-project-on-3.13": "3.13"}
OURS_ON_ALL = (OURS, *OTHER_PYTHONS)


@pytest.fixture(scope="module")
def sdk(request, client_environment, sdk_of_this_project, sdk_on_python):
    if request.param == OURS:
        return sdk_of_this_project, "kfmd.metadata"
    if request.param in OTHER_PYTHONS:
        return sdk_on_python(OTHER_PYTHONS[request.param]), "kfmd.metadata"
    pins, module = PUBLIC_SDKS[request.param]
    return client_environment(*pins), module


@pytest.fixture
def address(stack):
    # Without a scheme, as upstream's documentation has it.
    return stack.rest_url.removeprefix("http://")


@pytest.mark.parametrize("sdk", [*PUBLIC_SDKS, *OURS_ON_ALL], indirect=True)
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


@pytest.mark.parametrize("sdk", [*PUBLIC_SDKS, *OURS_ON_ALL], indirect=True)
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
@pytest.mark.parametrize("sdk", ["kubeflow-metadata-0.2.0", *OURS_ON_ALL], indirect=True)
def test_types_can_be_extended(sdk, address, workspace_name):
    run, module = sdk
    assert run("extend_types.py", module, address, workspace_name) == {
        "same_ids": [True, True],
        "artifact_property": "STRING",
        "execution_property": "DOUBLE",
        "conflict": 409,
        "stored": "/models/1",
    }


@pytest.mark.parametrize("sdk", OURS_ON_ALL, indirect=True)
def test_what_is_stored_is_referred_to_by_object_id_and_name(sdk, address, workspace_name):
    run, module = sdk
    result = run("continue_lineage.py", module, address, workspace_name)

    assert result["same_id"]
    assert result["models"] == [[True, "3", "first run"]]
    assert result["events"] == result["expected"]
    assert (result["taken"], result["kind"]) == (True, "Model")
    assert result["refused"] == {
        "artifact": "NotFoundException",
        "execution": "NotFoundException",
        "named": "NotFoundException",
        "type": "ValueError",
    }


@pytest.mark.parametrize("how", ["fork", "fork-pool", "spawn-pool", "thread-pool", "asyncio", "copies"])
@pytest.mark.parametrize("sdk", OURS_ON_ALL, indirect=True)
def test_everyone_who_shares_an_execution_gets_the_ids_of_what_it_logged(sdk, address, workspace_name, how):
    run, module = sdk
    result = run("share_execution.py", module, address, workspace_name, how)

    assert len(result["stored"]) >= 20
    assert result["answered"] == result["stored"]
    assert result["outputs"] == sorted(result["stored"].values())
