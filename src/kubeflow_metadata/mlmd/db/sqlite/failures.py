"""What SQLite's errors mean for a call, and for a start."""

from __future__ import annotations

from pathlib import Path

from kubeflow_metadata.mlmd.db.base import TransactionUndoneError, Trouble
from kubeflow_metadata.mlmd.errors import (
    DamagedDatabaseError,
    DatabaseOpenError,
    DataLossError,
    DeadlineExceededError,
    Reason,
    ResourceExhaustedError,
    StoreError,
    UnavailableError,
)


def meaning(path: Path, error: Exception) -> StoreError | TransactionUndoneError:
    """Returns what to raise in place of the driver's error in a statement; nothing of the transaction is stored."""
    text = str(error)
    if _is_damage(text):
        return DamagedDatabaseError(_damaged(path, text))
    if "interrupted" in text:
        return DeadlineExceededError("The deadline of the call passed while the database was working on it.")
    if "decode to UTF-8" in text:
        return DataLossError("A string in the database is not valid UTF-8, so no client could read it.")
    if "locked" in text:
        return TransactionUndoneError("Another process kept the database locked.", reason="locked")
    if "disk I/O error" in text:
        return UnavailableError(
            f"The disk of the database {path} cannot be read or written ({text}); nothing was written. Check the disk "
            "and its file system."
        )
    if "readonly" in text or "unable to open" in text:
        return UnavailableError(
            f"The database {path} cannot be opened or written any more ({text}); nothing was written. Check that it "
            "and its folder are there and that the server's user can write to both."
        )
    if "full" in text:
        return ResourceExhaustedError("The disk that holds the database is full; nothing was written.")
    if "too big" in text or "too large" in text:
        return ResourceExhaustedError("A value is larger than SQLite can store; nothing was written.")
    return UnavailableError(f"The database cannot be used: {text}")


def _is_damage(text: str) -> bool:
    return "malformed" in text or "not a database" in text


def _damaged(path: Path, text: str) -> str:
    return (
        f"The database {path} is damaged ({text}). Stop the server, keep a copy of the file, and restore a backup; "
        f"without one, save what can be read: sqlite3 {path} .recover | sqlite3 recovered.db"
    )


def cannot_open(path: Path, error: Exception) -> DatabaseOpenError:
    """Returns what it means that a file cannot be opened as a database."""
    text = str(error)
    if "malformed" in text:
        return DatabaseOpenError(_damaged(path, text))
    if "not a database" in text:
        return DatabaseOpenError(f"{path} is not a SQLite database ({text}). Choose another file, or move this one.")
    if "unable to open" in text or "readonly" in text:
        return DatabaseOpenError(
            f"Cannot write to the database {path} ({text}). Check that its folder exists and that you can write to it."
        )
    if "locked" in text:
        return DatabaseOpenError(f"The database {path} is locked by another program. Stop that program first.")
    if "full" in text:
        return DatabaseOpenError(f"The disk of the database {path} is full. Free some space, then start again.")
    if "disk I/O error" in text:
        return DatabaseOpenError(
            f"The disk of the database {path} cannot be read or written ({text}). Check the disk and its file system."
        )
    return DatabaseOpenError(f"Cannot open the database {path}: {text}.")


# What stands in the words of SQLite, for each reason; the first that is found counts.
_REASONS = (
    ("malformed", Reason.DAMAGED),
    ("not a database", Reason.DAMAGED),
    ("locked", Reason.LOCKED),
    ("readonly", Reason.READ_ONLY),
    ("full", Reason.FULL),
)


def explain(error: Exception) -> Trouble:
    """Returns why the database cannot be used, from what opening it or asking it has raised."""
    words = str(error.__cause__ or error)
    if isinstance(error, DatabaseOpenError) and error.reason is not None:
        return Trouble(error.reason, str(error))
    if isinstance(error, DamagedDatabaseError):
        return Trouble(Reason.DAMAGED, words)
    return Trouble(next((reason for said, reason in _REASONS if said in words), Reason.UNREACHABLE), words)
