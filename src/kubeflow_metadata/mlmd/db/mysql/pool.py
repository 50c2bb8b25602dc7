"""Connections that are kept open between transactions, of two kinds: for reading and for writing.

A pool hands out the connection that was used last, and forgets all idle ones when one of them turns out to be lost:
a server that restarted has closed the others, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.mysql import driver, failures
from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities
from kubeflow_metadata.mlmd.db.mysql.driver import Connection
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.mlmd.errors import UnavailableError

# An idle connection that is older is not trusted: gateways in between forget silent connections without a word.
MAX_IDLE_SECONDS = 300.0

# How long an interruption may take to reach the server.
_KILL_TIMEOUT_SECONDS = 2

# The same on every server, whatever its configuration says.
SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)

# Every join of ours finds its rows by an index. With stale statistics MySQL may think that reading a whole table into a
# hash is cheaper; the first of these keeps it from that (its name is older than the hash join that it also governs).
# Recursive queries of ours end by themselves, sooner than MySQL's own limit, which somebody may have lowered, would end
# them. MariaDB knows neither, and runs nothing of a comment like this.
_PLANS = "/*!80018 SET SESSION optimizer_switch = 'block_nested_loop=off', cte_max_recursion_depth = 1000 */"


@dataclass
class Kept:
    """A connection of the pool.

    Attributes:
        increment: the step between the ids that one statement makes (``auto_increment_increment``).
        capabilities: what the server can do.
        broken: it must not be used again.
        lost: it broke because the server is not there any more.
    """

    connection: Connection
    session_id: int
    increment: int
    capabilities: Capabilities
    generation: int
    idle_since: float = field(default=0.0)
    broken: bool = False
    lost: bool = False


class Pool:
    """The connections to one database, each set up by the same statements."""

    def __init__(self, settings: MySqlSettings, set_up: Sequence[str], *, autocommit: bool) -> None:
        """Opens nothing yet.

        Args:
            settings: where the database is.
            set_up: statements for every new connection.
            autocommit: whether each statement is a transaction by itself until told otherwise.
        """
        self._settings = settings
        self._set_up = (
            f"SET SESSION sql_mode = '{SQL_MODE}'",
            _PLANS,
            *set_up,
            *(() if autocommit else ("SET SESSION autocommit = 0",)),
        )
        self._idle: list[Kept] = []
        self._lock = threading.Lock()
        self._generation = 0
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Kept]:
        """A connection for this thread alone; the call's deadline interrupts what runs on it."""
        kept = self._take()
        metrics.CONNECTIONS_IN_USE.inc()
        watched = deadlines.watch(lambda: self._interrupt(kept))
        try:
            yield kept
        except BaseException as error:
            _spoil(kept, error)
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

    def _take(self) -> Kept:
        oldest = time.monotonic() - MAX_IDLE_SECONDS
        stale: list[Kept] = []
        with self._lock:
            if self._closed:
                raise UnavailableError("The server is shutting down.")
            found = self._idle.pop() if self._idle else None
            if found is not None and found.idle_since < oldest:
                stale, self._idle = [found, *self._idle], []
                found = None
        for kept in stale:
            _close(kept)
        return found or self._open()

    def _open(self) -> Kept:
        try:
            connection = driver.connect(self._settings, database=self._settings.database)
        except driver.OpenError as error:
            raise failures.cannot_open(error, self._settings.name) from error
        try:
            for statement in self._set_up:
                driver.run(connection, statement)
            about = "SELECT CONNECTION_ID(), @@SESSION.auto_increment_increment, VERSION()"
            ((session_id, increment, version),) = driver.run(connection, about)
        except driver.Error as error:
            driver.close(connection)
            raise failures.meaning(error, self._settings.name) from error
        metrics.CONNECTIONS_OPEN.inc()
        return Kept(connection, session_id, increment, Capabilities.of(version), self._generation)

    def _give_back(self, kept: Kept) -> None:
        with self._lock:
            if kept.lost and kept.generation == self._generation:
                self._generation += 1  # every other connection was opened before that, too
            keep = not kept.broken and not self._closed and kept.generation == self._generation
            stale: list[Kept] = []
            if keep:
                kept.idle_since = time.monotonic()
                self._idle.append(kept)
            elif kept.lost:
                stale, self._idle = self._idle, []
        for one in [*stale, *([] if keep else [kept])]:
            _close(one)

    def _interrupt(self, kept: Kept) -> None:
        """Frees the thread that waits on a connection, and then the server of what it still works on."""
        kept.broken = True
        driver.hang_up(kept.connection)
        with suppress(*driver.OpenError):
            other = driver.connect(self._settings, database=None, timeout=_KILL_TIMEOUT_SECONDS)
            try:
                driver.run(other, "KILL CONNECTION %s", (kept.session_id,))
            finally:
                driver.close(other)


def _close(kept: Kept) -> None:
    driver.close(kept.connection)
    metrics.CONNECTIONS_OPEN.dec()


def _spoil(kept: Kept, error: BaseException) -> None:
    """What an error leaves of a connection: nothing where it was lost, else one without the transaction."""
    cause = error.__cause__
    if kept.broken:
        return  # by a deadline: that says nothing of the other connections
    if isinstance(cause, driver.Error) and failures.is_lost(driver.error_number(cause)):
        kept.broken = kept.lost = True
        return
    try:
        kept.connection.rollback()
    except driver.Error:
        kept.broken = True
