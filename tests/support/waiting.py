"""Waiting for something to become true, by looking again rather than by sleeping for long enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def eventually(look: Callable[[], Value | None], what: str, *, seconds: float = 120) -> Value:
    """What `look` gives once that is neither empty nor zero; an assertion failure when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.3)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")
