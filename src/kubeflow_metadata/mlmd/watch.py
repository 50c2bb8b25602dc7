"""Watches the database: prepares its tables at the start, then reports over gRPC health whether it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db.base import Database, TransactionUndoneError
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, StoreError
from kubeflow_metadata.mlmd.retries import backoff

_PING_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0

# How long a stop waits for the database to answer, so that its connection is closed in good order.
_STOP_SECONDS = 1.0

# How often the log repeats that the database is still unreachable.
_REMIND_SECONDS = 30.0

log = structlog.get_logger("kubeflow_metadata.mlmd")


class DatabaseWatch:
    """A thread that prepares the database, waiting for it as long as it takes, and then pings it periodically."""

    def __init__(
        self, database: Database, tell: Callable[[bool], None], refuse: Callable[[DatabaseOpenError], None]
    ) -> None:
        """Does nothing before ``start``.

        Args:
            database: what to watch.
            tell: called with whether the database answers, whenever that changes.
            refuse: called, and the watch ends, when the database is not one that this server can use.
        """
        self._database = database
        self._tell = tell
        self._refuse = refuse
        self._stop = threading.Event()
        self.asked = threading.Event()  # the database has answered, or failed to, once
        self._up = False
        self._told_at = 0.0
        self._thread = threading.Thread(target=self._run, name="database-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch; does not wait for a database that does not answer."""
        self._stop.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        prepared = False
        failures = 0
        while not self._stop.is_set():
            try:
                if not prepared:
                    self._database.prepare()
                    prepared = True
                self._database.ping()
                self._note(up=True)
                failures = 0
            except DatabaseOpenError as error:
                self._refuse(error)
                self.asked.set()
                return
            except (TransactionUndoneError, StoreError) as error:
                failures += 1
                self._note(up=False, why=str(error))
            except Exception as error:
                # A fault of ours or of a driver. Without this thread the server would never be ready, and never say so.
                failures += 1
                log.exception("watching the database failed")
                self._note(up=False, why=f"{type(error).__name__}: {error}")
            self.asked.set()
            self._stop.wait(_pause(failures))

    def _note(self, *, up: bool, why: str = "") -> None:
        changed = up != self._up
        now = time.monotonic()
        if up and changed:
            log.info("database ready")
        elif not up and (changed or now - self._told_at > _REMIND_SECONDS or not self._told_at):
            self._told_at = now
            log.warning("waiting for the database", reason=why)
        self._up = up
        metrics.DATABASE_UP.set(up)
        if changed:
            self._tell(up)


def _pause(failures: int) -> float:
    if not failures:
        return _PING_SECONDS
    return backoff(failures - 1, _FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
