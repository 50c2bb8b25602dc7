"""How much memory what clients send and ask for may take at once, so that a server stays within its limit.

A limit, less what an idle server takes, is divided: a part for what is arriving, a part for what is worked on, a part
for large responses of the store, and a part for what is being sent. Each part is bounded in its own way:

- What arrives and what is sent depends on clients, who may stop at any time. Where there is too much of it, the client
  that made no progress for the longest time is given up, so that those who are quick are never refused for it
  (``Held``).
- What is worked on depends on this server alone, and has its turn (``Pool``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

MIB = 2**20

# What an idle server takes, measured with room to spare.
IDLE_BYTES = 96 * MIB
# The same of one that only passes on what others say.
_IDLE_RELAY_BYTES = 64 * MIB
# gRPC's own default: every client may count on it.
LEAST_MESSAGE_BYTES = 4 * MIB
# While a body is decoded it is there as bytes, as text and values of up to four bytes a character, and as messages.
BODY_FACTOR = 12
# A response of the store: as bytes, as messages and as JSON.
RESPONSE_FACTOR = 6


@dataclass(frozen=True)
class Budget:
    """The sizes that follow from a limit of memory, in bytes.

    Attributes:
        limit: what they follow from; None if there is no limit.
        body: the largest body.
        arriving: all bodies that are arriving or worked on, as they were sent.
        working: what all bodies that are worked on may take.
        response: the largest response of the store.
        sending: all responses that are being sent.
    """

    limit: int | None
    body: int
    arriving: int
    working: int
    response: int
    sending: int


def budget_of(limit: int | None, largest_body: int, largest_response: int) -> Budget:
    """Returns the sizes that a limit allows.

    Args:
        limit: the memory that the process may use; None if any.
        largest_body: the largest body that is wanted; a tight limit allows less, but never less than 4 MiB.
        largest_response: the largest response of the store that is wanted, likewise.
    """
    if limit is None:
        return Budget(
            None,
            largest_body,
            16 * largest_body,
            BODY_FACTOR * largest_body,
            largest_response,
            RESPONSE_FACTOR * largest_response,
        )
    free = max(limit - IDLE_BYTES, limit // 4)
    body = min(largest_body, max(LEAST_MESSAGE_BYTES, free // 3 // BODY_FACTOR))
    response = min(largest_response, max(LEAST_MESSAGE_BYTES, free // 3 // RESPONSE_FACTOR))
    return Budget(limit, body, max(free // 6, body), max(free // 3, BODY_FACTOR * body), response, free // 6)


@dataclass(frozen=True)
class RelayBudget:
    """The sizes, in bytes, for a server that passes requests on to others and their responses back.

    Attributes:
        limit: the memory that they follow from; None if there is no limit.
        arriving: all pieces of bodies that were read and not passed on.
        relaying: all pieces of responses that clients have not read.
    """

    limit: int | None
    arriving: int
    relaying: int


def relay_budget_of(limit: int | None) -> RelayBudget:
    """Returns the sizes that a limit allows: an eighth and three eighths of what an idle server leaves.

    Args:
        limit: the memory that the process may use; None if any.
    """
    most = RelayBudget(limit, 16 * MIB, 48 * MIB)
    if limit is None:
        return most
    free = max(limit - _IDLE_RELAY_BYTES, limit // 4)
    return RelayBudget(limit, min(most.arriving, free // 8), min(most.relaying, free * 3 // 8))


class Pool:
    """Bytes for work, which is done in the order in which it comes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, size: int) -> AsyncIterator[None]:
        """Works with so many bytes, once they are free; more than there are count as all."""
        size = min(size, self._size)
        if self._waiting or size > self._free:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(size)
                else:
                    # Whoever is next may fit where this one did not.
                    self._waiting = deque(each for each in self._waiting if each[1] is not turn)
                    self._give_turns()
                raise
        else:
            self._free -= size
        try:
            yield
        finally:
            self._give_back(size)

    def _give_back(self, size: int) -> None:
        self._free += size
        self._give_turns()

    def _give_turns(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)


class Holding:
    """What one client makes the server keep."""

    def __init__(self, held: Held, give_up: Callable[[], None]) -> None:
        self._held = held
        self._give_up = give_up
        self.size = 0

    def resize(self, size: int) -> None:
        """Says how much it is now, and that the client made progress."""
        self._held.resize(self, size)

    def end(self) -> None:
        """Gives the client up."""
        self._give_up()


class Held:
    """Bytes that are kept for clients, bounded by giving up those that make no progress."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sum = 0
        # In the order of their last progress.
        self._holdings: dict[Holding, None] = {}

    @contextmanager
    def hold(self, give_up: Callable[[], None]) -> Iterator[Holding]:
        """Keeps bytes for a client until the block ends; ``give_up`` is called if others need them more."""
        holding = Holding(self, give_up)
        self._holdings[holding] = None
        try:
            yield holding
        finally:
            self._drop(holding)

    def resize(self, holding: Holding, size: int) -> None:
        """Sets the bytes of a holding, and gives up others where that makes too much."""
        if holding not in self._holdings:
            return
        self._sum += size - holding.size
        holding.size = size
        # The last in the order is the one that made progress last.
        del self._holdings[holding]
        self._holdings[holding] = None
        while self._sum > self._size:
            stalest = next((other for other in self._holdings if other.size), holding)
            if stalest is holding:
                # Alone, it may be larger.
                return
            self._drop(stalest)
            stalest.end()

    def _drop(self, holding: Holding) -> None:
        if holding in self._holdings:
            del self._holdings[holding]
            self._sum -= holding.size
            holding.size = 0
