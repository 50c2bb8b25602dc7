"""A small REST backend in this process: it remembers what it was asked and answers as it is told."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass
class Answer:
    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    then_close: bool = False


class Backend:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._planned: deque[Answer] = deque()
        self._ids = {"artifact": count(1), "execution": count(1), "artifact_type": count(1)}
        self._records: list[tuple[str, dict[str, Any]]] = []
        self._events: list[dict[str, Any]] = []
        self._types = [f"kubeflow.org/alpha/{name}" for name in ("data_set", "model", "metrics")]
        self._lock = threading.Lock()
        self.connection_closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # Clients that give up in the middle are what some tests are about.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_port}"
        # Poll often, because stopping waits for the next poll.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def will_answer(self, *, body: Any = b"", status: int = 200, times: int = 1, **more: Any) -> None:
        """Plan the next answers; after them the backend stores and lists as a real one does."""
        self._planned.extend([Answer(body, status, **more)] * times)

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            return self._planned.popleft() if self._planned else self._store(request)

    def _store(self, request: Request) -> Answer:
        *_, last = request.path.split("/")
        if request.path.endswith("/v1alpha1/events"):
            self._events.append(request.body)
            return Answer()
        if "/v1alpha1/events/" in request.path:
            records = {kind: {r["id"]: r for p, r in self._records if p.endswith(kind)} for kind in _KINDS}
            owner = "artifact_id" if "/events/artifacts/" in request.path else "execution_id"
            events = [event for event in self._events if event[owner] == last]
            return Answer({"events": events, **records})
        if request.method == "GET":
            return self._read(request.path)
        kind = last.removesuffix("s")
        record = {"id": str(next(self._ids.get(kind, self._ids["artifact_type"]))), **request.body}
        if kind == "artifact":
            record["type_id"] = self._type_id(request.path)
        self._records.append((request.path, record))
        return Answer({kind: record})

    def _read(self, path: str) -> Answer:
        *_, parent, last = path.split("/")
        if parent in _KINDS and last.isdigit():
            (record, *_) = [*(r for p, r in self._records if p.endswith(parent) and r["id"] == last), None]
            missing = Answer({"message": f"internal error: expecting single {parent}, got instead : []"}, 404)
            return missing if record is None else Answer({parent.removesuffix("s"): record})
        if last == "artifact_types":
            return Answer({last: [{"id": str(i), "name": name} for i, name in enumerate(self._types, 1)]})
        if parent == "artifact_types" and unquote(last) not in self._types:
            return Answer({"message": "no such type"}, 404)
        found = [record for record_path, record in self._records if record_path == path]
        return Answer({last: found} if found else {})

    def _type_id(self, path: str) -> str:
        name = unquote(path.split("/")[-2])
        if name not in self._types:
            self._types.append(name)
        return str(self._types.index(name) + 1)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and content are two writes; without this each answer waits 40 ms for an acknowledgement.
            disable_nagle_algorithm = True

            def respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, dict(self.headers), self.rfile.read(length))
                answer = backend._answer(request)
                if answer.hang_up:
                    self.close_connection = True
                    return
                content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection |= answer.then_close

            def finish(self) -> None:
                super().finish()
                # The client sees the end of the connection before the test goes on.
                self.connection.shutdown(socket.SHUT_WR)
                backend.connection_closed.set()

            def log_message(self, *_: Any) -> None:
                pass

        for verb in ("GET", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler.respond)
        return Handler


_KINDS = ("artifacts", "executions")


@pytest.fixture
def backend() -> Iterator[Backend]:
    stub = Backend()
    yield stub
    stub.close()


@pytest.fixture
def another_backend() -> Iterator[Backend]:
    stub = Backend()
    yield stub
    stub.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Files of a certificate for 127.0.0.1 that nobody trusts yet, and of its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed; it makes the certificate of this test")
    place = tmp_path_factory.mktemp("certificate")
    certificate, key = str(place / "cert.pem"), str(place / "key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def tls_backend(certificate: tuple[str, str]) -> Iterator[Backend]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    stub = Backend(context)
    yield stub
    stub.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries follow each other at once; the list fills with how long each pause would have been."""
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    return pauses
