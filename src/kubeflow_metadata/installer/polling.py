"""Asking again until something is so, by a clock that tests replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Time, as it passes."""

    def monotonic(self) -> float:
        """Returns seconds that only ever grow."""

    def now(self) -> datetime:
        """Returns the date and time, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


def until(look: Callable[[], T | None], seconds: float, *, pause: float = 0.5, clock: Clock = SYSTEM_CLOCK) -> T | None:
    """Looks until there is something to see, at least once.

    Args:
        look: returns what was waited for, or None where it is to be asked again.
        seconds: the longest wait.
        pause: seconds between two looks.
        clock: tells the time.

    Returns:
        what ``look`` returned; None where the time ran out.
    """
    deadline = clock.monotonic() + seconds
    while (seen := look()) is None:
        if clock.monotonic() >= deadline:
            return None
        clock.sleep(pause)
    return seen


def seconds_since(timestamp: str, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the age of a timestamp of Kubernetes; 0 where there is none."""
    if not timestamp:
        return 0.0
    return (clock.now() - datetime.fromisoformat(timestamp.replace("Z", "+00:00"))).total_seconds()
