"""A restart of the machine under a cluster of one node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster.kind import Cluster
from tests.support.cluster.locks import Lock
from tests.support.e2e import workloads
from tests.support.e2e.installations import Installation, namespace
from tests.support.waiting import eventually


@pytest.fixture
def installed(own_cluster: Cluster, loaded: str) -> Iterator[Installation]:
    with namespace(own_cluster, "restarted") as made:
        made.installer("up")
        yield made


@pytest.mark.timeout(900, func_only=True)
def test_data_survives_a_restart_of_the_node_and_everything_comes_back(
    installed: Installation, among_others: Lock
) -> None:
    artifacts = installed.artifacts()
    among_others.acquire()
    restart_node(installed.cluster)
    installed.wait()

    assert installed.artifacts() == artifacts
    assert "6 passed, 0 failed" in installed.installer("smoke").stdout


def restart_node(cluster: Cluster) -> None:
    """Restarts the node and waits until every pod runs again, the cluster's own included."""
    assert cluster.engine is not None
    before = {container for pod in _pods(cluster) for container in _containers(pod)}
    cluster.engine.run("restart", cluster.node)

    def all_run_anew() -> bool:
        # Until the kubelet has looked at a pod, the API server tells what was true before the restart.
        pods = _pods(cluster)
        return bool(pods) and all(workloads.is_ready(pod) and not _containers(pod) & before for pod in pods)

    eventually(all_run_anew, "every pod runs in new containers", seconds=300)


def _pods(cluster: Cluster) -> list[dict[str, Any]]:
    """The pods that are to run; none while the API server does not answer."""
    text = cluster.kubectl("get", "pods", "--all-namespaces", "--output=json", "--request-timeout=10s", check=False)
    return [
        pod
        for pod in (json.loads(text)["items"] if text else [])
        if pod["status"].get("phase") not in {"Succeeded", "Failed"} and "deletionTimestamp" not in pod["metadata"]
    ]


def _containers(pod: dict[str, Any]) -> set[str]:
    return {status.get("containerID", "") for status in pod["status"].get("containerStatuses", [])}
