"""Where a SQLite database is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase


@dataclass(frozen=True)
class SqliteSettings:
    """A database in one file, which is created where it is missing."""

    path: Path
    default_workers: int = 1  # several would only wait for each other to have written

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def open(self) -> SqliteDatabase:
        """Returns the database; the file is opened by its ``prepare``."""
        from kubeflow_metadata.mlmd.db.sqlite.database import SqliteDatabase

        return SqliteDatabase(self)
