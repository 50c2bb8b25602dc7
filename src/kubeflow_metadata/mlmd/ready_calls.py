"""Calls whose message is there, until a worker takes them: bounded, and large ones a few at a time."""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """A call, with the bytes of its message."""

    size: int


C = TypeVar("C", bound=Sized)


class ReadyCalls(Generic[C]):
    """A queue of calls in which a large message never keeps a small one waiting.

    Where it is full, the call that has waited longest has to go; a new one is never refused for it.
    """

    def __init__(self, *, most: int, most_bytes: int, large_bytes: int, large_at_once: int) -> None:
        """Holds at most ``most`` calls with ``most_bytes`` of messages.

        Of calls of more than ``large_bytes`` at most ``large_at_once`` are given to workers at the same time.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._large_bytes = large_bytes
        self._large_at_once = large_at_once
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[C] = queue.SimpleQueue()
        self._large: deque[C] = deque()
        self._large_running = 0
        self._bytes = 0

    def put(self, call: C) -> list[C]:
        """Adds a call; returns those that have to go for it."""
        late: list[C] = []
        with self._lock:
            self._bytes += call.size
            if call.size > self._large_bytes:
                self._large.append(call)
                self._hand_out_large()
            else:
                self._queue.put(call)
            while self._large and self._large[0] is not call and self._bytes > self._most_bytes:
                late.append(self._forget(self._large.popleft()))
            if self._queue.qsize() > self._most:
                oldest = self._oldest()
                late += [oldest] if oldest is not None else []
        return late

    def take(self) -> C:
        """Returns the next call, as soon as there is one."""
        return self._queue.get()

    def done(self, call: C) -> None:
        """Records that a call taken from here has ended."""
        if not call.size:
            return
        with self._lock:
            self._forget(call)
            if call.size > self._large_bytes:
                self._large_running -= 1
                self._hand_out_large()

    def _hand_out_large(self) -> None:
        while self._large and self._large_running < self._large_at_once:
            self._large_running += 1
            self._queue.put(self._large.popleft())

    def _oldest(self) -> C | None:
        try:
            oldest = self._queue.get_nowait()
        except queue.Empty:  # a worker was faster
            return None
        if oldest.size > self._large_bytes:
            self._large_running -= 1
            self._hand_out_large()
        return self._forget(oldest)

    def _forget(self, call: C) -> C:
        self._bytes -= call.size
        return call
