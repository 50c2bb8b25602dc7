"""Listening for HTTP, serving an application, and stopping when told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

# This side must be the last to close an idle connection, or the next request of a gateway in front is lost.
KEEP_ALIVE_SECONDS = 75


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


def http_server(app: ASGIApp, shutdown_grace: int) -> uvicorn.Server:
    """How an application meets HTTP; requests under way get ``shutdown_grace`` seconds to finish."""
    return uvicorn.Server(
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


def serve(listener: socket.socket, make_app: Callable[[], ASGIApp], shutdown_grace: int) -> None:
    """Serves until SIGTERM or SIGINT.

    The application is made inside the event loop, to which what it opens then belongs.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again when it has stopped; being told to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))

    async def run() -> None:
        await http_server(make_app(), shutdown_grace).serve(sockets=[listener])

    asyncio.run(run())
