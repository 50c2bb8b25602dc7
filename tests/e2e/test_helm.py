"""The chart on a cluster: install, test, upgrade, roll back, uninstall, install again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e import images
from tests.support.e2e.installations import CHART, DATA, Installation, namespace
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def release(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    tools.build([tools.HELM_4, tools.HELM_3])
    with namespace(cluster, "charts") as made:
        yield made


def image_of(release: Installation, deployment: str) -> str:
    (container,) = release.get("deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def test_a_release_comes_up_and_its_test_passes(release: Installation) -> None:
    said = release.helm("upgrade", "--install", "metadata", CHART)
    assert "port-forward service/metadata-ui 3000:80" in said, "the notes say what to do next"
    release.wait()

    assert release.restarts() == 0
    release.helm("test", "metadata")
    assert "6 passed, 0 failed" in release.kubectl("logs", "job/metadata-smoke")
    assert "MNIST" in release.artifacts()


def test_an_upgrade_brings_another_image_and_other_values_and_rolls_back(release: Installation) -> None:
    artifacts, passwords = release.artifacts(), release.passwords()
    release.helm(
        *("upgrade", "metadata", CHART, f"--set=images.server.tag={images.TAG}", "--set=rest.replicas=2"),
        "--set=mysql.maxConnections=77",
    )
    release.wait()
    assert image_of(release, "metadata-deployment") == images.REFERENCE
    assert len(release.get("pods", "--selector=metadata.kubeflow.org/part=rest")["items"]) == 2
    assert release.artifacts() == artifacts

    release.helm("rollback", "metadata", "1")
    release.wait()
    assert image_of(release, "metadata-deployment") != images.REFERENCE
    assert release.artifacts() == artifacts
    assert release.passwords() == passwords


def test_uninstall_keeps_the_data_and_the_next_release_finds_it_also_of_helm_3(release: Installation) -> None:
    artifacts = release.artifacts()
    release.helm("uninstall", "metadata")
    eventually(lambda: not release.pods(), "the pods are gone")
    kept = release.kubectl("get", "deployments,statefulsets,services,pvc,secrets", "--output=name").split()
    assert set(kept) == DATA

    release.helm("install", "metadata", CHART, tool=tools.HELM_3)
    release.wait()
    assert release.artifacts() == artifacts
    assert release.restarts() == 0
