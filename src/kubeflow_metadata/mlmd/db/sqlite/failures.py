"""What SQLite's errors mean for a call, and for a start."""

from __future__ import annotations

from pathlib import Path

from kubeflow_metadata.mlmd.db.base import TransactionUndoneError
from kubeflow_metadata.mlmd.errors import (
    DatabaseOpenError,
    DataLossError,
    DeadlineExceededError,
    ResourceExhaustedError,
    StoreError,
    UnavailableError,
)


def meaning(error: Exception) -> StoreError | TransactionUndoneError:
    """Returns what to raise in place of the driver's error in a statement; nothing of the transaction is stored."""
    text = str(error)
    if "interrupted" in text:
        return DeadlineExceededError("The deadline of the call passed while the database was working on it.")
    if "decode to UTF-8" in text:
        return DataLossError("A string in the database is not valid UTF-8, so no client could read it.")
    if "locked" in text:
        return TransactionUndoneError("Another process kept the database locked.", reason="locked")
    if "full" in text:
        return ResourceExhaustedError("The disk of the database is full; nothing was written.")
    if "too big" in text or "too large" in text:
        return ResourceExhaustedError("A value is larger than SQLite can store; nothing was written.")
    return UnavailableError(f"The database cannot be used: {text}")


def cannot_open(path: Path, error: Exception) -> DatabaseOpenError:
    """Returns what it means that a file cannot be opened as a database."""
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return DatabaseOpenError(f"{path} is not a SQLite database ({text}). Name another file, or move this one.")
    if "unable to open" in text or "readonly" in text:
        return DatabaseOpenError(
            f"Cannot write the database {path} ({text}). Check that its folder exists and that you can write to it."
        )
    if "locked" in text:
        return DatabaseOpenError(f"The database {path} is locked by another program. Stop that program first.")
    return DatabaseOpenError(f"Cannot open the database {path}: {text}.")
