"""Whether the backend can do its work: its types are registered, and the store answers."""

from __future__ import annotations

import time

import grpc
import structlog

from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.metrics import READY
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.serving.health import Check

# The log's events about the store, whose names and fields docs/rest.md promises.
_AVAILABLE, _UNAVAILABLE = "store ready", "store unavailable"
# How often the log repeats that it is unavailable: its last lines are what the installer reads.
_REMIND_SECONDS = 10.0

# What stands in gRPC's words, for each reason; the first that is found counts.
_REASONS = (
    ("Connection refused", "connection_refused"),
    ("DNS", "unknown_host"),
    ("Domain name not found", "unknown_host"),
    ("Name or service not known", "unknown_host"),
    ("timed out", "timeout"),
    ("Timeout", "timeout"),
    ("No route to host", "unreachable"),
    ("failed to connect", "unreachable"),
)

_LOG = structlog.get_logger("kubeflow_metadata.rest")


class StoreReport:
    """What the log says of the store: an event whenever that changes, and the bad one again while it lasts."""

    def __init__(self, address: str) -> None:
        """Reports on the store at an address, ``host:port``."""
        self._address = address
        self._told = ""  # the reason that was told last
        self._told_at = 0.0
        self._answered = False

    def answered(self) -> None:
        """The store has answered."""
        if not self._answered:
            _LOG.info(_AVAILABLE, address=self._address)
        self._answered, self._told = True, ""

    def failed(self, error: StoreError) -> None:
        """The store has not answered, or with an error."""
        now, reason = time.monotonic(), _reason(error)
        self._answered = False
        if reason != self._told or now - self._told_at >= _REMIND_SECONDS:
            self._told, self._told_at = reason, now
            _LOG.warning(_UNAVAILABLE, reason=reason, error=error.details, address=self._address)


def _reason(error: StoreError) -> str:
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "timeout"
    if error.code is not grpc.StatusCode.UNAVAILABLE:
        return "failed"
    # Without such words, it is the store itself that says that it is unavailable.
    return next((reason for said, reason in _REASONS if said in error.details), "not_ready")


class Preparation:
    """The preparation of the backend; ``pending`` says why it is not over, and is empty once it is."""

    def __init__(self) -> None:
        self.pending = "the server is starting"

    def done(self) -> None:
        """Marks the end of the preparation."""
        self.pending = ""
        READY.set(1)


def readiness(store: Store, preparation: Preparation | None = None, report: StoreReport | None = None) -> Check:
    """Returns the check that asks the store; by plain RPCs only, for a foreign server has no health service."""

    async def why_not_ready() -> str:
        if preparation is not None and preparation.pending:
            return preparation.pending
        try:
            await store.ping()
        except StoreError as error:
            if report is not None:
                report.failed(error)
            return f"the metadata store does not respond: {error.code.name}"
        if report is not None:
            report.answered()
        return ""

    return why_not_ready
