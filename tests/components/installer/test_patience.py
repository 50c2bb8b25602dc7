"""An API server that cannot answer just now is asked again, as long as nothing can happen twice, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, RejectedError, UnreachableError
from tests.support.api_server import Answer, ApiServer, kubeconfig, running
from tests.support.fake_cluster import FakeClock

SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "team-a"}}
UNKNOWN_ROLE = (
    'configmaps is forbidden: User "eve" cannot list resource "configmaps": '
    'RBAC: clusterrole.rbac.authorization.k8s.io "admin" not found'
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    with running() as server:
        yield server


@pytest.fixture
def cluster(api_server: ApiServer, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig(api_server.url)))
    monkeypatch.setenv("KUBECONFIG", str(file))
    connected = connect(None, "team-a", clock)
    connected.get("v1", "ConfigMap", "settings")  # so that kinds are known
    api_server.requests.clear()
    return connected


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, None])
def test_what_can_be_asked_twice_is_asked_again(
    cluster: Cluster, api_server: ApiServer, status: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = (
        ("GET", lambda: cluster.get("v1", "ConfigMap", "settings")),
        ("PATCH", lambda: cluster.apply(SETTINGS)),
        ("PATCH", lambda: cluster.apply(SETTINGS, dry_run=True)),
        ("POST", lambda: cluster.create(SETTINGS, dry_run=True)),
        ("DELETE", lambda: cluster.delete("v1", "ConfigMap", "settings", uid="1")),
    )
    for method, call in calls:
        api_server.requests.clear()
        api_server.answers = [Answer(status), Answer(status)]
        call()
        assert api_server.about_config_maps() == 3 * [method]
    assert capsys.readouterr().err.count("retrying for up to 60 s") == len(calls)  # once an outage


@pytest.mark.parametrize("status", [500, 502, 504, None])
def test_what_may_have_happened_is_not_done_again(cluster: Cluster, api_server: ApiServer, status: int | None) -> None:
    for call in (
        lambda: cluster.create(SETTINGS),
        lambda: cluster.replace(SETTINGS),
        lambda: cluster.delete("v1", "ConfigMap", "settings"),
    ):
        api_server.requests.clear()
        api_server.answers = [Answer(status)]
        with pytest.raises(UnreachableError):
            call()
        assert len(api_server.about_config_maps()) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_server_asks_to_send_later_is_sent_again(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock, status: int
) -> None:
    api_server.answers = [Answer(status, headers={"Retry-After": "7"})]
    before = clock.slept
    cluster.create(SETTINGS)
    assert clock.slept - before == 7


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_is_not_asked_again(cluster: Cluster, api_server: ApiServer, status: int) -> None:
    api_server.status = status
    with pytest.raises(UserError):
        cluster.apply(SETTINGS)
    assert len(api_server.about_config_maps()) == 1


def test_no_call_is_asked_for_ever(cluster: Cluster, api_server: ApiServer, clock: FakeClock) -> None:
    api_server.status = 503
    before = clock.slept
    with pytest.raises(UnreachableError, match=r"cannot get ConfigMap settings now \(503\)"):
        cluster.get("v1", "ConfigMap", "settings")
    assert 50 <= clock.slept - before <= 60


def test_a_server_that_is_away_for_a_while_is_waited_for(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock
) -> None:
    gone = clock.slept + 20
    api_server.on_request = lambda: setattr(api_server, "answers", [Answer(None)] if clock.slept < gone else [])
    assert cluster.get("v1", "ConfigMap", "settings") is not None
    assert clock.slept >= gone


def test_a_server_that_never_answered_is_not_waited_for_long(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig("http://127.0.0.1:9")))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(UnreachableError):
        connect(None, "team-a", clock)
    assert clock.slept <= 3


@pytest.mark.parametrize("message", ["anything", UNKNOWN_ROLE, "not yet ready to handle request"])
def test_a_403_of_a_server_that_is_starting_is_asked_again(
    cluster: Cluster, api_server: ApiServer, message: str
) -> None:
    api_server.at["/readyz"] = Answer(500, "not ready")
    api_server.answers = [Answer(403, message)]
    assert cluster.get("v1", "ConfigMap", "settings") is not None


def test_a_403_of_a_server_that_is_ready_is_a_refusal(cluster: Cluster, api_server: ApiServer) -> None:
    for message in ("anything", UNKNOWN_ROLE):
        api_server.answers = [Answer(403, message)]
        with pytest.raises(ForbiddenError):
            cluster.list("v1", "ConfigMap")


def test_a_server_that_does_not_say_whether_it_is_ready_is_believed_by_its_words(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock
) -> None:
    api_server.at["/readyz"] = Answer(403, "no")
    api_server.answers = [Answer(403, UNKNOWN_ROLE)]
    assert cluster.get("v1", "ConfigMap", "settings") is not None
    api_server.answers = [Answer(403, "anything")]
    with pytest.raises(ForbiddenError):
        cluster.list("v1", "ConfigMap")


@pytest.mark.parametrize("outage", [None, 503])
def test_a_403_right_after_an_outage_is_not_believed(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock, outage: int | None
) -> None:
    """It may have been given before the server knew its roles, though it is ready by the time that it is asked."""
    api_server.answers = [Answer(403, "anything")]
    with pytest.raises(ForbiddenError):
        cluster.get("v1", "ConfigMap", "settings")
    api_server.answers = [Answer(outage), Answer(403, "anything"), Answer(403, "anything")]
    assert cluster.get("v1", "ConfigMap", "settings") is not None
    clock.sleep(20)
    api_server.answers = [Answer(403, "anything")]
    with pytest.raises(ForbiddenError):
        cluster.get("v1", "ConfigMap", "settings")


def test_a_long_outage_leaves_time_for_the_start_that_follows(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock
) -> None:
    # Pauses grow to five seconds: longer away than a start alone is waited for.
    api_server.answers = [*[Answer(None)] * 11, *[Answer(403, "anything")] * 2]
    before = clock.slept
    assert cluster.get("v1", "ConfigMap", "settings") is not None
    assert clock.slept - before > 30


def test_a_server_that_never_gets_ready_is_not_waited_for_forever(
    cluster: Cluster, api_server: ApiServer, clock: FakeClock
) -> None:
    api_server.at["/readyz"] = Answer(500, "not ready")
    api_server.status = 403
    before = clock.slept
    with pytest.raises(ForbiddenError):
        cluster.get("v1", "ConfigMap", "settings")
    assert 20 <= clock.slept - before <= 30


def test_a_webhook_that_does_not_respond_is_named(cluster: Cluster, api_server: ApiServer, clock: FakeClock) -> None:
    message = 'Internal error occurred: failed calling webhook "policy.example.com": context deadline exceeded'
    api_server.answers = 20 * [Answer(500, message)]
    before = clock.slept
    with pytest.raises(RejectedError, match=r"The admission webhook policy\.example\.com does not respond") as caught:
        cluster.apply(SETTINGS)
    assert clock.slept - before <= 15
    assert caught.value.details == message


def test_a_kind_whose_server_is_away_is_not_taken_for_one_that_is_not_there(
    api_server: ApiServer, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig(api_server.url)))
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster = connect(None, "team-a", clock)
    api_server.at["/api/v1"] = Answer(503)
    with pytest.raises(UnreachableError):
        cluster.get("v1", "ConfigMap", "settings")
    del api_server.at["/api/v1"]
    assert cluster.get("v1", "ConfigMap", "settings") is not None


def test_an_answer_about_rights_of_a_server_that_is_starting_is_asked_again(
    cluster: Cluster, api_server: ApiServer
) -> None:
    denied = json.dumps({"kind": "SelfSubjectAccessReview", "status": {"allowed": False}})
    allowed = json.dumps({"kind": "SelfSubjectAccessReview", "status": {"allowed": True}})
    api_server.at["/readyz"] = Answer(500, "not ready")
    api_server.answers = [Answer(201, body=denied), Answer(201, body=allowed)]
    assert cluster.allows("get", "v1", "ConfigMap")

    del api_server.at["/readyz"]
    api_server.answers = [Answer(201, body=denied)]
    assert not cluster.allows("get", "v1", "ConfigMap")
