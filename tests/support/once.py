"""What the processes of one test run do once between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster.locks import Lock


@dataclass(frozen=True)
class Once:
    """Does something under a name, unless a process of this run did; the others wait for it."""

    folder: Path

    def __call__(self, name: str, action: Callable[[], object]) -> None:
        done, lock = self.folder / f"{name}.done", Lock(self.folder / f"{name}.lock")
        lock.acquire()
        try:
            if not done.exists():
                action()
                done.touch()
        finally:
            lock.release()
