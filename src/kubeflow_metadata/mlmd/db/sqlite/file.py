"""The database's file: whether its path still leads to the one that was opened.

A file that is deleted or replaced stays open, and SQLite goes on with it: whatever is written is gone with the last
connection. So its identity is looked at before a transaction is committed, and whenever the server looks after itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubeflow_metadata.mlmd.errors import UnavailableError


class DatabaseFile:
    """The file at a path, from the moment when it was opened."""

    def __init__(self, path: Path) -> None:
        """Looks at nothing yet."""
        self._path = os.fspath(path)
        self._log = f"{self._path}-wal"
        self._identity: tuple[int, int] | None = None
        self._has_log = False
        self._trouble = ""

    def remember(self, *, has_log: bool) -> None:
        """Takes what is at the path now, and is open, as the database; ``has_log`` says that it writes ahead."""
        self._has_log = has_log
        self._identity = _identity(self._path)

    def check(self, *, in_use: bool = True) -> None:
        """Raises UnavailableError, now and in ``refuse_if_lost``, unless what is at the path is the database.

        While it is ``in_use``, by a connection that has read something, its log must be there, too.
        """
        self._trouble = self._look(in_use=in_use)
        self.refuse_if_lost()

    def refuse_if_lost(self) -> None:
        """Raises UnavailableError if the last check did; costs nothing."""
        if self._trouble:
            raise UnavailableError(self._trouble)

    def _look(self, *, in_use: bool) -> str:
        try:
            if _identity(self._path) != self._identity:
                return (
                    f"Another file is at {self._path} than the database that this server has opened, so nothing is "
                    "read or written. Put that one back, or restart the server to use the one that is there."
                )
            if in_use and self._has_log:
                os.stat(self._log)  # noqa: PTH116 - as ``_identity``
        except FileNotFoundError as error:
            return (
                f"{error.filename} was deleted or moved while the server had it open, so nothing is read or written. "
                "Put it back, or restore a backup and restart the server."
            )
        except OSError as error:
            return f"Cannot look at the database {self._path}: {error.strerror}."
        return ""


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 - several times as fast as Path's, and done for every write
    return found.st_dev, found.st_ino
