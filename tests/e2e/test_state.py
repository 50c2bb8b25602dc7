"""The Lease and the revisions on a real API server, and what it says to identities with few rights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster as Port
from kubeflow_metadata.installer.cluster.port import ForbiddenError
from kubeflow_metadata.installer.cluster.state import revisions
from kubeflow_metadata.installer.cluster.state.lease import API_VERSION, KIND, NAME, LeaseHeldError, held
from tests.support.checkout import ROOT
from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import CHART, Installation
from tests.support.e2e.outages import way_to

# Holds the Lease until it is killed.
HOLDER = """
import signal, sys
from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.state.lease import held
with held(connect(sys.argv[1], sys.argv[2]), "up") as lease:
    print("held", flush=True)
    signal.pause()
"""
# May read, and nothing else.
VIEWER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: viewer}]
"""


@pytest.fixture
def connected(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Port:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return kubeconfig.connect(cluster.context, namespace)


@pytest.fixture
def holder(cluster: Cluster, namespace: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, **cluster.environment}
    command = [sys.executable, "-c", HOLDER, cluster.context, namespace]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_command_is_told_who_holds_the_lease(connected: Port, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LeaseHeldError, match=rf"/{holder.pid}/up, since ") as caught, held(connected, "down"):
        pytest.fail("it is held")
    assert caught.value.exit_code == 4


def test_ctrl_c_releases_the_lease(connected: Port, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGINT)
    holder.wait(60)
    assert connected.get(API_VERSION, KIND, NAME) is None
    with held(connected, "up") as lease:
        lease.check()
    assert connected.get(API_VERSION, KIND, NAME) is None


def test_the_lease_of_a_command_that_was_killed_is_taken_over(connected: Port, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(60)
    said: list[str] = []
    with held(connected, "up", say=said.append) as lease:
        lease.check()
        record = connected.get(API_VERSION, KIND, NAME)
        assert record is not None
        assert f"/{os.getpid()}/up" in record["spec"]["holderIdentity"]
    assert f"/{holder.pid}/up" in said[-1]


def test_an_api_server_that_is_away_for_a_while_is_waited_for(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with way_to(cluster, tmp_path) as (way, config):
        monkeypatch.setenv("KUBECONFIG", str(config))
        said: list[str] = []

        def note(text: str) -> None:
            said.append(text)
            threading.Timer(3, way.open).start()

        connected = kubeconfig.connect(cluster.context, namespace, note=note)
        with held(connected, "up") as lease:
            way.close()
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace}}
            connected.apply(made)
            lease.check()
        assert said == ["The cluster does not respond; retrying for up to 60 s."]
        assert connected.get("v1", "ConfigMap", "a") is not None
        assert connected.get(API_VERSION, KIND, NAME) is None


def test_revisions_are_kept_and_forgotten(connected: Port) -> None:
    objects = (Identity("v1", "Service", "metadata-ui"),)
    for replicas in range(1, 13):
        settings = {"grpc": {"replicas": replicas}}
        with revisions.recorded(connected, "kustomize", settings, objects, {"grpc": "registry/none:1"}):
            last = revisions.last(connected)
            assert last is not None
            assert last.outcome == "in progress"
    known = revisions.history(connected)
    assert [each.number for each in known] == list(range(12, 2, -1))
    assert [each.outcome for each in known] == ["deployed", *9 * ["superseded"]]
    assert known[0].settings == {"grpc": {"replicas": 12}}
    assert known[0].objects == objects

    revisions.uninstalled(connected)
    assert [each.outcome for each in revisions.history(connected)] == ["uninstalled"]
    revisions.forget(connected)
    assert revisions.history(connected) == []


def test_a_release_of_helm_is_read_without_helm(cluster: Cluster, connected: Port) -> None:
    tools.build([tools.HELM_4])
    installation = Installation(cluster, connected.namespace)
    # Nothing needs to run: what counts is the record.
    installation.helm("install", "metadata", CHART, "--set=small.enabled=true")
    (revision,) = revisions.history(connected)
    assert (revision.number, revision.engine, revision.outcome) == (1, "helm", "deployed")
    assert revision.settings == {"small": {"enabled": True}}
    assert revision.created.endswith("Z")

    installation.helm("uninstall", "metadata", "--keep-history")
    assert [each.outcome for each in revisions.history(connected)] == ["uninstalled"]


def test_who_may_only_read_is_told_which_rule_to_ask_for(
    cluster: Cluster,
    connected: Port,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cluster.kubectl("create", "serviceaccount", "viewer", f"--namespace={namespace}")
    cluster.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=VIEWER)
    token = cluster.kubectl("create", "token", "viewer", f"--namespace={namespace}").strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "--output=json"))
    config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": {"token": token}}]
    file = tmp_path_factory.mktemp("viewer") / "config"
    file.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    viewer = kubeconfig.connect(cluster.context, namespace)

    assert viewer.allows("get", "v1", "ConfigMap")
    assert not viewer.allows("create", "v1", "ConfigMap")
    with pytest.raises(ForbiddenError) as caught, held(viewer, "up"):
        pytest.fail("it may not be held")
    assert "resources: [leases]" in caught.value.details
    with pytest.raises(ForbiddenError, match="cannot list Secret objects"):
        revisions.history(viewer)
