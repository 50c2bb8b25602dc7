"""Secrets over HTTP with the answers of Kubernetes, and what kubectl, Helm and GitOps tools do to them.

It knows who owns which value, as server-side apply does: a manager that no longer applies a value removes it, unless
another manager owns it, too.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubeflow_metadata.database_secret.api import LAST_APPLIED

CLIENT_SIDE = "kubectl-client-side-apply"


class SecretsServer(ThreadingHTTPServer):
    """The Secrets of one namespace."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.secrets: dict[str, dict[str, Any]] = {}
        self.owners: dict[str, dict[str, set[str]]] = {}  # keys by manager, by name
        self.refuse: list[int] = []  # status codes to answer with, one a request
        self.requests: list[tuple[str, str, str]] = []  # method, path and Authorization
        self.version = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def values(self, name: str) -> dict[str, str]:
        return {key: base64.b64decode(text).decode() for key, text in self.secrets[name]["data"].items()}

    def server_side_apply(self, name: str, data: Mapping[str, str], manager: str) -> dict[str, Any]:
        """Applies data (base64), as `kubectl apply --server-side`, Helm 4 and Flux do."""
        owners = self.owners.setdefault(name, {})
        if manager != "metadata-db-secret":
            # They take over first what was applied on the client's side.
            owners[manager] = owners.get(manager, set()) | owners.pop(CLIENT_SIDE, set())
        dropped = owners.get(manager, set()) - data.keys()
        owners[manager] = set(data)
        owned = set().union(*owners.values())
        return self._changed(name, dict.fromkeys(dropped - owned) | dict(data))

    def client_side_apply(self, name: str, values: Mapping[str, str]) -> None:
        """Applies values, as `kubectl apply` does: it notes them, and removes what it noted before."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        annotations = self.secrets.get(name, {}).get("metadata", {}).get("annotations", {})
        noted = json.loads(annotations.get(LAST_APPLIED, "{}")).get("data", {})
        secret = self._changed(name, dict.fromkeys(noted.keys() - data.keys()) | data)
        note = {"kind": "Secret", "metadata": {"name": name}, **({"data": data} if data else {})}
        secret["metadata"].setdefault("annotations", {})[LAST_APPLIED] = json.dumps(note)
        self.owners.setdefault(name, {})[CLIENT_SIDE] = set(data)

    def _changed(self, name: str, data: Mapping[str, str | None]) -> dict[str, Any]:
        secret = self.secrets.setdefault(name, {"kind": "Secret", "metadata": {"name": name}, "data": {}})
        before = dict(secret["data"])
        secret["data"].update(data)
        secret["data"] = {key: text for key, text in secret["data"].items() if text is not None}
        if secret["data"] != before or "resourceVersion" not in secret["metadata"]:
            self.version += 1
            secret["metadata"]["resourceVersion"] = str(self.version)
        return secret


class _Handler(BaseHTTPRequestHandler):
    server: SecretsServer

    def do_GET(self) -> None:
        with self.server.lock:
            secret = self.server.secrets.get(urlsplit(self.path).path.rpartition("/")[2])
            self._answer(200 if secret else 404, secret or {"message": "not found"})

    def do_PATCH(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            secret = self.server.secrets.get(name)
            if secret is None:
                self._answer(403, {"message": "cannot create secrets"})
            elif self.headers["Content-Type"] == "application/apply-patch+yaml":
                if body["metadata"]["resourceVersion"] != secret["metadata"]["resourceVersion"]:
                    self._answer(409, {"message": "the object has been modified"})
                    return
                (manager,) = parse_qs(parts.query)["fieldManager"]
                self._answer(200, self.server.server_side_apply(name, body["data"], manager))
            else:
                for annotation, text in body["metadata"]["annotations"].items():
                    assert text is None
                    secret["metadata"]["annotations"].pop(annotation)
                self._answer(200, secret)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        self.server.requests.append((self.command, urlsplit(self.path).path, self.headers["Authorization"]))
        if self.server.refuse:
            status, document = self.server.refuse.pop(0), {"message": "not now"}
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def secrets_server() -> Iterator[SecretsServer]:
    """A server for the duration of a test."""
    server = SecretsServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
