"""``dashboard``: our entry in a menu that others have entries in, too."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster import dashboard
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.port import ConflictError
from tests.support.fake_cluster import FakeCluster

MENU: dict[str, Any] = {
    "externalLinks": [],
    "menuLinks": [{"icon": "book", "link": "/jupyter/", "text": "Notebooks", "type": "item", "new": {"b": 1, "a": 2}}],
    "documentationItems": [{"text": "ä", "desc": "x", "link": "y"}],
}


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    made.create(config_map(json.dumps(MENU, indent=4, ensure_ascii=False)))
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, namespace: _in(made, namespace))
    return made


def _in(cluster, namespace):
    cluster.namespace = namespace
    return cluster


def config_map(links, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": dashboard.CONFIG_MAP, "namespace": "kubeflow", **metadata},
        "data": {"settings": "{}", "links": links},
    }


def run(*arguments):
    return CliRunner().invoke(main, ["dashboard", *arguments])


def stored(cluster):
    return cluster.objects["ConfigMap", dashboard.CONFIG_MAP]


def links(cluster):
    return json.loads(stored(cluster)["data"]["links"])


def test_the_entry_is_added_once_and_removed_again_with_all_else_as_it_was(cluster):
    before = copy.deepcopy(stored(cluster))
    assert dashboard.is_present(cluster) is False
    assert "Added" in run("add").output
    assert links(cluster) == {**MENU, "menuLinks": [*MENU["menuLinks"], dashboard.ENTRY]}
    assert list(links(cluster)) == list(MENU)
    assert dashboard.is_present(cluster) is True
    assert stored(cluster)["data"]["settings"] == "{}"

    once = copy.deepcopy(stored(cluster))
    assert "already" in run("add").output
    assert stored(cluster) == once

    assert "Removed" in run("remove").output
    assert stored(cluster)["data"] == before["data"]
    assert "is not in" in run("remove").output
    assert dashboard.is_present(cluster) is False


def test_a_dry_run_shows_the_change_and_makes_none(cluster):
    before = copy.deepcopy(stored(cluster))
    shown = run("add", "--dry-run")
    assert shown.exit_code == 0
    assert '+            "link": "/metadata/",' in shown.output
    assert stored(cluster) == before
    document = json.loads(run("add", "--dry-run", "-o", "json").stdout)
    assert (document["changed"], document["would_change"], document["present"]) == (False, True, False)


def test_who_changes_the_menu_at_the_same_time_loses_nothing(cluster, monkeypatch):
    replace = cluster.replace

    def replace_after_another(wanted):
        monkeypatch.setattr(cluster, "replace", replace)
        other = {**MENU, "menuLinks": [{"link": "/other/"}, *MENU["menuLinks"]]}
        changed = copy.deepcopy(stored(cluster))
        changed["data"]["links"] = json.dumps(other)
        replace(changed)
        return replace(wanted)

    monkeypatch.setattr(cluster, "replace", replace_after_another)
    assert run("add").exit_code == 0
    assert [each["link"] for each in links(cluster)["menuLinks"]] == ["/other/", "/jupyter/", "/metadata/"]


def test_a_menu_that_changes_all_the_time_is_an_error(cluster, monkeypatch):
    def conflict(_wanted):
        raise ConflictError("ConfigMap centraldashboard-config was changed since it was read.")

    monkeypatch.setattr(cluster, "replace", conflict)
    done = run("add")
    assert done.exit_code == 1
    assert "was changed since it was read" in done.output


@pytest.mark.parametrize("text", ["{broken", "[]", '{"menuLinks": {}}', "null"])
def test_a_menu_that_cannot_be_read_is_an_error_and_left_alone(cluster, text):
    cluster.add(config_map(text, resourceVersion="1"))
    for verb in ("add", "remove"):
        done = run(verb)
        assert done.exit_code == 1
        assert "cannot be read" in done.output
        assert "Nothing was changed" in done.output
        assert "--context fake -n kubeflow edit configmap" in done.output
    assert stored(cluster)["data"]["links"] == text
    assert dashboard.is_present(cluster) is None


def test_an_empty_menu_gets_the_entry(cluster):
    for text in ("", "{}"):
        cluster.add(config_map(text, resourceVersion="1"))
        assert run("add").exit_code == 0
        assert links(cluster) == {"menuLinks": [dashboard.ENTRY]}


@pytest.mark.parametrize(
    ("metadata", "manager"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "kubeflow:x"}}, "Argo CD (application kubeflow)"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "kubeflow"}}, "Flux (kubeflow)"),
    ],
)
def test_what_a_gitops_tool_manages_is_changed_only_when_asked(cluster, metadata, manager):
    cluster.add(config_map("{}", resourceVersion="1", **metadata))
    refused = run("add")
    assert refused.exit_code == 1
    assert f"{manager} manages ConfigMap" in refused.output
    assert "dashboard add --context fake --take-over" in refused.output
    assert links(cluster) == {}
    assert run("add", "--take-over").exit_code == 0
    assert dashboard.is_present(cluster) is True


def test_the_dashboard_may_be_in_another_namespace_or_missing(cluster):
    assert run("add", "--dashboard-namespace", "elsewhere").exit_code == 0
    del cluster.objects["ConfigMap", dashboard.CONFIG_MAP]
    done = run("add", "--dashboard-namespace", "elsewhere")
    assert done.exit_code == 1
    assert "no Kubeflow dashboard in namespace elsewhere" in done.output
    assert "--dashboard-namespace" in done.output
    assert dashboard.is_present(cluster) is None


def test_on_a_laptop_it_says_why_not():
    for verb in ("add", "remove"):
        done = run(verb, "--local")
        assert done.exit_code == 64
        assert "open --local" in done.output
