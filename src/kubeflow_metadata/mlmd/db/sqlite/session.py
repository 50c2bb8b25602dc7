"""A transaction on one connection."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from kubeflow_metadata.mlmd.db import deadlines, shares
from kubeflow_metadata.mlmd.db.dialect import Dialect
from kubeflow_metadata.mlmd.db.sqlite import driver
from kubeflow_metadata.mlmd.db.values import Row, SqlValue, batches

# Each row that SQLite comes to gives up the interpreter's lock. Threads that read at the same time would hand it to
# each other row by row, which takes several times as long as reading one after the other: so they take turns. This is
# how many seconds a thread waits for its turn, so that none waits long behind a query that takes long.
_TURN_SECONDS = 0.02
_turn = threading.Lock()


def _refuse_double(value: float) -> str | None:
    return "SQLite stores NaN as NULL" if math.isnan(value) else None


# Rows need no locks: a transaction that writes is the only one.
DIALECT = Dialect(refuse_double=_refuse_double, returning=" RETURNING id", path_order="rowid")


class SqliteSession:
    """One transaction."""

    dialect = DIALECT

    def __init__(self, connection: driver.Connection) -> None:
        self._connection = connection

    def fetch(self, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        deadlines.check()
        cursor = self._connection.execute(sql, params)
        ours = _turn.acquire(timeout=_TURN_SECONDS)
        try:
            return shares.collect(cursor.fetchmany, cursor.fetchall)
        finally:
            if ours:
                _turn.release()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        ids: list[int] = []
        into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        one_row = f"({', '.join('?' * len(columns))})"
        for batch in batches(rows, len(columns)):
            sql = f"{into}{', '.join([one_row] * len(batch))}{self.dialect.returning}"
            with driver.unique_keys():
                returned = self._connection.execute(sql, [value for row in batch for value in row]).fetchall()
            # AUTOINCREMENT ids grow with the order of VALUES; that of RETURNING is not promised.
            ids.extend(sorted(row[0] for row in returned))
        return ids

    def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, keep_existing: bool = False
    ) -> None:
        verb = "INSERT OR IGNORE" if keep_existing else "INSERT"
        sql = f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        with driver.unique_keys():
            self._connection.executemany(sql, rows)

    def update_rows(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        assignments = ", ".join(f"{column} = ?" for column in columns)
        with driver.unique_keys():
            self._connection.executemany(f"UPDATE {table} SET {assignments} WHERE id = ?", rows)

    def delete_rows(self, table: str, key: Sequence[str], rows: Sequence[Row]) -> None:
        condition = " AND ".join(f"{column} = ?" for column in key)
        self._connection.executemany(f"DELETE FROM {table} WHERE {condition}", rows)

    def queue_up(self) -> None:
        """Does nothing: writers already wait for each other."""
