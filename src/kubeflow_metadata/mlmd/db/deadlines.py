"""Deadlines: how long the call that a thread works on may still take, down to the statement it waits for.

gRPC tells a server that a client has given up, but does not stop the thread. Here a transaction says how it can be
interrupted, and a watching thread interrupts those whose time is over or whose client has gone. Python code that may
loop for long calls ``check``.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from kubeflow_metadata.mlmd.errors import CancelledError, DeadlineExceededError, StoreError

# A statement that begins just after an interruption does not notice it: it is interrupted again after so long.
_AGAIN_SECONDS = 0.25

# How often a thread that waits for its turn looks whether its time is over.
_TURN_SECONDS = 0.1

log = structlog.get_logger("kubeflow_metadata.mlmd")

_here = threading.local()


class CallTime:
    """The time that a call has; as a context, the time of the call that this thread works on.

    Attributes:
        ends: when it is over, on the clock of ``time.monotonic``; infinity without any limit.
    """

    __slots__ = ("_client_ends", "_gone", "_limit", "ends", "watched")

    def __init__(self, client_seconds: float | None = None, limit: float | None = None) -> None:
        """Starts now.

        Args:
            client_seconds: how long the client waits; None for as long as it takes.
            limit: the longest time of any call on this server, in seconds; None for none.
        """
        now = time.monotonic()
        self._client_ends = math.inf if client_seconds is None else now + client_seconds
        self._limit = limit
        self._gone = False
        self.ends = self._client_ends if limit is None else min(self._client_ends, now + limit)
        self.watched: _Watched | None = None

    def __enter__(self) -> CallTime:
        _here.call = self
        return self

    def __exit__(self, *_: object) -> None:
        _here.call = None

    def cancel(self) -> None:
        """Ends the time now, because nobody waits for the answer any more; from any thread, and after the call too."""
        now = time.monotonic()
        self._gone = now < self._client_ends  # gRPC also cancels a call at its deadline
        self.ends = min(self.ends, now)
        if self.watched is not None:
            _WATCH.look()

    def by_limit(self) -> bool:
        """Returns whether it is the server's limit that ends the call, and neither the client nor its deadline."""
        return self.ends < self._client_ends and not self._gone

    def error(self) -> StoreError:
        """Returns what to raise once the time is over; nothing of the transaction is stored."""
        if self._gone:
            return CancelledError("The client has cancelled the call or gone away.")
        if self.by_limit():
            return DeadlineExceededError(
                f"The call took longer than {self._limit:g} seconds, the most that this server allows "
                "(--max_call_seconds). It was stopped and nothing was written. Ask for less in one call: a page "
                "(max_result_size), a narrower filter, fewer nodes."
            )
        return DeadlineExceededError("The deadline of the call has passed.")


@contextmanager
def deadline_in(seconds: float | None) -> Iterator[None]:
    """Limits the work of this thread in the block to this many seconds; None sets no limit."""
    with CallTime(seconds):
        yield


def seconds_left() -> float | None:
    """Returns the time left for the call of this thread, not above 0 once it is over; None if there is no limit."""
    call: CallTime | None = getattr(_here, "call", None)
    return None if call is None or call.ends == math.inf else call.ends - time.monotonic()


def check() -> None:
    """Raises what the call of this thread is to end with once its time is over."""
    call: CallTime | None = getattr(_here, "call", None)
    if call is not None and call.ends <= time.monotonic():
        raise call.error()


def acquire(lock: threading.Lock | threading.Semaphore) -> None:
    """Acquires a lock; raises as ``check`` if the time is over before it is free."""
    if not lock.acquire(blocking=False):
        while not lock.acquire(timeout=_TURN_SECONDS):
            check()


@contextmanager
def turn(lock: threading.Lock) -> Iterator[None]:
    """Holds a lock during the block; raises as ``check`` if the time is over before it is free."""
    acquire(lock)
    try:
        yield
    finally:
        lock.release()


def watch(interrupt: Callable[[], None]) -> _Watched | None:
    """Calls ``interrupt``, from another thread, when the time of this thread's call ends before ``unwatch``."""
    call: CallTime | None = getattr(_here, "call", None)
    if call is None:
        return None
    watched = call.watched = _Watched(call, interrupt)
    _WATCH.add(watched)
    return watched


def unwatch(watched: _Watched | None) -> None:
    """Ends what ``watch`` began; an interruption that is under way ends first."""
    if watched is not None:
        watched.call.watched = None
        _WATCH.remove(watched)


class _Watched:
    __slots__ = ("again", "call", "done", "interrupt", "lock")

    def __init__(self, call: CallTime, interrupt: Callable[[], None]) -> None:
        self.call = call
        self.interrupt = interrupt
        self.lock = threading.Lock()
        self.done = False
        self.again = -math.inf

    def due(self) -> float:
        return max(self.call.ends, self.again)


class _Watch:
    """Sleeps until the first of the calls under way is due, or until it is told to look."""

    def __init__(self) -> None:
        self._watched: set[_Watched] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._next = math.inf
        self._thread: threading.Thread | None = None

    def add(self, watched: _Watched) -> None:
        with self._lock:
            self._watched.add(watched)
            if watched.call.ends < self._next:
                self._wake_up()

    def remove(self, watched: _Watched) -> None:
        with self._lock:
            self._watched.discard(watched)
        with watched.lock:  # an interruption that has begun ends before the block does
            watched.done = True

    def look(self) -> None:
        """Looks now: some call has less time than it had."""
        with self._lock:
            self._wake_up()

    def _wake_up(self) -> None:
        self._next = -math.inf  # until the thread has looked, nobody needs to wake it again
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._wake.clear()
                now = time.monotonic()
                late = [watched for watched in self._watched if watched.due() <= now]
                for watched in late:
                    watched.again = now + _AGAIN_SECONDS
                self._next = min((watched.due() for watched in self._watched), default=math.inf)
                pause = self._next - now
            for watched in late:
                with watched.lock:
                    if not watched.done:
                        _interrupt(watched)
            self._wake.wait(min(pause, threading.TIMEOUT_MAX))


def _interrupt(watched: _Watched) -> None:
    try:
        watched.interrupt()
    except Exception:  # the watch must outlive it: others rely on it
        log.exception("a statement could not be interrupted")


_WATCH = _Watch()
