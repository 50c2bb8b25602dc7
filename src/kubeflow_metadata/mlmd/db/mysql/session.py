"""A transaction on one connection: statements that take any number of rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import cast
from uuid import uuid4

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.mysql import driver, failures
from kubeflow_metadata.mlmd.db.mysql.connection import MySqlConnection
from kubeflow_metadata.mlmd.db.tables import QUEUE, STORE
from kubeflow_metadata.mlmd.db.values import Row, SqlValue, batches
from kubeflow_metadata.mlmd.errors import DataLossError

# A statement that changes rows carries about this many bytes of values, far below every max_allowed_packet in use,
_BATCH_BYTES = 2 * 1024 * 1024
# and not more values than the parser digests easily.
_BATCH_VALUES = 10_000
# Rows of a multi-row UPDATE are a UNION of SELECTs, which the parser holds on its stack.
_UPDATE_ROWS = 200

_QUEUE_UP = f"INSERT INTO {STORE.name} (name, value) VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = %s"


class MySqlSession:
    """One transaction."""

    def __init__(self, connection: MySqlConnection) -> None:
        self.dialect = connection.dialect
        self._connection = connection.driven
        self._name = connection.settings.name
        # Where nobody can say how far apart the ids of one statement are, and the server does not return them.
        self._one_by_one = connection.increment_moves and not self.dialect.returning

    def fetch(self, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        return self._run(_translated(sql), params)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        ids: list[int] = []
        most_rows = 1 if self._one_by_one else _BATCH_VALUES
        for batch in _by_size(rows, most_rows):
            sql, params = _insert(table, columns, batch)
            returned = self._run(sql + self.dialect.returning, params)
            # Ids grow with the order of the rows; that of RETURNING is not promised.
            ids += sorted([cast(int, row[0]) for row in returned]) or self._ids_given(len(batch))
        return ids

    def _ids_given(self, count: int) -> Sequence[int]:
        """Returns the ids that the last INSERT gave to ``count`` rows: a range, of which the driver tells the first."""
        first: int = self._connection.insert_id()
        if count == 1:
            return [first]
        # As it is now: whoever opened the session, or has it meanwhile, may have set another one.
        ((increment,),) = self._run("SELECT @@SESSION.auto_increment_increment", ())
        return range(first, first + count * cast(int, increment), cast(int, increment))

    def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, keep_existing: bool = False
    ) -> None:
        # Not INSERT IGNORE, which would also turn errors into changed values.
        end = f" ON DUPLICATE KEY UPDATE {columns[0]} = {table}.{columns[0]}" if keep_existing else ""
        for batch in _by_size(rows):
            sql, params = _insert(table, columns, batch)
            self._run(sql + end, params)

    def update_rows(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        for batch in _by_size(rows, most_rows=_UPDATE_ROWS):
            self._run(_update(table, tuple(columns), len(batch)), _flat(batch))

    def delete_rows(self, table: str, key: Sequence[str], rows: Sequence[Row]) -> None:
        one = f"({', '.join(['%s'] * len(key))})"
        for batch in batches(rows, len(key)):
            condition = f"({', '.join(key)}) IN ({', '.join([one] * len(batch))})"
            self._run(f"DELETE FROM {table} WHERE {condition}", _flat(batch))

    def queue_up(self) -> None:
        # A row is changed, and not only locked: locks are of one node alone, and clusters certify what nodes have
        # written. To a value of its own, because a row that stays the same is not written.
        value = uuid4().hex
        self._run(_QUEUE_UP, (QUEUE, value, value))

    def _run(self, sql: str, params: Sequence[SqlValue]) -> list[Row]:
        deadlines.check()
        try:
            return driver.run(self._connection, sql, params)
        except driver.Error as error:
            raise failures.meaning(error, self._name) from error
        except UnicodeDecodeError as error:
            raise DataLossError("A string in the database is not valid UTF-8, so no client could read it.") from error


def _translated(sql: str) -> str:
    """Returns a statement with ``?`` for each bound value, as the drivers want it."""
    return sql.replace("%", "%%").replace("?", "%s")


def _insert(table: str, columns: Sequence[str], rows: Sequence[Row]) -> tuple[str, list[SqlValue]]:
    """Returns an INSERT of rows, and the values it binds.

    NULL and whole numbers, which most columns of most rows are, stand in the statement: binding one costs a driver
    more than all else that it does with it.
    """
    params: list[SqlValue] = []
    tuples = []
    for row in rows:
        words = []
        for value in row:
            if value is None:
                words.append("NULL")
            elif type(value) is int:
                words.append(str(value))
            else:
                words.append("%s")
                params.append(value)
        tuples.append(f"({','.join(words)})")
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {','.join(tuples)}", params


@lru_cache(maxsize=128)
def _update(table: str, columns: tuple[str, ...], count: int) -> str:
    if count == 1:
        return f"UPDATE {table} SET {', '.join(f'{column} = %s' for column in columns)} WHERE id = %s"
    first = f"SELECT {', '.join(f'%s AS {column}' for column in (*columns, 'id'))}"
    further = f" UNION ALL SELECT {', '.join(['%s'] * (len(columns) + 1))}" * (count - 1)
    assignments = ", ".join(f"{table}.{column} = given.{column}" for column in columns)
    return f"UPDATE {table} JOIN ({first}{further}) given ON given.id = {table}.id SET {assignments}"


def _flat(rows: Sequence[Row]) -> list[SqlValue]:
    return [value for row in rows for value in row]


def _by_size(rows: Sequence[Row], most_rows: int = _BATCH_VALUES) -> Iterator[Sequence[Row]]:
    """Cuts rows into lists of which one statement can carry all."""
    if not rows:
        return
    most_rows = min(most_rows, max(1, _BATCH_VALUES // len(rows[0])))
    batch: list[Row] = []
    size = 0
    for row in rows:
        row_size = sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if batch and (len(batch) == most_rows or size + row_size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_size
    yield batch
