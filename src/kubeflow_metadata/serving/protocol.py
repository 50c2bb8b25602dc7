"""HTTP/1.1 with time limits for clients that are slow on purpose, and with statuses for what cannot be parsed.

uvicorn waits for ever for headers, for the rest of a body that nobody reads, and for a client to read its response.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import h11
from prometheus_client import CollectorRegistry, Counter
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from kubeflow_metadata.serving.requests import LONGEST_TARGET

# From the first byte of a connection or of a further request on it to the end of its headers.
HEADER_SECONDS = 20.0
# How long a response may wait for its client to read any of it.
SEND_SECONDS = 30.0
# How long the rest of a body is read once its response is out, so that its client gets to see the response.
LINGER_SECONDS = 10.0
# Of a request line with headers. What arrives at once may be longer, for it need not be kept.
MOST_HEADER_BYTES = LONGEST_TARGET + 32_768

_CONNECTION = "connection"
_LOG = logging.getLogger("kubeflow_metadata.serving.protocol")

# What any client can bring about is no reason for a line in the log.
_NOISE = ("Invalid HTTP request", "Unsupported upgrade request", "No supported WebSocket library")
logging.getLogger("uvicorn.error").addFilter(lambda record: not str(record.msg).startswith(_NOISE))


class Refusals:
    """Counts the requests that no application has seen."""

    def __init__(self, server: str, registry: CollectorRegistry) -> None:
        self._counter = Counter(
            f"kubeflow_metadata_{server}_connections_closed",
            "Connections that the server closed because of their client, by reason.",
            ["reason"],
            registry=registry,
        )

    def count(self, reason: str) -> None:
        """Counts one connection."""
        self._counter.labels(reason).inc()


class _Clock:
    """Calls a function after a time, unless it is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        return self._timer is not None

    def start(self, seconds: float, function: Callable[[], None]) -> None:
        self.stop()
        self._timer = self._loop.call_later(seconds, self._ring, function)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self, function: Callable[[], None]) -> None:
        self._timer = None
        function()


class PatientProtocol(H11Protocol):
    """A connection whose client may be slow, but not for ever."""

    refusals: Refusals | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Applications find the connection in the state of each request.
        self.app_state = {**self.app_state, _CONNECTION: self}
        self._header_clock = _Clock(self.loop)
        self._linger_clock = _Clock(self.loop)
        self._send_clock = _Clock(self.loop)
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock for the first request."""
        super().connection_made(transport)
        self._header_clock.start(HEADER_SECONDS, self._headers_are_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops all clocks."""
        for clock in (self._header_clock, self._linger_clock, self._send_clock):
            clock.stop()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Starts the clock where headers are incomplete, or a body goes on after its response."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is not h11.IDLE:
            self._header_clock.stop()
            self._linger()
            return
        self._linger_clock.stop()
        if not self._header_clock.runs and self.timeout_keep_alive_task is None:
            self._header_clock.start(HEADER_SECONDS, self._headers_are_late)

    def on_response_complete(self) -> None:
        """Starts the clock for the rest of the body, if there is more of it."""
        super().on_response_complete()
        if self.transport.is_closing():
            return
        self._linger()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            # The beginning of the next request arrived with this one.
            self._unset_keepalive_if_required()
            self._header_clock.start(HEADER_SECONDS, self._headers_are_late)

    def pause_writing(self) -> None:
        """Starts the clock for the client to read."""
        super().pause_writing()
        if not self._send_clock.runs:
            self._unsent = self.transport.get_write_buffer_size()
            self._send_clock.start(SEND_SECONDS, self._client_may_not_read)

    def resume_writing(self) -> None:
        """Stops that clock."""
        super().resume_writing()
        self._send_clock.stop()

    def abort(self, reason: str) -> None:
        """Closes the connection at once; what has not been sent is dropped."""
        _LOG.debug("connection closed", extra={"reason": reason})
        self._count(reason)
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Rejects what h11 could not parse; it says with which status."""
        error = sys.exc_info()[1]
        status = HTTPStatus(getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST))
        if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE and b"\n" not in self.conn.trailing_data[0]:
            status = HTTPStatus.REQUEST_URI_TOO_LONG
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            # Malformed within its body.
            self.abort("malformed")
            return
        self._refuse(status, "malformed" if status == HTTPStatus.BAD_REQUEST else status.phrase.lower())

    def _linger(self) -> None:
        # Its response is out and its body is not in.
        if self.conn.their_state is not h11.SEND_BODY or not self.cycle.response_complete:
            self._linger_clock.stop()  # the next request may have arrived with the end of the body
        elif not self._linger_clock.runs:
            self._unset_keepalive_if_required()
            self._linger_clock.start(LINGER_SECONDS, lambda: self.abort("body after response"))

    def _headers_are_late(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "headers late")

    def _client_may_not_read(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent >= self._unsent:
            self.abort("response not read")
            return
        self._unsent = unsent
        self._send_clock.start(SEND_SECONDS, self._client_may_not_read)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        body = f"{status.phrase}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        _LOG.debug("request rejected", extra={"status": status.value, "reason": reason})
        self._count(reason)
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _count(self, reason: str) -> None:
        if self.refusals is not None:
            self.refusals.count(reason)


def protocol_that_counts(refusals: Refusals | None) -> type[PatientProtocol]:
    """Returns the protocol of a server, which uvicorn takes as a class."""
    return type("CountingProtocol", (PatientProtocol,), {"refusals": refusals})


def abort(scope: Scope, reason: str) -> None:
    """Closes the connection of a request at once; does nothing where it is served by another server, as in tests."""
    connection = cast("PatientProtocol | None", scope.get("state", {}).get(_CONNECTION))
    if connection is not None:
        connection.abort(reason)
