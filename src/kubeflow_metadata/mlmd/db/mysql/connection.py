"""A connection of the pool: opened, set up, interrupted, and what errors leave of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from kubeflow_metadata.mlmd.db.dialect import Dialect
from kubeflow_metadata.mlmd.db.mysql import driver, failures
from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities
from kubeflow_metadata.mlmd.db.mysql.dialect import dialect_of
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings

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
class MySqlConnection:
    """An open connection.

    Attributes:
        increment_moves: the step between the ids that one statement makes is not this session's to know: Galera changes
            it, in sessions that are open, whenever a node joins or leaves.
        broken: it must not be used again.
        lost: it broke because the server is not there any more.
    """

    driven: driver.Connection
    settings: MySqlSettings
    session_id: int
    increment_moves: bool
    dialect: Dialect
    broken: bool = False
    lost: bool = False

    def interrupt(self) -> None:
        """Frees the thread that waits on the connection, and then the server of what it still works on."""
        self.broken = True
        driver.hang_up(self.driven)
        with suppress(*driver.OpenError):
            other = driver.connect(self.settings, database=None, timeout=_KILL_TIMEOUT_SECONDS)
            try:
                driver.run(other, "KILL CONNECTION %s", (self.session_id,))
            finally:
                driver.close(other)

    def recover(self, error: BaseException) -> None:
        """Rolls back, unless the error says that there is nothing left to do that on."""
        cause = error.__cause__
        if self.broken:
            return  # by a deadline: that says nothing of the other connections
        if isinstance(cause, driver.Error) and failures.is_lost(driver.error_number(cause)):
            self.broken = self.lost = True
            return
        try:
            self.driven.rollback()
        except driver.Error:
            self.broken = True

    def close(self) -> None:
        driver.close(self.driven)


def connect(settings: MySqlSettings, set_up: Sequence[str], *, path_order: str) -> MySqlConnection:
    """Opens a connection and runs ``set_up`` on it, after what is the same for all.

    Raises:
        TransactionUndoneError: the server cannot be reached now.
    """
    try:
        driven = driver.connect(settings, database=settings.database)
    except driver.OpenError as error:
        raise failures.cannot_open(error, settings.name) from error
    try:
        for statement in (f"SET SESSION sql_mode = '{SQL_MODE}'", _PLANS, *set_up):
            driver.run(driven, statement)
        ((session_id, version),) = driver.run(driven, "SELECT CONNECTION_ID(), VERSION()")
        dialect = dialect_of(Capabilities.of(version), path_order)
        # Where new ids are returned, nobody has to know.
        galera = [] if dialect.returning else driver.run(driven, "SHOW SESSION VARIABLES LIKE 'wsrep_on'")
    except driver.Error as error:
        driver.close(driven)
        raise failures.meaning(error, settings.name) from error
    increment_moves = any(str(value).upper() in ("ON", "1") for _, value in galera)
    return MySqlConnection(driven, settings, session_id, increment_moves, dialect)
