"""Listening for HTTP, serving applications, and stopping when told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
    """The address is taken, or not of this machine."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ListenError: the address is taken, or not of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        # Python adds "(while attempting to bind on address ...)", which says the address a second time.
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise ListenError(f"cannot listen on {host}:{port}: {reason}; choose another address") from error
    # Connections inherit it. asyncio sets it only on sockets it made: without it each keep-alive answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class HttpServer(uvicorn.Server):
    """Leaves the signals of the process to `serve`, for a process may have several of these."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(app: ASGIApp, shutdown_grace: int) -> HttpServer:
    """How an application meets HTTP; requests under way get ``shutdown_grace`` seconds to finish."""
    return HttpServer(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=shutdown_grace,
        )
    )


def serve(sites: Sequence[Site], shutdown_grace: int) -> None:
    """Serves all sites until SIGTERM or SIGINT, and then stops them together; a second SIGINT does not wait."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until the event loop runs; being told to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))

    async def run() -> None:
        servers = [http_server(site.make_app(), shutdown_grace) for site in sites]

        def stop(number: signal.Signals) -> None:
            for server in servers:
                server.handle_exit(number, None)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await asyncio.gather(
            *(server.serve(sockets=[site.listener]) for server, site in zip(servers, sites, strict=True))
        )

    asyncio.run(run())
