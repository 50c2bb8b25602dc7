"""What Prometheus sees of the server; several worker processes add up in files (see ``workers``)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CALLS = Histogram(
    "kubeflow_metadata_grpc_call_seconds",
    "Duration of calls, by method and gRPC status code.",
    ["method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RUNNING = Gauge("kubeflow_metadata_grpc_calls_running", "Calls in progress.", multiprocess_mode="livesum")
RETRIES = Counter(
    "kubeflow_metadata_grpc_retries_total",
    "Transactions rolled back by the database and retried, by reason.",
    ["reason"],
)
REFUSED_FOR_MEMORY = Counter(
    "kubeflow_metadata_grpc_refused_for_memory_total",
    "Calls refused, or ended while they waited, because memory is bounded, by reason.",
    ["reason"],
)
OVER_TIME = Counter(
    "kubeflow_metadata_grpc_calls_over_time_total", "Calls ended by the server's time limit (--max_call_seconds)."
)
DATABASE_UP = Gauge(
    "kubeflow_metadata_grpc_database_up",
    "Whether the database responded to the last check.",
    multiprocess_mode="livemin",
)
_CONNECTIONS = Gauge(
    "kubeflow_metadata_grpc_database_connections",
    "Connections to the database: open, and in use by calls.",
    ["state"],
    multiprocess_mode="livesum",
)
CONNECTIONS_OPEN = _CONNECTIONS.labels("open")
CONNECTIONS_IN_USE = _CONNECTIONS.labels("in_use")
