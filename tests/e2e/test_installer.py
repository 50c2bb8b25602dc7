"""`python -m installer` on a cluster, as a newcomer types it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import Installation, namespace


@pytest.fixture(scope="module")
def installed(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster, "settings") as made:
        made.installer("up", "--set=ui.replicas=2", "--set=logLevel=debug")
        yield made


def test_settings_change_what_runs_and_what_is_no_longer_wanted_goes(installed: Installation) -> None:
    assert "poddisruptionbudget.policy/metadata-ui" in installed.kubectl("get", "pdb", "--output=name")
    installed.installer("up", "--reset-settings")

    assert installed.kubectl("get", "pdb", "--output=name") == ""
    pods = installed.get("pods", "--selector=metadata.kubeflow.org/part=ui")["items"]
    # The other one may still be terminating.
    assert len([pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]) == 1


def test_smoke_passes_and_fails_with_the_servers(installed: Installation) -> None:
    assert "6 passed, 0 failed" in installed.installer("smoke").stdout
    installed.kubectl("scale", "deployment/metadata-ui", "--replicas=0")
    # Without any other pod, a Service goes on with one that terminates.
    installed.kubectl("wait", "pod", "--selector=metadata.kubeflow.org/part=ui", "--for=delete", "--timeout=120s")
    broken = installed.installer("smoke", check=False)

    assert broken.returncode == 1
    assert "FAILED the UI serves the Artifact Store page" in broken.stdout


def test_an_image_that_no_node_can_get_is_named_with_the_way_to_give_it(installed: Installation) -> None:
    broken = installed.installer("up", "--set=images.server.tag=none", "--set=images.pullPolicy=Never", check=False)

    assert broken.returncode == 1
    assert "kubeflow-metadata-server:none" in broken.stderr
    assert "installer images build" in broken.stderr
    assert "Traceback" not in broken.stderr
    installed.installer("up", "--reset-settings")


def test_down_deletes_the_data_only_when_told(installed: Installation) -> None:
    installed.installer("down", "--delete-data", "--yes")

    assert installed.what_is_left() == set()
