"""One access-log line, one count and one id for each HTTP request, the same in every server.

An application says in the request's scope what it took the request for (``OPERATION``) and, where HTTP's status does
not tell, how it ended (``CODE``).
"""

from __future__ import annotations

import re
import time
import uuid
from contextvars import ContextVar

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubeflow_metadata.serving.health import LIVENESS, READINESS
from kubeflow_metadata.serving.turns import client

METRICS = "/metrics"
OPERATION = "metadata.operation"
CODE = "metadata.code"

REQUEST_ID_HEADER = "X-Request-Id"
# The id of the request that the current task works on; it goes along to the servers behind this one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
# Longer than any address with a port.
_LONGEST_CLIENT = 64
# Requested every few seconds by machines: counted, not logged.
_QUIET = frozenset({LIVENESS, READINESS, METRICS})
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
# What a client sees that leaves before the answer begins.
_CLIENT_CLOSED_REQUEST = 499


class HttpMetrics:
    """The metrics of one HTTP server, ``kubeflow_metadata_<server>_*``, and those of its process."""

    def __init__(self, server: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            f"kubeflow_metadata_{server}_requests",
            "HTTP requests, by operation, method and status.",
            ["operation", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            f"kubeflow_metadata_{server}_request_seconds",
            "Time from a request's arrival to the end of its response, by operation.",
            ["operation"],
            registry=self.registry,
        )

        self._refusals = Counter(
            f"kubeflow_metadata_{server}_refusals",
            "Requests rejected or ended because of a limit or of where they come from, by reason.",
            ["reason"],
            registry=self.registry,
        )

    def count_refusal(self, reason: str) -> None:
        """Counts a request that was rejected or ended because of a limit or of where it comes from."""
        self._refusals.labels(reason).inc()

    def observe(self, operation: str, method: str, status: int, seconds: float) -> None:
        """Counts a request that has been answered."""
        # A client may invent methods; it may not invent time series.
        self._requests.labels(operation, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def route(self) -> Route:
        """Returns the route of the metrics page."""

        async def metrics(_: Request) -> Response:
            return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

        return Route(METRICS, metrics)


class Telemetry:
    """A middleware that logs and counts each request and gives it an id."""

    def __init__(self, app: ASGIApp, server: str, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger(f"kubeflow_metadata.{server}.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = _identifier(scope)
        token = request_id.set(identifier)
        client_token = client.set(_client(scope))
        start = time.perf_counter()
        status = _CLIENT_CLOSED_REQUEST

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                # A server behind this one may have answered with an id of its own.
                MutableHeaders(scope=message).setdefault(REQUEST_ID_HEADER, identifier)
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(request_id=identifier):
                try:
                    await self._app(scope, receive, send_with_id)
                except Exception:
                    status = 500
                    raise
                finally:
                    self._report(scope, status, time.perf_counter() - start)
        finally:
            client.reset(client_token)
            request_id.reset(token)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        operation = path if path in _QUIET else scope.get(OPERATION, "other")
        self._metrics.observe(operation, scope["method"], status, seconds)
        log = self._log.debug if path in _QUIET else self._log.info
        log(
            "request",
            method=scope["method"],
            path=scope.get("raw_path", path.encode()).decode("latin-1"),
            operation=operation,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            **({"code": scope[CODE]} if CODE in scope else {}),
        )


def _client(scope: Scope) -> str:
    """Returns the client: the last address of ``X-Forwarded-For``, which the nearest proxy wrote, else the peer's.

    It only decides who waits for whom. Who invents addresses gets the turns of several, and keeps nobody out.
    """
    forwarded = Headers(scope=scope).getlist("x-forwarded-for")
    named = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
    return named[:_LONGEST_CLIENT] or str((scope.get("client") or ("",))[0])


def _identifier(scope: Scope) -> str:
    """Returns the id that the client gave its request if it can be printed, else a new one."""
    sent = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
