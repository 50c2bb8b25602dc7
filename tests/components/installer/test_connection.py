"""The calls to an API server: what it refuses is told in a sentence, with what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.kubeconfig import connect
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, UnknownKindError

VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.1+k3s1"} | dict.fromkeys(
    ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), ""
)
CONFIG_MAPS = {"name": "configmaps", "singularName": "", "namespaced": True, "kind": "ConfigMap", "verbs": ["get"]}
DISCOVERY: dict[str, dict[str, Any]] = {
    "/version": VERSION,
    "/version/": VERSION,
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [CONFIG_MAPS]},
}


class ApiServer(ThreadingHTTPServer):
    """Knows its version and ConfigMaps; answers each call about these with ``status``."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        message = f"{self.command} is answered {self.server.status}"
        status, document = 200, DISCOVERY.get(path)
        if document is None:
            status, document = self.server.status, {"kind": "Status", "apiVersion": "v1", "message": message}
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    server = ApiServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cluster(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{api_server.server_address[1]}"}}],
        "users": [{"name": "u", "user": {}}],
    }
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
