"""A small API server over HTTP or HTTPS: it knows its version and two kinds, and answers as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.1+k3s1"} | dict.fromkeys(
    ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), ""
)
_CONFIG_MAPS = {"name": "configmaps", "singularName": "", "namespaced": True, "kind": "ConfigMap", "verbs": ["get"]}
_REVIEWS = {"name": "selfsubjectaccessreviews", "singularName": "", "namespaced": False, "verbs": ["create"]}
_AUTHORIZATION = {"groupVersion": "authorization.k8s.io/v1", "version": "v1"}
DISCOVERY: dict[str, dict[str, Any]] = {
    "/version": VERSION,
    "/version/": VERSION,
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [{"name": "authorization.k8s.io", "versions": [_AUTHORIZATION], "preferredVersion": _AUTHORIZATION}],
    },
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [_CONFIG_MAPS]},
    "/apis/authorization.k8s.io/v1": {
        "kind": "APIResourceList",
        "groupVersion": "authorization.k8s.io/v1",
        "resources": [{**_REVIEWS, "kind": "SelfSubjectAccessReview"}],
    },
}
CONFIG_MAP: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}


@dataclass(frozen=True)
class Request:
    """A request that was made."""

    method: str
    path: str
    authorization: str
    headers: dict[str, str]


@dataclass
class Answer:
    """An answer that is to be given; without a status, the connection is closed instead."""

    status: int | None
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class ApiServer(ThreadingHTTPServer):
    """Answers each call about ConfigMaps with the next of ``answers``, then with ``status``."""

    status = 200
    daemon_threads = True

    def __init__(self, certificate: tuple[Path, Path] | None = None, client_ca: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.at: dict[str, Answer] = {}  # by path, for as long as it is there
        self.requests: list[Request] = []
        self.token = ""  # that is asked for; empty: none
        self.on_request: Callable[[], None] | None = None
        self.scheme = "http"
        if certificate:
            key, public = certificate
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(public, key)
            if client_ca:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def about_config_maps(self) -> list[str]:
        """The methods of the calls about ConfigMaps, in order."""
        return [each.method for each in self.requests if "/configmaps" in each.path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: clients that do not trust it hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        authorization = self.headers.get("Authorization") or ""
        self.server.requests.append(Request(self.command, path, authorization, dict(self.headers.items())))
        if self.server.on_request:
            self.server.on_request()
        given = self._answer_to(path, authorization)
        if given.status is None:
            self.close_connection = True
            return
        body = given.body.encode()
        self.send_response(given.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in given.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer_to(self, path: str, authorization: str) -> Answer:
        if self.server.token and authorization != f"Bearer {self.server.token}":
            return _status(Answer(401, "Unauthorized"))
        if path in self.server.at:
            return _status(self.server.at[path])
        if path == "/readyz":
            return Answer(200, body="ok")
        if path in DISCOVERY:
            return Answer(200, body=json.dumps(DISCOVERY[path]))
        if self.server.answers:
            return _status(self.server.answers.pop(0))
        return _status(Answer(self.server.status, f"{self.command} is answered {self.server.status}"))

    def do_GET(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, *_arguments: Any) -> None:
        pass


def _status(given: Answer) -> Answer:
    """Returns an answer with the body that Kubernetes gives it."""
    if given.body or given.status is None:
        return given
    document = {"kind": "Status", "apiVersion": "v1", "message": given.message}
    if 200 <= given.status < 300:
        document = {**CONFIG_MAP, "message": given.message}
    return Answer(given.status, given.message, given.headers, json.dumps(document))


@contextmanager
def running(certificate: tuple[Path, Path] | None = None, client_ca: Path | None = None) -> Iterator[ApiServer]:
    """Runs an API server."""
    server = ApiServer(certificate, client_ca)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(server: str, *, user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    """A kubeconfig with one context, called ``here``."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }
