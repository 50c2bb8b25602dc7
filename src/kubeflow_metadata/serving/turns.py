"""Turns: a bound on what is worked on at once, and on those that wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from kubeflow_metadata.serving.interruption import within

# Those that wait for a turn, for each that has one.
QUEUED_PER_TURN = 10


# Who sent the request that the current task works on: an address, or empty where nobody says.
client: ContextVar[str] = ContextVar("client", default="")


class NoTurnError(Exception):
    """There was no turn in time, or too many wait for one already."""


class Turns:
    """So many at once. Clients take turns at the others, and each client's come in order.

    So a crowd of one client's requests waits for itself: somebody else's next request is second in line.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._longest_queue = count * QUEUED_PER_TURN
        self._queued = 0
        # By client; whose turn is next comes first.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def take(self, patience: float) -> AsyncIterator[None]:
        """Works in its turn, as a request of ``client``; waits for it at most ``patience`` seconds.

        Raises:
            NoTurnError: there was none in time, or too many wait already.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(client.get(), patience)
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self, who: str, patience: float) -> None:
        if self._queued >= self._longest_queue:
            self._turn_away_for(who)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        self._queued += 1
        try:
            with within(patience, NoTurnError()):
                await turn
        except BaseException:
            if turn in self._waiting.get(who, ()):
                self._remove(who, turn)
            elif not turn.cancelled() and turn.exception() is None:
                self._hand_on()  # it came when nobody waited for it any longer
            raise

    def _turn_away_for(self, who: str) -> None:
        """Makes room: the newest request of the client that has the most waiting goes.

        Raises:
            NoTurnError: that is this client.
        """
        largest = max(self._waiting, key=lambda name: len(self._waiting[name]))
        if len(self._waiting[largest]) <= len(self._waiting.get(who, ())) + 1:
            raise NoTurnError
        newest = self._waiting[largest][-1]
        self._remove(largest, newest)
        if not newest.done():
            newest.set_exception(NoTurnError())

    def _remove(self, who: str, turn: asyncio.Future[None]) -> None:
        self._waiting[who].remove(turn)
        self._queued -= 1
        if not self._waiting[who]:
            del self._waiting[who]

    def _hand_on(self) -> None:
        while self._waiting:
            who, queue = next(iter(self._waiting.items()))
            turn = queue[0]
            self._remove(who, turn)
            if queue:
                self._waiting[who] = self._waiting.pop(who)  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
