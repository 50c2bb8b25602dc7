"""Connections that are kept open between transactions.

A pool hands out the connection that was used last, and forgets all idle ones when one of them turns out to be lost:
a server that restarted has closed the others, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.errors import UnavailableError

# An idle connection that is older is not trusted: gateways in between forget silent connections without a word.
MAX_IDLE_SECONDS = 300.0


class Pooled(Protocol):
    """A connection as a pool needs it.

    Attributes:
        broken: it must not be used again.
        lost: it broke because the server is not there any more.
    """

    broken: bool
    lost: bool

    def interrupt(self) -> None:
        """Ends, from another thread, what runs on it; that thread gets an error."""
        ...

    def recover(self, error: BaseException) -> None:
        """Undoes what an error has left open, or says that the connection is ``broken``, or even ``lost``."""
        ...

    def close(self) -> None:
        """Closes it, whatever state it is in."""
        ...


C = TypeVar("C", bound=Pooled)


class Pool(Generic[C]):
    """The connections to one database that ``connect`` opens, all set up alike."""

    def __init__(self, connect: Callable[[], C]) -> None:
        """Opens nothing yet."""
        self._connect = connect
        self._idle: list[_Kept[C]] = []
        self._lock = threading.Lock()
        self._generation = 0
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[C]:
        """Lends a connection to this thread alone; the call's deadline interrupts what runs on it."""
        kept = self._take()
        connection = kept.connection
        metrics.CONNECTIONS_IN_USE.inc()

        def interrupt() -> None:
            if not connection.broken:  # it may be called again, until the thread has noticed
                connection.interrupt()

        watched = deadlines.watch(interrupt)
        try:
            yield connection
        except BaseException as error:
            connection.recover(error)
            raise
        finally:
            deadlines.unwatch(watched)
            metrics.CONNECTIONS_IN_USE.dec()
            self._give_back(kept)

    def close(self) -> None:
        """Closes idle connections now and the others as they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for kept in idle:
            _close(kept)

    def _take(self) -> _Kept[C]:
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        stale: list[_Kept[C]] = []
        with self._lock:
            if self._closed:
                raise UnavailableError("The server is shutting down.")
            kept = self._idle.pop() if self._idle else None
            if kept is not None and kept.idle_since < oldest:
                stale, self._idle = [kept, *self._idle], []
                kept = None
            generation = self._generation
        for one in stale:
            _close(one)
        if kept is None:
            kept = _Kept(self._connect(), generation)
            metrics.CONNECTIONS_OPEN.inc()
        return kept

    def _give_back(self, kept: _Kept[C]) -> None:
        connection = kept.connection
        with self._lock:
            if connection.lost and kept.generation == self._generation:
                self._generation += 1  # every other connection was opened before that, too
            keep = not connection.broken and not self._closed and kept.generation == self._generation
            stale: list[_Kept[C]] = []
            if keep:
                kept.idle_since = time.monotonic()
                self._idle.append(kept)
            elif connection.lost:
                stale, self._idle = self._idle, []
        for one in [*stale, *([] if keep else [kept])]:
            _close(one)


class _Kept(Generic[C]):
    __slots__ = ("connection", "generation", "idle_since")

    def __init__(self, connection: C, generation: int) -> None:
        self.connection = connection
        self.generation = generation
        self.idle_since = 0.0


def _close(kept: _Kept[C]) -> None:
    kept.connection.close()
    metrics.CONNECTIONS_OPEN.dec()
