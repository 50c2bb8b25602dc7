"""Large answers that are on their way to their clients: a client that does not read must not fill the memory."""

from __future__ import annotations

import threading
from typing import Protocol

from kubeflow_metadata.mlmd import metrics

# Smaller answers are not looked at.
LARGE_BYTES = 256 * 2**10


class Cancellable(Protocol):
    """A call that can be ended."""

    def cancel(self) -> object:
        """Ends the call."""
        ...


class UnsentAnswers:
    """The answers that gRPC holds; where they are too many, the ones that have waited longest are dropped."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._held: dict[int, tuple[Cancellable, int]] = {}
        self._bytes = 0

    def add(self, call: Cancellable, size: int) -> None:
        """Records an answer of ``size`` bytes; ``sent`` must follow."""
        late: list[Cancellable] = []
        with self._lock:
            self._held[id(call)] = (call, size)
            self._bytes += size
            while self._bytes > self._most and len(self._held) > 1:
                oldest, oldest_size = self._held.pop(next(iter(self._held)))
                self._bytes -= oldest_size
                late.append(oldest)
        for one in late:
            metrics.REFUSED_FOR_MEMORY.labels("unsent").inc()
            one.cancel()

    def sent(self, call: Cancellable) -> None:
        """Records that an answer has left, or that its client has."""
        with self._lock:
            _, size = self._held.pop(id(call), (None, 0))
            self._bytes -= size
