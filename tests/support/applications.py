"""Applications served by our HTTP server in this process, and clients that speak to it byte by byte."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from kubeflow_metadata.serving.http import http_server, listen, url_of
from kubeflow_metadata.serving.protocol import Refusals


@contextmanager
def running_application(make_app: Callable[[], ASGIApp], refusals: Refusals | None = None) -> Iterator[str]:
    """Serves an application until the block ends; gives its address."""
    listener = listen("127.0.0.1", 0, "--port")
    stop: list[Callable[[], None]] = []
    made = threading.Event()

    async def serve() -> None:
        server = http_server(make_app(), 5, refusals)
        stop.append(lambda: setattr(server, "should_exit", True))
        made.set()
        await server.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert made.wait(30)
    url = url_of(listener)
    try:
        yield url
    finally:
        stop[0]()
        thread.join(30)
        listener.close()


def connected(url: str, *, timeout: float = 60, receive_buffer: int | None = None) -> socket.socket:
    """A raw connection to a server; a small buffer for what arrives makes a slow reader."""
    address = urlsplit(url)
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(timeout)
    raw.connect((address.hostname, address.port))
    return raw


def until_closed(raw: socket.socket) -> bytes:
    """What arrives until the server closes the connection."""
    received = bytearray()
    with suppress(ConnectionError):
        while piece := raw.recv(65536):
            received += piece
    return bytes(received)


def answer_to(url: str, request: bytes, *, patience: float = 60) -> bytes:
    """What a server sends back to these bytes; where nothing comes within ``patience``, this side hangs up."""
    with connected(url, timeout=patience) as raw:
        received = bytearray()
        with suppress(OSError):  # it may answer before it has everything
            raw.sendall(request)
        try:
            received += raw.recv(65536)
            raw.settimeout(60)
            raw.shutdown(socket.SHUT_WR)
        except OSError:
            return bytes(received)
        return bytes(received) + until_closed(raw)
