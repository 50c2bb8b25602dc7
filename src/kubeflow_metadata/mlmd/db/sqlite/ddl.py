"""The statements that make the tables."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow_metadata.mlmd.db.tables import STORE, TABLES, Column, ColumnType, Index, Table

_WORDS = {
    ColumnType.ID: "INTEGER",
    ColumnType.REFERENCE: "INT",
    ColumnType.INTEGER: "INT",
    ColumnType.ENUM: "INT",
    ColumnType.VERSION: "INTEGER",
    ColumnType.KIND: "TINYINT(1)",
    ColumnType.FLAG: "TINYINT(1)",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.KEY: "VARCHAR(64)",
    ColumnType.NAME: "VARCHAR(255)",
    ColumnType.TEXT: "TEXT",
    ColumnType.LONG_TEXT: "TEXT",
    ColumnType.BYTES: "BLOB",
}


def create_tables() -> Iterator[str]:
    """Yields what makes the tables of the version and their indexes in an empty database."""
    for table in TABLES:
        yield _create_table(table)
    for table in TABLES:
        for index in table.indexes:
            if not index.ours and _has_index(index):
                yield _create_index(table, index)


def create_ours() -> Iterator[str]:
    """Yields what adds our indexes and tables where they are missing; the official library does not mind them."""
    for table in TABLES:
        for index in table.indexes:
            if index.ours:
                yield _create_index(table, index, "IF NOT EXISTS ")
    yield _create_table(STORE, "IF NOT EXISTS ")


def _has_index(index: Index) -> bool:
    # Unique keys are constraints without names here. On external ids the version has an index, too.
    return not index.unique or len(index.columns) == 1


def _create_table(table: Table, unless: str = "") -> str:
    unique = [index.columns for index in table.indexes if index.unique]
    lines = [_column(table, column, is_unique=(column.name,) in unique) for column in table.columns]
    lines += [f"UNIQUE ({', '.join(columns)})" for columns in unique if len(columns) > 1]
    if len(table.key) > 1:
        lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE {unless}{table.name} ({', '.join(lines)})"


def _column(table: Table, column: Column, *, is_unique: bool) -> str:
    words = [column.name, _WORDS[column.type]]
    if column.type is ColumnType.ID:
        words.append("PRIMARY KEY AUTOINCREMENT")
    elif (column.name,) == table.key:
        words.append("PRIMARY KEY" if column.type is ColumnType.VERSION else "NOT NULL PRIMARY KEY")
    elif column.required:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    if is_unique:
        words.append("UNIQUE")
    return " ".join(words)


def _create_index(table: Table, index: Index, unless: str = "") -> str:
    rows = f" WHERE {index.columns[-1]} IS NOT NULL" if index.sparse else ""
    return f"CREATE INDEX {unless}{index.name} ON {table.name} ({', '.join(index.columns)}){rows}"
