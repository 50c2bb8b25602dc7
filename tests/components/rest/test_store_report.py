"""What the log says of the store: an event whenever that changes, with a reason that the installer reads."""

from __future__ import annotations

import grpc
import pytest

from kubeflow_metadata.rest import readiness
from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.readiness import StoreReport
from tests.support.servers import unused_port

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def logged(monkeypatch):
    said = []
    monkeypatch.setattr(readiness._LOG, "info", lambda event, **fields: said.append((event, fields)))
    monkeypatch.setattr(readiness._LOG, "warning", lambda event, **fields: said.append((event, fields)))
    return said


def error(code=UNAVAILABLE, details="Connection refused"):
    return StoreError("GetArtifactTypes", code, details)


def test_a_change_is_said_once(logged):
    report = StoreReport("store:8080")
    for _ in range(3):
        report.failed(error())
    for _ in range(3):
        report.answered()

    assert logged == [
        (
            "store unavailable",
            {"reason": "connection_refused", "error": "Connection refused", "address": "store:8080"},
        ),
        ("store ready", {"address": "store:8080"}),
    ]


def test_what_lasts_is_said_again(logged, monkeypatch):
    monkeypatch.setattr(readiness, "_REMIND_SECONDS", 0.0)
    report = StoreReport("store:8080")
    report.failed(error())
    report.failed(error())
    assert len(logged) == 2


@pytest.mark.parametrize(
    ("code", "details", "reason"),
    [
        (
            UNAVAILABLE,
            "failed to connect to all addresses; last error: connect: Connection refused (111)",
            "connection_refused",
        ),
        (UNAVAILABLE, "DNS resolution failed for nowhere:8080", "unknown_host"),
        (UNAVAILABLE, "connect: Connection timed out (110)", "timeout"),
        (UNAVAILABLE, "Cannot connect to MySQL database metadb", "not_ready"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", "timeout"),
        (grpc.StatusCode.INTERNAL, "boom", "failed"),
    ],
)
def test_each_failure_has_its_reason(logged, code, details, reason):
    StoreReport("store:8080").failed(error(code, details))
    ((_, fields),) = logged
    assert fields["reason"] == reason


def test_a_backend_says_that_its_store_is_away_and_when_it_is_back(logged, start, store, eventually):
    port = unused_port()
    start(f"127.0.0.1:{port}", until="/healthz")
    eventually(lambda: any(event == "store unavailable" for event, _ in logged))
    assert logged[0][1]["reason"] == "connection_refused"
    with store(f"127.0.0.1:{port}"):
        eventually(lambda: any(event == "store ready" for event, _ in logged))
