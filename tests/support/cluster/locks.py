"""Locks between processes: the kernel lets go of them when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster.paths import CACHE
from tests.support.cluster.shell import console


class Lock:
    """A lock file, held (alone or shared) until `release` or the end of this process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")

    def try_acquire(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def share(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def release(self) -> None:
        self._file.close()


@contextmanager
def alone(purpose: str) -> Iterator[None]:
    """Keeps other runs of this machine from doing the same thing at the same time."""
    lock = Lock(CACHE / f"{purpose}.lock")
    try:
        if not lock.try_acquire():
            console.print(f"  waiting for another run to finish: {purpose}")
            lock.acquire()
        yield
    finally:
        lock.release()
