"""What ``/metrics`` of the REST backend exposes besides its requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from kubeflow_metadata.serving.telemetry import HttpMetrics

SERVER = "rest"
HTTP = HttpMetrics(SERVER)
REGISTRY = HTTP.registry

IN_FLIGHT = Gauge("kubeflow_metadata_rest_requests_in_flight", "API requests in progress.", registry=REGISTRY)
READY = Gauge(
    "kubeflow_metadata_rest_ready", "1 once the store has responded and types are registered.", registry=REGISTRY
)
_CALLS = Counter(
    "kubeflow_metadata_rest_grpc_calls",
    "Calls to the metadata store, by RPC and code.",
    ["rpc", "code"],
    registry=REGISTRY,
)
_CALL_SECONDS = Histogram(
    "kubeflow_metadata_rest_grpc_call_seconds",
    "Duration of calls to the metadata store, by RPC.",
    ["rpc"],
    registry=REGISTRY,
)
_GRPC_WEB_CALLS = Counter(
    "kubeflow_metadata_rest_grpc_web_calls",
    "grpc-web calls, by RPC and code.",
    ["rpc", "code"],
    registry=REGISTRY,
)


@dataclass
class Outcome:
    """How a call ended."""

    code: str = "OK"


@contextmanager
def observe_call(rpc: str) -> Iterator[Outcome]:
    """Counts and times a call to the store."""
    outcome = Outcome()
    start = time.perf_counter()
    try:
        yield outcome
    finally:
        _CALLS.labels(rpc, outcome.code).inc()
        _CALL_SECONDS.labels(rpc).observe(time.perf_counter() - start)


def count_grpc_web(rpc: str, code: str) -> None:
    """Counts a call of a browser."""
    _GRPC_WEB_CALLS.labels(rpc, code).inc()


def count_refusal(reason: str) -> None:
    """Counts a request that was rejected or ended because of a limit."""
    HTTP.count_refusal(reason)
