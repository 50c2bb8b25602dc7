"""Deadlines: how long the call that a thread works on may still take, down to the statement it waits for.

gRPC tells a server that a client has given up, but does not stop the thread. Here a transaction says how it can be
interrupted, and a watching thread interrupts those whose time is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubeflow_metadata.mlmd.errors import DeadlineExceededError

# How late an interruption may come.
_TICK_SECONDS = 0.1

_call = threading.local()


@contextmanager
def deadline_in(seconds: float | None) -> Iterator[None]:
    """Limits the work of this thread in the block to this many seconds; None sets no limit."""
    _call.deadline = None if seconds is None else time.monotonic() + seconds
    try:
        yield
    finally:
        _call.deadline = None


def seconds_left() -> float | None:
    """Returns the time left for the call of this thread, negative once it is over; None if there is no limit."""
    deadline: float | None = getattr(_call, "deadline", None)
    return None if deadline is None else deadline - time.monotonic()


def check() -> None:
    """Raises DeadlineExceededError once the time is over."""
    left = seconds_left()
    if left is not None and left <= 0:
        raise DeadlineExceededError("The deadline of the call has passed.")


def watch(interrupt: Callable[[], None]) -> _Watched | None:
    """Calls ``interrupt``, from another thread, when the time of this thread's call ends before ``unwatch``."""
    deadline: float | None = getattr(_call, "deadline", None)
    if deadline is None:
        return None
    watched = _Watched(deadline, interrupt)
    _WATCH.add(watched)
    return watched


def unwatch(watched: _Watched | None) -> None:
    """Ends what ``watch`` began; an interruption that is under way ends first."""
    if watched is not None:
        _WATCH.remove(watched)


class _Watched:
    __slots__ = ("deadline", "done", "interrupt", "lock")

    def __init__(self, deadline: float, interrupt: Callable[[], None]) -> None:
        self.deadline = deadline
        self.interrupt = interrupt
        self.lock = threading.Lock()
        self.done = False


class _Watch:
    """Looks ten times a second at what is under way; sleeps while nothing is."""

    def __init__(self) -> None:
        self._watched: set[_Watched] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, watched: _Watched) -> None:
        with self._lock:
            self._watched.add(watched)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        if not self._some.is_set():
            self._some.set()

    def remove(self, watched: _Watched) -> None:
        with self._lock:
            self._watched.discard(watched)
        with watched.lock:  # an interruption that has begun ends before the block does
            watched.done = True

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(_TICK_SECONDS)
            now = time.monotonic()
            with self._lock:
                late = [watched for watched in self._watched if watched.deadline <= now]
                self._watched.difference_update(late)
                if not self._watched:
                    self._some.clear()
            for watched in late:
                with watched.lock:
                    if not watched.done:
                        watched.interrupt()


_WATCH = _Watch()
