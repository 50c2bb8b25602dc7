"""One log line and one measurement a request."""

from __future__ import annotations

import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

_LOG = structlog.get_logger("kubeflow_metadata.ui.access")


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "metadata_ui_requests",
            "Requests answered, by part of the server, method and status.",
            ["part", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "metadata_ui_request_seconds",
            "Seconds from a request's arrival to the end of its answer.",
            ["part"],
            registry=self.registry,
        )


class Telemetry:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # What a client sees that leaves before the answer begins.
        status = 499

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception:
            status = 500
            raise
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"]
        part = part_of(scope["path"])
        self._metrics.requests.labels(part, method if method in METHODS else "other", status).inc()
        self._metrics.seconds.labels(part).observe(seconds)
        log = _LOG.debug if part == "probe" else _LOG.info
        log(
            "request",
            method=method,
            path=scope["raw_path"].decode("latin-1"),
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )


def part_of(path: str) -> str:
    if path in PROBES:
        return "probe"
    if path.startswith(("/ml_metadata.", "/metadata/ml_metadata.")):
        return "grpc_web"
    return "api" if path.startswith(("/api/", "/metadata/api/")) else "files"
