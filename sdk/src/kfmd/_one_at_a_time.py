"""One thread at a time may store an object, so that those that share it store it once."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class OneAtATime:
    """A lock for each object that is being worked on. The objects stay free of locks, which cannot be pickled."""

    def __init__(self) -> None:
        self._forget()
        # In a forked child, locks held by other threads of the parent would never be released.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[int, threading.Lock] = {}
        self._users: Counter[int] = Counter()

    @contextmanager
    def __call__(self, thing: object) -> Iterator[None]:
        """Lets in one thread for each ``thing``."""
        key = id(thing)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
            self._users[key] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key], self._locks[key]
