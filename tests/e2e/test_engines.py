"""`python -m installer up` by kustomize and by Helm, each twice, and each on the data that the other left."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import DATA, Installation, namespace


@pytest.fixture(scope="module")
def foo(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster, "foo") as made:
        yield made


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

        again = foo.installer("up", "--smoke")
        assert "kubeflow-metadata open" in again.stdout or "installer open" in again.stdout
        assert "Nothing to change" in again.stderr
        assert "6 passed, 0 failed" in again.stderr
        assert foo.generations() == before, "the same settings change nothing"
        status = json.loads(foo.installer("status", "--output=json").stdout)
        assert status["engine"] == engine
        assert {each["workload"] for each in status["parts"]} >= {"StatefulSet metadata-db", "Deployment metadata-ui"}

        artifacts = foo.artifacts()
        foo.installer("down")
        records = ("secret/metadata-revision-", "secret/sh.helm.release.")
        assert {each for each in foo.what_is_left() if not each.startswith(records)} == DATA
        assert foo.installer("status", check=False).returncode == 1
    foo.installer("up", "--set=ui.replicas=2", "--set=logLevel=debug")
    assert foo.artifacts() == artifacts
    assert foo.passwords() == passwords
