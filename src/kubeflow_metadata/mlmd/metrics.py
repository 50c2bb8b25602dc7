"""What Prometheus sees of the server; several worker processes add up in files (see ``workers``)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

CALLS = Histogram(
    "kfm_mlmd_call_seconds",
    "Time to answer a call, by method and gRPC status code.",
    ["method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RUNNING = Gauge("kfm_mlmd_calls_running", "Calls that are being worked on.", multiprocess_mode="livesum")
RETRIES = Counter(
    "kfm_mlmd_retries_total",
    "Transactions that were undone by the database and run again, by reason.",
    ["reason"],
)
DATABASE_UP = Gauge(
    "kfm_mlmd_database_up", "Whether the database answered when it was last asked.", multiprocess_mode="livemin"
)
_CONNECTIONS = Gauge(
    "kfm_mlmd_database_connections",
    "Connections to MySQL: all that are open, and those that calls work on.",
    ["state"],
    multiprocess_mode="livesum",
)
CONNECTIONS_OPEN = _CONNECTIONS.labels("open")
CONNECTIONS_IN_USE = _CONNECTIONS.labels("in_use")
