"""Settings last, with either engine: through an ``up`` without any, one that failed, and ``down``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import Installation, namespace

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["kustomize", "helm"])
def installed(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Installation]:
    if cluster.engine is not None:
        request.getfixturevalue("loaded")  # a cluster that E2E_CONTEXT names has our image
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster) as made:
        settings = ("--set=small.enabled=true", "--set=ui.replicas=2")
        made.installer("up", f"--engine={request.param}", "--skip-smoke", *settings)
        yield made


def settings(installed: Installation, *arguments: str) -> Any:
    return yaml.safe_load(installed.installer("get", "settings", *arguments).stdout)


def history(installed: Installation) -> Any:
    return json.loads(installed.installer("history", "-o", "json").stdout)["revisions"]


def replicas(installed: Installation) -> int:
    return int(installed.get("deployment", "metadata-ui")["spec"]["replicas"])


def test_one_setting_changes_and_the_others_hold(installed: Installation) -> None:
    changed = installed.installer("up", "--skip-smoke", "--set=logLevel=debug")

    assert "logLevel" in changed.stderr
    assert replicas(installed) == 2
    assert settings(installed) == {"small": {"enabled": True}, "ui": {"replicas": 2}, "logLevel": "debug"}
    assert [each["name"] for each in history(installed)[0]["changes"]] == ["logLevel"]


def test_null_drops_one(installed: Installation) -> None:
    installed.installer("up", "--skip-smoke", "--set=logLevel=null")

    assert settings(installed) == {"small": {"enabled": True}, "ui": {"replicas": 2}}


def test_after_a_failed_up_its_settings_hold(installed: Installation) -> None:
    # Kept in the release where Helm failed, too.
    broken = installed.installer(
        "up",
        "--skip-smoke",
        "--timeout=30",
        "--set=images.server.tag=none",
        "--set=images.pullPolicy=Never",
        check=False,
    )
    assert broken.returncode == 1
    assert settings(installed)["images"] == {"server": {"tag": "none"}, "pullPolicy": "Never"}

    installed.installer("up", "--skip-smoke", "--set=images=null")
    assert "images" not in settings(installed)
    assert replicas(installed) == 2


def test_after_down_they_hold_and_go_with_the_data(installed: Installation) -> None:
    installed.installer("down")
    assert history(installed)[0]["outcome"] == "uninstalled"
    assert settings(installed) == {"small": {"enabled": True}, "ui": {"replicas": 2}}

    installed.installer("up", "--skip-smoke")
    assert replicas(installed) == 2
    installed.installer("down", "--delete-data", "--yes")
    assert history(installed) == []
    assert installed.what_is_left() == set()
