"""Slots: the calls in progress, and whether any of them still ends."""

from __future__ import annotations

import time

from kubeflow_metadata.mlmd.db.deadlines import CallTime

# A call that is held so long beyond its time does not end by itself any more.
STUCK_SECONDS = 30.0


class Slots:
    """The calls that worker threads are held by."""

    def __init__(self) -> None:
        self._held: set[CallTime] = set()
        self._ended = time.monotonic()

    def take(self, call: CallTime) -> None:
        """Records that a thread has begun to work on a call."""
        self._held.add(call)

    def give_back(self, call: CallTime) -> None:
        """Records that a call has ended."""
        self._held.discard(call)
        self._ended = time.monotonic()

    def busy(self) -> bool:
        """Returns whether any call is in progress."""
        return bool(self._held)

    def stuck(self) -> bool:
        """Returns whether calls are held far beyond their time while no call has ended for as long."""
        latest = time.monotonic() - STUCK_SECONDS
        return self._ended < latest and any(call.ends < latest for call in list(self._held))
