"""Interrupting a task from outside, so that it ends with an error that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Interruption:
    """A block of the current task that can be interrupted, as long as it lasts."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._error: Exception | None = None
        self._lasts = False

    def __enter__(self) -> Interruption:
        """Begins the block."""
        self._lasts = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Ends the block, with the error that it was interrupted with.

        Raises:
            Exception: that error.
        """
        self._lasts = False
        if kind is asyncio.CancelledError and self._error is not None:
            if self._task is not None and hasattr(self._task, "uncancel"):  # since Python 3.11
                self._task.uncancel()
            raise self._error from None

    def interrupt(self, error: Exception) -> None:
        """Lets the block end with this error; does nothing once it is over."""
        if self._lasts and self._error is None and self._task is not None:
            self._error = error
            self._task.cancel()


@contextmanager
def within(seconds: float, error: Exception) -> Iterator[Interruption]:
    """Interrupts the block with the error if it lasts longer; 0 seconds are no limit."""
    with Interruption() as block:
        timer = asyncio.get_running_loop().call_later(seconds, block.interrupt, error) if seconds else None
        try:
            yield block
        finally:
            if timer is not None:
                timer.cancel()
