"""Shares: how much memory the answer of the call that a thread works on may take, counted as its rows come.

A small answer costs its call nothing but the count. Where it grows beyond that, the call waits until it is one of the
few large ones, and where it grows beyond its share, it ends before it is built.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.values import Row
from kubeflow_metadata.mlmd.errors import ResourceExhaustedError

# Rows that are fetched before the first look at what they take, and the most between two looks.
_FIRST_ROWS = 4
_MOST_ROWS = 256
# What is fetched between two looks where rows are large.
_LOOK_BYTES = 2**20

# What a row takes, until its answer is sent: as a tuple, its cells, as a message, and serialized.
_ROW_BYTES = 1000
# How often a text is held in that time.
_COPIES = 4

_here = threading.local()


class Gate:
    """Lets a few large pieces of work through at the same time."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)

    def enter(self) -> None:
        """Waits for a place; raises as ``deadlines.check`` if the call's time is over before."""
        deadlines.acquire(self._free)

    def leave(self) -> None:
        self._free.release()


class TooLargeError(ResourceExhaustedError):
    """What a call asks for does not fit into the memory that it may take.

    Attributes:
        reason: one word for metrics.
    """

    def __init__(self, problem: str, *, reason: str) -> None:
        super().__init__(problem)
        self.reason = reason


@dataclass(frozen=True)
class AnswerLimits:
    """What answers may take in memory, in bytes.

    Attributes:
        small: an answer that takes more is large.
        most: an answer that takes more is refused.
        gate: held by a call with a large answer.
        refuse: returns the error of an answer that takes more than ``most``.
    """

    small: int
    most: int
    gate: Gate
    refuse: Callable[[], TooLargeError]


class Share:
    """The share of one call; as a context, that of the call that this thread works on."""

    __slots__ = ("_entered", "_limits", "_taken")

    def __init__(self, limits: AnswerLimits) -> None:
        self._limits = limits
        self._taken = 0
        self._entered = False

    def __enter__(self) -> Share:
        _here.share = self
        return self

    def __exit__(self, *_: object) -> None:
        _here.share = None

    def take(self, rows: Sequence[Row]) -> int:
        """Returns what these rows take; raises TooLargeError where they and those before are too much."""
        size = _bytes_of(rows)
        self._taken += size
        if self._taken > self._limits.most:
            raise self._limits.refuse()
        if self._taken > self._limits.small:
            self.grow()
        return size

    def grow(self) -> None:
        """Waits until this call may be a large one, unless it is already."""
        if not self._entered:
            self._limits.gate.enter()
            self._entered = True

    def close(self) -> None:
        """Gives back what the call has held."""
        if self._entered:
            self._entered = False
            self._limits.gate.leave()


def share() -> Share | None:
    """Returns the share of this thread's call; None if nothing is counted."""
    return getattr(_here, "share", None)


def collect(fetch_many: Callable[[int], Sequence[Any]], fetch_all: Callable[[], Sequence[Any]]) -> list[Any]:
    """Returns all rows of a result, counted as they come if the call has a share."""
    ours = share()
    if ours is None:
        return list(fetch_all())
    rows: list[Any] = []
    size = _FIRST_ROWS
    while True:
        some = fetch_many(size)
        taken = ours.take(some)
        rows += some
        if len(some) < size:
            return rows
        size = min(_MOST_ROWS, _LOOK_BYTES * size // taken + 1)


def _bytes_of(rows: Sequence[Row]) -> int:
    texts = 0
    for row in rows:
        for cell in row:
            if cell.__class__ is str or cell.__class__ is bytes:
                texts += len(cell)
    return len(rows) * _ROW_BYTES + texts * _COPIES
