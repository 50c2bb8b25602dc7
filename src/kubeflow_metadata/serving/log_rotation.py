"""Bounds the log of a server whose standard error is a file: renames the full file, and goes on in a new one.

Several processes may write to one log, as a server and its workers do: each of them looks, one of them rotates, and the
others follow to the new file.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

# Bytes of one file. Between two looks it may grow beyond that.
LIMIT = 10 * 1024 * 1024
# Full files that are kept beside the one that is written.
KEPT = 3

_STANDARD = (1, 2)


def names_of(log: str) -> tuple[str, ...]:
    """Returns the names of a log's files, from the newest to the oldest."""
    return (log, *(f"{log}.{number}" for number in range(1, KEPT + 1)))


class LogRotation:
    """The standard error of this process, as a file that is rotated."""

    def __init__(self, log: Path, limit: int = LIMIT) -> None:
        """Takes what standard error is now for the log."""
        self._files = [log.with_name(name) for name in names_of(log.name)]
        self._limit = limit
        self._ours = _is_at(log, 2)

    def look(self) -> None:
        """Rotates a full log, and follows one that another process has rotated; does nothing where that fails."""
        if not self._ours:
            return
        try:
            if not _is_at(self._files[0], 2):
                self._go_on()
            elif os.fstat(2).st_size >= self._limit:
                self._rotate()
        except OSError:
            # A full disk, or a deleted directory: it is tried again at the next look.
            return

    def _rotate(self) -> None:
        lock = os.open(self._files[0].parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(self._files[0], 2):
                for newer, older in reversed(list(zip(self._files, self._files[1:], strict=False))):
                    _rename(newer, older)
            self._go_on()
        finally:
            os.close(lock)

    def _go_on(self) -> None:
        """Writes to the file that has the log's name now."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fresh = os.open(self._files[0], flags, 0o600)
        try:
            # A worker's standard output is a pipe to its supervisor.
            for descriptor in [each for each in _STANDARD if _same(each, 2)]:
                os.dup2(fresh, descriptor)
        finally:
            os.close(fresh)


def _rename(newer: Path, older: Path) -> None:
    try:
        newer.replace(older)
    except FileNotFoundError:
        return


def _is_at(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def _same(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False
