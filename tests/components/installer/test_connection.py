"""The calls to an API server: what it refuses is told in a sentence, with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.port import (
    Cluster,
    ConflictError,
    ForbiddenError,
    RejectedError,
    UnknownKindError,
    UnreachableError,
)
from tests.support.api_server import CONFIG_MAP, Answer, ApiServer, kubeconfig, running


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    with running() as server:
        yield server


@pytest.fixture
def cluster(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    config = kubeconfig(api_server.url)
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    return connect(None, "team-a")


def test_an_api_server_of_this_machine_is_not_asked_through_a_proxy(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert connect(None, "team-a").version() == cluster.version()


SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "team-a"}}


def test_the_version_of_the_cluster_is_the_whole_one(cluster: Cluster) -> None:
    assert cluster.version() == "v1.33.1+k3s1"


def test_a_missing_permission_names_the_verb_and_the_object(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 403

    with pytest.raises(UserError, match=r"^Permission denied: cannot apply ConfigMap settings\.$") as caught:
        cluster.apply(SETTINGS)
    assert caught.value.details == "PATCH is answered 403"
    with pytest.raises(UserError, match="cannot list ConfigMap objects"):
        cluster.list("v1", "ConfigMap")
    with pytest.raises(UserError, match="cannot delete ConfigMap settings"):
        cluster.delete("v1", "ConfigMap", "settings")


WARNING = '299 - "unknown field \\"spec.colour\\"", 299 - "v1 Endpoints is deprecated, use v1 EndpointSlice"'


def test_what_the_server_warns_of_is_shown_once(
    cluster: Cluster, api_server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    api_server.answers = [Answer(200, headers={"Warning": WARNING}, body=json.dumps(CONFIG_MAP)) for _ in range(3)]

    cluster.apply(SETTINGS, dry_run=True)
    cluster.apply(SETTINGS)
    cluster.replace(SETTINGS)

    shown = " ".join(capsys.readouterr().err.split())
    assert shown.count('warns about ConfigMap settings: unknown field "spec.colour"') == 1
    assert shown.count("v1 Endpoints is deprecated, use v1 EndpointSlice") == 1


def test_a_server_without_warnings_shows_none(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.apply(SETTINGS)
    assert capsys.readouterr().err == ""


def test_missing_credentials_are_told_apart_from_missing_permissions(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 401

    with pytest.raises(UserError, match=r"^Not authenticated to the cluster \(401\)\.$"):
        cluster.get("v1", "ConfigMap", "settings")


def test_fields_of_another_manager_are_a_conflict(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 409

    with pytest.raises(ConflictError, match="ConfigMap settings has fields that another manager owns"):
        cluster.apply(SETTINGS)


def test_what_is_rejected_shows_the_answer(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 422

    with pytest.raises(UserError, match=r"^The cluster rejected ConfigMap settings\.$") as caught:
        cluster.apply(SETTINGS)
    assert caught.value.details == "PATCH is answered 422"


def test_what_is_not_there_is_none(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 404

    assert cluster.get("v1", "ConfigMap", "settings") is None
    assert not cluster.delete("v1", "ConfigMap", "settings")


def test_a_kind_that_is_not_installed_is_named_with_what_provides_it(cluster: Cluster) -> None:
    monitor = {**SETTINGS, "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor"}

    with pytest.raises(UnknownKindError, match="no kind ServiceMonitor") as caught:
        cluster.apply(monitor)
    assert "Prometheus Operator" in caught.value.hint
    assert cluster.list("monitoring.coreos.com/v1", "ServiceMonitor") == []


@pytest.mark.parametrize(
    ("message", "error", "said"),
    [
        ('configmaps "settings" is forbidden: exceeded quota: small', RejectedError, "The cluster rejected"),
        (
            'configmaps "settings" is forbidden: violates PodSecurity "restricted"',
            RejectedError,
            "The cluster rejected",
        ),
        (
            'configmaps "settings" is forbidden: User "eve" cannot patch resource "configmaps"',
            ForbiddenError,
            "Permission denied",
        ),
        (
            'admission webhook "policy.example.com" denied the request: no',
            RejectedError,
            r"policy\.example\.com rejected",
        ),
    ],
)
def test_who_may_not_is_told_apart_from_what_may_not_be(
    cluster: Cluster, api_server: ApiServer, message: str, error: type[UserError], said: str
) -> None:
    api_server.answers = [Answer(403, message)]

    with pytest.raises(error, match=said) as caught:
        cluster.apply(SETTINGS)
    assert caught.value.details == message


def test_a_conflict_says_what_kind_it_is(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.status = 409

    with pytest.raises(ConflictError, match="exists already"):
        cluster.create(SETTINGS)
    with pytest.raises(ConflictError, match="was changed since it was read"):
        cluster.replace(SETTINGS)
    with pytest.raises(ConflictError, match="another one by now"):
        cluster.delete("v1", "ConfigMap", "settings", uid="1")


def test_hints_name_the_context_and_the_namespace(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.answers = [Answer(403, 'User "eve" cannot patch resource "configmaps"')]

    with pytest.raises(ForbiddenError) as caught:
        cluster.apply(SETTINGS)
    assert "kubectl --context here -n team-a auth can-i --list" in caught.value.hint


@pytest.mark.parametrize("answer", [Answer(200, body="<html>Log in</html>"), Answer(302, headers={"Location": "/"})])
def test_a_login_page_is_not_taken_for_an_api_server(cluster: Cluster, api_server: ApiServer, answer: Answer) -> None:
    api_server.at["/apis"] = answer

    with pytest.raises(UnreachableError, match="is not the API server of a cluster") as caught:
        connect(None, "team-a")
    assert api_server.url in str(caught.value)


def test_a_page_in_place_of_an_object_is_not_taken_for_one(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.answers = [Answer(200, body="<html>Log in</html>")]

    with pytest.raises(UnreachableError, match="is not the API server of a cluster"):
        cluster.get("v1", "ConfigMap", "settings")


def test_logs_that_cannot_be_had_are_empty(cluster: Cluster, api_server: ApiServer) -> None:
    api_server.answers = [Answer(None)]
    assert cluster.logs("pod", "grpc", lines=10) == ""
