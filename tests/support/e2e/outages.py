"""A way to the API server of a cluster that can be closed for a while, without disturbing others that use it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.cluster.kind import Cluster


class Way:
    """Forwards connections to a port of 127.0.0.1, while it is open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Refuses new connections, and cuts those that there are."""
        listener, self._listener = self._listener, None
        with self._lock:
            closing = [*self._connections, *([listener] if listener else [])]
            self._connections.clear()
        for each in closing:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._connections |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def way_to(cluster: Cluster, folder: Path) -> Iterator[tuple[Way, Path]]:
    """A way to a cluster, and a kubeconfig that takes it."""
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "--output=json"))
    (entry,) = config["clusters"]
    address = urlsplit(entry["cluster"]["server"])
    assert address.hostname is not None
    way = Way(address.hostname, address.port or 443)
    entry["cluster"]["server"] = f"https://127.0.0.1:{way.port}"
    entry["cluster"]["tls-server-name"] = address.hostname
    file = folder / "config"
    file.write_text(json.dumps(config))
    try:
        yield way, file
    finally:
        way.close()
