"""Watches the database: prepares its tables at the start, then reports over gRPC health whether it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db.base import Database, TransactionUndoneError, Trouble
from kubeflow_metadata.mlmd.db.schema import SCHEMA_VERSION
from kubeflow_metadata.mlmd.errors import DatabaseOpenError, Reason, StoreError
from kubeflow_metadata.mlmd.retries import backoff

_PING_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0

# How long a stop waits for the database to answer, so that its connection is closed in good order.
_STOP_SECONDS = 1.0

# How often the log repeats that the database is still unavailable: its last lines are what the installer reads.
_REMIND_SECONDS = 10.0

log = structlog.get_logger("kubeflow_metadata.mlmd")


# The log's events about the database, whose names and fields docs/mlmd-server.md promises.
READY = "database ready"
UNAVAILABLE = "database unavailable"
REFUSES_WRITES, TAKES_WRITES = "database refuses writes", "database takes writes"


class DatabaseWatch:
    """A thread that prepares the database, waiting for it as long as it takes, and then pings it periodically.

    The log has an event whenever that changes what is known of the database, and repeats the bad one while it lasts.
    """

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
        self._reports = {event: _Report() for event in (UNAVAILABLE, REFUSES_WRITES)}
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
                self._note(None)
                self._note_writes(self._database.refuses_writes())
                failures = 0
            except DatabaseOpenError as error:
                self._warn(UNAVAILABLE, self._database.explain(error))
                self._refuse(error)
                self.asked.set()
                return
            except (TransactionUndoneError, StoreError) as error:
                failures += 1
                self._note(self._database.explain(error))
            except Exception as error:
                # A fault of ours or of a driver. Without this thread the server would never be ready, and never say so.
                failures += 1
                log.exception("watching the database failed")
                self._note(Trouble(Reason.UNREACHABLE, f"{type(error).__name__}: {error}"))
            self.asked.set()
            self._stop.wait(_pause(failures))

    def _note(self, trouble: Trouble | None) -> None:
        up = trouble is None
        changed = up != self._up
        if trouble is not None:
            self._warn(UNAVAILABLE, trouble)
        elif changed:
            self._log_ready()
        self._up = up
        metrics.DATABASE_UP.set(up)
        if changed:
            self._tell(up)

    def _note_writes(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self._warn(REFUSES_WRITES, trouble)
        elif self._reports[REFUSES_WRITES].ends():
            log.info(TAKES_WRITES, address=self._database.describe().address)

    def _log_ready(self) -> None:
        self._reports[UNAVAILABLE].ends()
        known = self._database.describe()
        log.info(READY, kind=known.kind, version=known.version, schema_version=SCHEMA_VERSION, address=known.address)

    def _warn(self, event: str, trouble: Trouble) -> None:
        if self._reports[event].is_due(trouble):
            address = self._database.describe().address
            log.warning(event, reason=trouble.reason.value, error=trouble.error, address=address)


class _Report:
    """What the log has last of a trouble, and since when."""

    def __init__(self) -> None:
        self._told: Trouble | None = None
        self._told_at = 0.0

    def is_due(self, trouble: Trouble) -> bool:
        """Returns whether it is to be told, again or for the first time; it then counts as told."""
        now = time.monotonic()
        is_news = self._told is None or trouble.reason is not self._told.reason
        if not is_news and now - self._told_at < _REMIND_SECONDS:
            return False
        self._told, self._told_at = trouble, now
        return True

    def ends(self) -> bool:
        """Notes that it is over; returns whether it was told."""
        was_told, self._told = self._told is not None, None
        return was_told


def _pause(failures: int) -> float:
    if not failures:
        return _PING_SECONDS
    return backoff(failures - 1, _FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
