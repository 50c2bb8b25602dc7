"""Turns: a bound on what is worked on at once, and on those that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubeflow_metadata.serving.interruption import within

# Those that wait for a turn, for each that has one.
QUEUED_PER_TURN = 10


class NoTurnError(Exception):
    """There was no turn in time, or too many wait for one already."""


class Turns:
    """So many at once; the others wait in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self._longest_queue = count * QUEUED_PER_TURN
        self._queued = 0

    @asynccontextmanager
    async def take(self, patience: float) -> AsyncIterator[None]:
        """Works in its turn; waits for it at most ``patience`` seconds.

        Raises:
            NoTurnError: there was none in time, or too many wait already.
        """
        if self._free.locked():
            if self._queued >= self._longest_queue:
                raise NoTurnError
            self._queued += 1
            try:
                with within(patience, NoTurnError()):
                    await self._free.acquire()
            finally:
                self._queued -= 1
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()
