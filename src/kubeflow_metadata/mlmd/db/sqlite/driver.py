"""The driver, which is Python's own: connections, and its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kubeflow_metadata.mlmd.db.base import DuplicateKeyError

# How long a transaction waits for a writer in another process before it is undone, to be tried again. Nothing
# interrupts this wait: it is how late a call may notice that its time is over.
BUSY_TIMEOUT_SECONDS = 2.0
# The same at the start, when nobody waits for an answer yet.
OPEN_TIMEOUT_SECONDS = 30.0

VERSION = sqlite3.sqlite_version

Connection = sqlite3.Connection
Error = sqlite3.Error


def connect(path: Path, timeout_seconds: float = BUSY_TIMEOUT_SECONDS, *, create: bool = True) -> Connection:
    """Opens a connection that commits each statement by itself, onto the disk, until told otherwise.

    Without ``create`` the file must be there.
    """
    target = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(
        target, uri=True, timeout=timeout_seconds, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def writes_ahead(connection: Connection) -> bool:
    """Returns whether what is written goes to a log of its own first: not every file system can do that."""
    ((mode,),) = connection.execute("PRAGMA journal_mode")
    return str(mode) == "wal"


def _nothing() -> None:
    pass


@contextmanager
def transaction(connection: Connection, begin: str, *, before_commit: Callable[[], None] = _nothing) -> Iterator[None]:
    """Commits what the block does when it ends, and undoes it when it, or ``before_commit``, raises."""
    connection.execute(begin)
    try:
        yield
        before_commit()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unique_keys() -> Iterator[None]:
    """Raises DuplicateKeyError in place of the driver's error."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DuplicateKeyError(str(error)) from error
