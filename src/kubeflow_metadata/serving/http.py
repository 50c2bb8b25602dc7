"""Listening for HTTP, serving applications, and stopping when told to."""

from __future__ import annotations

import asyncio
import errno
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

from kubeflow_metadata.serving import ending
from kubeflow_metadata.serving.addresses import host_and_port
from kubeflow_metadata.serving.protocol import MOST_HEADER_BYTES, Refusals, protocol_that_counts

# This side must be the last to close an idle connection, or the next request of a gateway in front is lost.
KEEP_ALIVE_SECONDS = 75

# The host to listen on that means all addresses of both families, in all servers.
ALL_ADDRESSES = "::"

_BACKLOG = 2048
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


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
        host: an address of this machine, or a name that resolves to one; ``::`` for all addresses of both families,
            where the machine has no IPv6, of IPv4.
        port: the port.
        flags: the flags that choose another address, for the error.

    Raises:
        ListenError: the address is taken, or not of this machine.
    """
    try:
        listener = _listen_on_both(port) if host == ALL_ADDRESSES else _listen_on_one(host, port)
    except OSError as error:
        # Python adds "(while attempting to bind on address ...)", which says the address a second time.
        reason = (error.strerror or str(error)).partition(" (")[0]
        where = host_and_port(host, port)
        raise ListenError(f"Cannot listen on {where}: {reason}. Choose another address with {flags}.") from error
    # Connections inherit it. asyncio sets it only on sockets it made: without it each keep-alive answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _listen_on_one(host: str, port: int) -> socket.socket:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = addresses[0]
    return socket.create_server(address[:2], family=family, backlog=_BACKLOG)


def _listen_on_both(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                (ALL_ADDRESSES, port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)  # noqa: S104 - what was asked for


def url_of(listener: socket.socket) -> str:
    """Returns where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://{host_and_port(host, port)}"


class HttpServer(uvicorn.Server):
    """Leaves the signals of the process to ``serve``, for a process may have several of these."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(app: ASGIApp, grace_seconds: float, refusals: Refusals | None = None) -> HttpServer:
    """Returns a server for an application.

    Args:
        app: the application.
        grace_seconds: how long requests in progress may take when it stops.
        refusals: counts the connections that it closes because of their clients.
    """
    return HttpServer(
        uvicorn.Config(
            app,
            http=protocol_that_counts(refusals),
            loop="asyncio",
            access_log=False,
            log_config=None,
            lifespan="on",
            ws="none",
            server_header=False,
            # What proxies say of their clients is for nobody to trust here.
            proxy_headers=False,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(grace_seconds),
        )
    )


def serve(
    server: str, sites: Sequence[Site], grace_seconds: float, refusals: Refusals | None = None, **told: object
) -> None:
    """Serves all sites until SIGTERM or SIGINT, and then stops them together; a second SIGINT does not wait.

    The process has ended ``grace_seconds`` and a few seconds after the signal, whatever it is doing then.

    Args:
        server: the package, whose name the log has.
        sites: what is served.
        grace_seconds: how long requests in progress may take after the signal.
        refusals: counts the connections that are closed because of their clients.
        told: further fields of the log line that says where it serves.
    """
    log = structlog.get_logger(f"kubeflow_metadata.{server}")
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until the event loop runs; being told to stop is no failure.
        signal.signal(number, lambda *_: sys.exit(0))
    log.info("serving", url=url_of(sites[0].listener), **told)

    async def run() -> None:
        servers = [http_server(site.make_app(), grace_seconds, refusals) for site in sites]

        def stop(number: signal.Signals) -> None:
            log.info("stopping", grace_seconds=grace_seconds)
            # After uvicorn has cancelled what is in progress, which it does at the end of the grace.
            ending.surely_within(grace_seconds + ending.MARGIN_SECONDS, 1)
            for each in servers:
                each.handle_exit(number, None)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await asyncio.gather(*(each.serve(sockets=[site.listener]) for each, site in zip(servers, sites, strict=True)))

    asyncio.run(run())
    log.info("stopped")
