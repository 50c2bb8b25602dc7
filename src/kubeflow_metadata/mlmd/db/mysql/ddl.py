"""The statements that make the tables.

Every statement may find its table there already: MySQL commits each by itself, so creation can be interrupted anywhere
and begun again.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow_metadata.mlmd.db.mysql.capabilities import Capabilities
from kubeflow_metadata.mlmd.db.tables import TABLES, Column, ColumnType, Index, Table

# Wider numbers than the official library gives its own databases.
_WORDS = {
    ColumnType.ID: "BIGINT",
    ColumnType.REFERENCE: "BIGINT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.ENUM: "INT",
    ColumnType.VERSION: "INT",
    ColumnType.KIND: "TINYINT(1)",
    ColumnType.FLAG: "TINYINT(1)",
    ColumnType.BOOLEAN: "TINYINT(1)",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.KEY: "VARCHAR(64)",
    ColumnType.NAME: "VARCHAR(255)",
    ColumnType.TEXT: "TEXT",
    ColumnType.LONG_TEXT: "MEDIUMTEXT",
    ColumnType.BYTES: "MEDIUMBLOB",
}
# An index holds the beginning of what has no length.
_PREFIXED = (ColumnType.TEXT, ColumnType.LONG_TEXT)

# The version has no primary key in this table. Group Replication and Galera want one: this is hidden from ``SELECT *``
# and from inserts that do not name it, where the server can hide columns. It also keeps the order of the rows.
ROW_ID = "row_id"
_HAS_ROW_ID = "EventPath"


def create_tables(capabilities: Capabilities) -> Iterator[str]:
    """Yields what makes the tables of the version where they are missing."""
    for table in TABLES:
        yield create_table(table, capabilities)


def create_table(table: Table, capabilities: Capabilities) -> str:
    """Returns what makes a table where it is missing."""
    lines = [_column(column) for column in table.columns]
    if table.name == _HAS_ROW_ID and capabilities.hides_columns:
        lines.append(f"{ROW_ID} BIGINT NOT NULL INVISIBLE AUTO_INCREMENT PRIMARY KEY")
    if table.key:
        lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
    lines += [_index(table, index) for index in table.indexes]
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(lines)})"
        f" ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {capabilities.collation}"
    )


def _column(column: Column) -> str:
    words = [column.name, _WORDS[column.type]]
    if column.required:
        words.append("NOT NULL")
    if column.type is ColumnType.ID:
        words.append("AUTO_INCREMENT PRIMARY KEY")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    return " ".join(words)


def _index(table: Table, index: Index) -> str:
    types = {column.name: column.type for column in table.columns}
    columns = (f"{name}(255)" if types[name] in _PREFIXED else name for name in index.columns)
    return f"{'UNIQUE ' if index.unique else ''}KEY {index.name} ({', '.join(columns)})"
