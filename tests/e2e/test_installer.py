"""`python -m installer` on a cluster, as a newcomer types it, in a namespace of another name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import tools
from tests.e2e.cluster.kind import Cluster
from tests.e2e.installations import Installation, namespace

DATA = {"persistentvolumeclaim/metadata-mysql", "secret/metadata-db-secrets"}


@pytest.fixture(scope="module")
def foo(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster, "foo") as made:
        yield made


def what_is_left(installation: Installation) -> set[str]:
    kinds = "deployments,statefulsets,services,roles,networkpolicies,pvc,secrets,jobs"
    return set(installation.kubectl("get", kinds, "--output=name").split())


@pytest.mark.timeout(900, func_only=True)
def test_up_by_either_tool_twice_changes_nothing_and_after_down_the_data_is_found(foo: Installation) -> None:
    artifacts: set[str] = set()
    for engine in ("kustomize", "helm"):
        said = json.loads(foo.installer("up", f"--engine={engine}", "--output=json").stdout)
        assert said["engine"] == engine
        assert said["services"]["rest"] == "http://metadata-service.foo:8080"
        assert foo.restarts() == 0
        before, passwords = foo.generations(), foo.passwords()
        assert foo.artifacts() >= artifacts | {"MNIST"}

        again = foo.installer("up")
        assert "http://127.0.0.1:3000" in again.stdout
        assert "6 passed, 0 failed" in again.stderr
        assert foo.generations() == before, "the same settings change nothing"
        status = json.loads(foo.installer("status", "--output=json").stdout)
        assert status["engine"] == engine
        assert {each["name"] for each in status["workloads"]} >= {"metadata-db", "metadata-ui"}

        artifacts = foo.artifacts()
        foo.installer("down")
        assert what_is_left(foo) == DATA
        assert foo.installer("status", check=False).returncode == 1
    foo.installer("up", "--set=ui.replicas=2", "--set=logLevel=debug")
    assert foo.artifacts() == artifacts
    assert foo.passwords() == passwords


def test_settings_change_what_runs_and_what_is_no_longer_wanted_goes(foo: Installation) -> None:
    assert "poddisruptionbudget.policy/metadata-ui" in foo.kubectl("get", "pdb", "--output=name")
    foo.installer("up")

    assert foo.kubectl("get", "pdb", "--output=name") == ""
    assert len(foo.get("pods", "--selector=metadata.kubeflow.org/part=ui")["items"]) == 1


def test_smoke_passes_and_fails_with_the_servers(foo: Installation) -> None:
    assert "6 passed, 0 failed" in foo.installer("smoke").stdout
    foo.kubectl("scale", "deployment/metadata-ui", "--replicas=0")
    broken = foo.installer("smoke", check=False)

    assert broken.returncode == 1
    assert "FAILED the UI serves the Artifact Store page" in broken.stdout


def test_an_image_that_no_node_can_get_is_named_with_the_way_to_give_it(foo: Installation) -> None:
    broken = foo.installer("up", "--set=images.server.tag=none", "--set=images.pullPolicy=Never", check=False)

    assert broken.returncode == 1
    assert "kubeflow-metadata-server:none" in broken.stderr
    assert "installer images build" in broken.stderr
    assert "Traceback" not in broken.stderr
    foo.installer("up")


def test_down_deletes_the_data_only_when_told(foo: Installation) -> None:
    foo.installer("down", "--delete-data", "--yes")

    assert what_is_left(foo) == set()
