"""Server processes: start them detached from this one, tell whether they still run, stop them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import files
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.serving import laptop

_TAIL_LINES = 15
_GRACE_SECONDS = 15.0


def start(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a server in its own session, so that it outlives this process and its terminal.

    Args:
        command: its command line.
        log: what it prints is appended to this file.
        environment: variables besides those of this process.

    Raises:
        UserError: the log cannot be written.
    """
    with os.fdopen(files.open_file(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
            umask=0o077,
            env={**os.environ, "PYTHONUNBUFFERED": "1", laptop.LOG: str(log), **(environment or {})},
        )


def tethered(state: Path, server: str, instance: str) -> dict[str, str]:
    """Returns the variables that make a server end when its record is gone."""
    return {laptop.STATE: _real(state), laptop.SERVER: server, laptop.INSTANCE: instance}


def started_for(state: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Looks for the servers that were started for a data directory, recorded or not.

    Args:
        state: the file of its records, which may be gone.

    Yields:
        the name of the server, and its process.
    """
    wanted = _real(state)
    for process in psutil.process_iter():
        try:
            # That of another user cannot be read, and is not ours to stop.
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get(laptop.STATE) == wanted:
            yield environment.get(laptop.SERVER, ""), process


def start_time(pid: int) -> float:
    """Returns the start time of a process, as reported by the system."""
    return psutil.Process(pid).create_time()


def is_running(record: ServerRecord) -> bool:
    """Returns whether the very process of the record still runs."""
    return _find(record) is not None


def is_elsewhere(record: ServerRecord, state: Path) -> bool:
    """Returns whether a record is a copy: its process was started for another data directory, which is still there.

    Args:
        record: of a server.
        state: the file that the record is in.
    """
    try:
        process = _find(record)
        if process is None:
            return False
        # One of an earlier version has no such variable, but has always worked in the folder of its logs.
        home = process.environ().get(laptop.STATE) or Path(process.cwd()).parent / state.name
    except (psutil.Error, OSError):
        return False
    try:
        # Directories are compared, because the file is a new one whenever it is written.
        return Path(home).exists() and not Path(home).parent.samefile(state.parent)
    except OSError:
        return False


def listens(record: ServerRecord) -> bool:
    """Returns whether the process of the record, or one of its workers, listens on its port."""
    process = _find(record)
    if process is None:
        return False
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return False
    return any(_listens(each, record.port) for each in family)


def stop(record: ServerRecord, grace_seconds: float = _GRACE_SECONDS) -> None:
    """Asks a server to stop, and kills it where it does not within the grace period.

    Raises:
        UserError: the process belongs to another user.
    """
    if process := _find(record):
        stop_process(process, grace_seconds)


def stop_process(process: psutil.Process, grace_seconds: float = _GRACE_SECONDS) -> None:
    """Stops a process as ``stop`` does."""
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
        raise UserError(f"The server with pid {process.pid} belongs to another user.") from error


def log_tail(log: Path, offset: int = 0) -> str:
    """Returns the last lines of what was written to a log after ``offset``."""
    with os.fdopen(files.open_file(log, os.O_RDONLY), "rb") as file:
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


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("inet")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def _real(path: Path) -> str:
    # One directory may be reached by several paths.
    return os.path.realpath(path)
