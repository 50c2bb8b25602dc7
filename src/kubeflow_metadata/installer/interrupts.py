"""Ctrl-C and SIGTERM: both end a command as KeyboardInterrupt, but never between two steps that belong together."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def interrupt_on_sigterm() -> None:
    """Makes SIGTERM end this process as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Holds Ctrl-C and SIGTERM back until the block has ended."""
    caught: list[int] = []
    # Handlers, not a blocked mask: a child would inherit the mask and could then not be stopped.
    before = {
        number: signal.signal(number, lambda caught_number, _: caught.append(caught_number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        raise KeyboardInterrupt
