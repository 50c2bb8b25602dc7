"""What `/metrics` tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_REQUESTS = Counter(
    "metadata_rest_requests", "HTTP requests answered", ["operation", "method", "status"], registry=REGISTRY
)
_REQUEST_SECONDS = Histogram(
    "metadata_rest_request_seconds", "Time to answer an HTTP request", ["operation"], registry=REGISTRY
)
IN_FLIGHT = Gauge("metadata_rest_requests_in_flight", "API requests being worked on", registry=REGISTRY)
READY = Gauge("metadata_rest_ready", "1 once the store has answered and types are registered", registry=REGISTRY)
_CALLS = Counter("metadata_rest_grpc_calls", "Calls to the metadata store", ["rpc", "code"], registry=REGISTRY)
_CALL_SECONDS = Histogram("metadata_rest_grpc_call_seconds", "Time the metadata store took", ["rpc"], registry=REGISTRY)
_GRPC_WEB_CALLS = Counter(
    "metadata_rest_grpc_web_calls", "Calls of browsers answered over grpc-web", ["rpc", "code"], registry=REGISTRY
)

_VERBS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})


@dataclass
class Outcome:
    code: str = "OK"


@contextmanager
def observe_call(rpc: str) -> Iterator[Outcome]:
    outcome = Outcome()
    start = time.perf_counter()
    try:
        yield outcome
    finally:
        _CALLS.labels(rpc, outcome.code).inc()
        _CALL_SECONDS.labels(rpc).observe(time.perf_counter() - start)


def observe_request(operation: str, method: str, status: int, seconds: float) -> None:
    # A client may invent verbs; it may not invent time series.
    _REQUESTS.labels(operation, method if method in _VERBS else "other", str(status)).inc()
    _REQUEST_SECONDS.labels(operation).observe(seconds)


def count_grpc_web(rpc: str, code: str) -> None:
    _GRPC_WEB_CALLS.labels(rpc, code).inc()
