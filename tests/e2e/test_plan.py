"""Plans against a real API server: what they say is what ``up`` does, and after it they are empty."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import Installation, namespace

# Settings that differ in which objects there are, in lists, in maps, and in defaults that the server fills in.
CHOICES: dict[str, list[str]] = {
    "ui.replicas": ["1", "2"],
    "logLevel": ["info", "debug"],
    "networkPolicy.enabled": ["true", "false"],
    "networkPolicy.clientNamespaces": ["[]", "[team-a]", "[team-a, team-b]"],
    "pods.labels.team": ["a", "b"],
    "pods.annotations.note": ["a", "b"],
    "ui.resources.limits.memory": ["256Mi", "300Mi"],
    "ui.extraEnv.HINT": ["a", "b"],
    "grpc.workerThreads": ["4", "8"],
    "rest.service.annotations.note": ["a", "b"],
    "ui.service.type": ["ClusterIP", "NodePort"],
    "mysql.maxConnections": ["151", "160"],
    "ingress.host": ["metadata.example.org"],
    "scheduling.tolerations": ["[]", "[{key: dedicated, operator: Exists}]"],
}


def drawn(seed: int) -> list[str]:
    chance = random.Random(seed)
    chosen = {name: chance.choice(values) for name, values in CHOICES.items() if chance.random() < 0.5}
    chosen |= {"ingress.enabled": "true"} if "ingress.host" in chosen else {}
    return [f"--set={name}={value}" for name, value in chosen.items()]


@pytest.fixture(scope="module", params=["kustomize", "helm"])
def installed(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Installation]:
    if cluster.engine is not None:
        request.getfixturevalue("loaded")  # a cluster that E2E_CONTEXT names has our image
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster) as made:
        made.installer("up", f"--engine={request.param}", "--set=small.enabled=true", "--skip-smoke")
        yield made


def plan(installed: Installation, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(installed.installer("plan", "-o", "json", *arguments).stdout)
    return document


def test_after_up_the_plan_is_empty(installed: Installation) -> None:
    assert plan(installed, "--set=small.enabled=true")["changes"] == []


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
def test_whatever_the_settings(installed: Installation, seed: int) -> None:
    settings = ["--set=small.enabled=true", *drawn(seed)]
    planned = plan(installed, *settings)
    installed.installer("up", *settings, "--skip-smoke")

    assert plan(installed, *settings)["changes"] == [], (settings, planned["changes"])


def test_what_somebody_else_changed_is_drift_and_put_back(installed: Installation) -> None:
    installed.installer("up", "--reset-settings", "--set=small.enabled=true", "--skip-smoke")
    installed.kubectl("set", "resources", "deployment/metadata-ui", "--limits=memory=333Mi")
    installed.kubectl("scale", "deployment/metadata-deployment", "--replicas=2")
    found = plan(installed, "--set=small.enabled=true")

    drift = [field for change in found["changes"] for field in change["fields"] if field["drift"]]
    assert {field["path"].rpartition(".")[2] for field in drift} >= {"replicas", "memory"}
    assert all(field["manager"].startswith("kubectl") for field in drift)
    installed.installer("up", "--set=small.enabled=true", "--skip-smoke")
    assert plan(installed, "--set=small.enabled=true")["changes"] == []


def test_up_without_changes_applies_nothing(installed: Installation) -> None:
    before = installed.get("deployments")
    done = installed.installer("up", "--set=small.enabled=true")

    assert "Nothing to change" in done.stderr
    versions = [
        [each["metadata"]["generation"] for each in listed["items"]]
        for listed in (before, installed.get("deployments"))
    ]
    assert versions[0] == versions[1]


@pytest.mark.parametrize(
    "stage",
    [
        "Apply ...",
        *(pytest.param(stage, marks=pytest.mark.long) for stage in ("Plan ...", "Wait ...", "Smoke test ...")),
    ],
)
def test_up_that_was_killed_goes_on(installed: Installation, stage: str) -> None:
    settings = ["--set=small.enabled=true", f"--set=pods.annotations.killed={stage.partition(' ')[0]}"]
    running = installed.start_installer("up", *settings)
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith(stage):
            running.kill()
            break
    running.communicate()
    installed.installer("up", *settings)

    assert plan(installed, *settings)["changes"] == []
    assert installed.get("jobs")["items"] == []


def test_down_names_what_goes_and_what_stays(installed: Installation) -> None:
    said = json.loads(installed.installer("down", "--dry-run", "-o", "json").stdout)

    assert "Deployment metadata-ui" in said["would_delete"]
    assert "PersistentVolumeClaim metadata-mysql" in said["kept"]
    refused = installed.installer("down", "--delete-data", check=False)
    assert refused.returncode != 0
    assert "--yes" in refused.stderr
