"""Server processes: start them detached from this one, tell whether they still run, stop them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psutil

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local.state import ServerRecord

_LOG_LIMIT = 10 * 1024 * 1024
_TAIL_LINES = 15


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a server in its own session, so that it outlives this process and its terminal."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def start_time(pid: int) -> float:
    """Returns the start time of a process, as reported by the system."""
    return psutil.Process(pid).create_time()


def is_running(record: ServerRecord) -> bool:
    """Returns whether the very process of the record still runs."""
    return _find(record) is not None


def listens(record: ServerRecord) -> bool:
    """Returns whether the process of the record itself listens on its port."""
    process = _find(record)
    try:
        connections = process.net_connections("inet") if process else []
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == record.port for c in connections)


def stop(record: ServerRecord, grace_seconds: float = 15.0) -> None:
    """Asks a server to stop, and kills it where it does not within the grace period.

    Raises:
        UserError: the process belongs to another user.
    """
    process = _find(record)
    if process is None:
        return
    try:
        process.terminate()
        try:
            process.wait(grace_seconds)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(grace_seconds)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise UserError(f"The server with pid {record.pid} belongs to another user.") from error


def log_tail(log: Path, offset: int = 0) -> str:
    """Returns the last lines of what was written to a log after ``offset``."""
    with log.open("rb") as file:
        if file.seek(0, os.SEEK_END) < offset:  # the log was rotated
            offset = 0
        file.seek(offset)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _find(record: ServerRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None
