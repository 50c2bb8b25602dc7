"""Listening for HTTP, serving applications, and stopping when told to."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp

# This side must be the last to close an idle connection, or the next request of a gateway in front is lost.
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True)
class Site:
    """An application and where it is served.

    It is made inside the event loop, to which what it opens then belongs.
    """

    listener: socket.socket
    make_app: Callable[[], ASGIApp]


class ListenError(Exception):
    """The server cannot listen on the given address; the text says which flags to change."""


def listen(host: str, port: int, flags: str) -> socket.socket:
    """Returns a socket that listens; port 0 takes a free one.

    Args:
        host: an address of this machine, or a name that resolves to one.
        port: the port.
        flags: the flags that choose another address, for the error.

    Raises:
        ListenError: the address is taken, or not of this machine.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = addresses[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        # Python adds "(while attempting to bind on address ...)", which says the address a second time.
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise ListenError(f"Cannot listen on {host}:{port}: {reason}. Choose another address with {flags}.") from error
    # Connections inherit it. asyncio sets it only on sockets it made: without it each keep-alive answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Returns where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class HttpServer(uvicorn.Server):
    """Leaves the signals of the process to ``serve``, for a process may have several of these."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(app: ASGIApp, grace_seconds: float) -> HttpServer:
    """Returns a server for an application; requests in progress get ``grace_seconds`` to finish when it stops."""
    return HttpServer(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(grace_seconds),
        )
    )


def serve(server: str, sites: Sequence[Site], grace_seconds: float, **told: object) -> None:
    """Serves all sites until SIGTERM or SIGINT, and then stops them together; a second SIGINT does not wait.

    Args:
        server: the package, whose name the log has.
        sites: what is served.
        grace_seconds: how long requests in progress may take after the signal.
        told: further fields of the log line that says where it serves.
    """
    log = structlog.get_logger(f"kubeflow_metadata.{server}")
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until the event loop runs; being told to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))
    log.info("serving", url=url_of(sites[0].listener), **told)

    async def run() -> None:
        servers = [http_server(site.make_app(), grace_seconds) for site in sites]

        def stop(number: signal.Signals) -> None:
            log.info("stopping", grace_seconds=grace_seconds)
            for each in servers:
                each.handle_exit(number, None)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await asyncio.gather(*(each.serve(sockets=[site.listener]) for each, site in zip(servers, sites, strict=True)))

    asyncio.run(run())
    log.info("stopped")
