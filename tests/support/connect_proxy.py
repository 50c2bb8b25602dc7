"""A proxy of HTTP that tunnels (CONNECT), always to one port of this machine, whatever it is asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ConnectProxy(ThreadingHTTPServer):
    """Remembers what it was asked for, and by whom."""

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.asked_for: list[str] = []
        self.authorizations: set[str] = set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: ConnectProxy

    def do_CONNECT(self) -> None:
        self.server.asked_for.append(self.path)
        self.server.authorizations.add(self.headers.get("Proxy-Authorization") or "")
        self.close_connection = True
        with socket.create_connection(("127.0.0.1", self.server.target)) as target:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(target, self.connection), daemon=True)
            back.start()
            _copy(self.connection, target)
            back.join()

    def log_message(self, *_arguments: Any) -> None:
        pass


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def connecting_to(target: int) -> Iterator[ConnectProxy]:
    """Runs a proxy."""
    proxy = ConnectProxy(target)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
