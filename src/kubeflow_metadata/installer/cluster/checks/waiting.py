"""Checking again until nothing fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.cluster.checks.result import Result, Severity
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

_PAUSE_SECONDS = 2.0


def run_until(look: Callable[[], Sequence[Result]], seconds: float, clock: Clock = SYSTEM_CLOCK) -> Sequence[Result]:
    """Runs checks again until none fails, or the time is over; returns the last results."""
    results: Sequence[Result] = ()

    def passed() -> bool | None:
        nonlocal results
        results = look()
        return None if any(each.severity is Severity.FAILED for each in results) else True

    polling.until(passed, seconds, pause=_PAUSE_SECONDS, clock=clock)
    return results
