"""Pods behind WebSockets, as an API server gives them to port-forwards: each port is a port of this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/portforward")
_BINARY, _CLOSE, _PING = 2, 8, 9


class WebSocketPods(ThreadingHTTPServer):
    """Answers port-forwards.

    Attributes:
        ports: of this machine, by the name of the pod and its port; of a pod that is not in it, there is none.
        status: of each answer, where it is to be another one than a WebSocket.
        pings: whether each connection is pinged in the midst of its data.
        connected: names of the pods, in the order of the connections.
        pongs: how often a ping was answered.
        headers: of the last request.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ports: dict[tuple[str, int], int] = {}
        self.status = 0
        self.pings = False
        self.connected: list[str] = []
        self.pongs = 0
        self.headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def websocket_pods() -> Iterator[WebSocketPods]:
    server = WebSocketPods()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: WebSocketPods

    def do_GET(self) -> None:
        self.server.headers = dict(self.headers)
        parts = urlsplit(self.path)
        match = _PATH.fullmatch(parts.path)
        port = int(parse_qs(parts.query).get("ports", ["0"])[0])
        pod = match[2] if match else ""
        if self.server.status or not any(name == pod for name, _ in self.server.ports):
            self._refuse(self.server.status or 404, f"pods {pod!r} not found")
            return
        key = (self.headers["Sec-WebSocket-Key"] or "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n".encode()
            + f"Sec-WebSocket-Protocol: {self.headers['Sec-WebSocket-Protocol']}\r\n\r\n".encode()
        )
        self.server.connected.append(pod)
        for channel in (0, 1):
            self._send(bytes([channel]) + struct.pack("<H", port))
        try:
            backend = socket.create_connection(("127.0.0.1", self.server.ports[pod, port]))
        except (OSError, KeyError):
            self._send(b"\x01error forwarding port: connection refused")
        else:
            with backend:
                self._copy(backend)
        self.close_connection = True

    def _copy(self, backend: socket.socket) -> None:
        inwards = threading.Thread(target=self._to_backend, args=(backend,), daemon=True)
        inwards.start()
        with suppress(OSError):
            while data := backend.recv(32 * 1024):
                if self.server.pings:
                    self._send(b"still there?", _PING)
                self._send(b"\x00" + data)
        self._send(b"", _CLOSE)
        # Closed with something unread, the connection would lose what is on its way.
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
        inwards.join()

    def _to_backend(self, backend: socket.socket) -> None:
        with suppress(OSError, struct.error):
            while True:
                opcode, payload = self._receive()
                if opcode == _CLOSE:
                    break
                if opcode == _BINARY and payload[:1] == b"\x00":
                    backend.sendall(payload[1:])
                elif opcode == _PING + 1 and payload == b"still there?":
                    self.server.pongs += 1
        with suppress(OSError):
            backend.shutdown(socket.SHUT_RDWR)

    def _send(self, payload: bytes, opcode: int = _BINARY) -> None:
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
        with suppress(OSError):
            self.wfile.write(bytes([0x80 | opcode]) + length + payload)
            self.wfile.flush()

    def _receive(self) -> tuple[int, bytes]:
        first, second = self._exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        mask, payload = self._exactly(4), self._exactly(size)
        key = (mask * (size // 4 + 1))[:size]
        unmasked = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
        return first & 0x0F, unmasked.to_bytes(size, "big")

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise OSError("closed")
        return data

    def _refuse(self, status: int, message: str) -> None:
        body = json.dumps({"kind": "Status", "message": message}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass
