"""``check --local``: what servers on this machine need, and whether they respond."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.checks import codes, report, waiting
from kubeflow_metadata.installer.cluster.checks.report import Shown
from kubeflow_metadata.installer.cluster.checks.result import Check, Result
from kubeflow_metadata.installer.local import files, lifecycle
from kubeflow_metadata.installer.local.ports import is_free
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.parts import SERVERS

_OLDEST_PYTHON = (3, 10)
_MODULES = {"grpc": "server", "starlette": "server", "httpx": "server", "structlog": "server", "psutil": "local"}
# UPSERT, RETURNING and window functions.
_OLDEST_SQLITE = (3, 35, 0)
_LEAST_FREE_MIB = 256
_MIB = 2**20


def check_local(data_dir: DataDir, seconds: float, shown: Shown, terminal: Terminal) -> int:
    """Runs the checks and shows the results; returns the exit code."""
    results = waiting.run_until(lambda: _look(data_dir), seconds)
    return report.show(results, shown, terminal, {"data_dir": str(data_dir.path)})


def _look(data_dir: DataDir) -> list[Result]:
    groups: tuple[tuple[Check, Callable[[DataDir], Iterator[Result]]], ...] = (
        (codes.PYTHON, _python),
        (codes.MODULES, _modules),
        (codes.SQLITE, _sqlite),
        (codes.DATA_DIRECTORY, _directory),
        (codes.DISK, _disk),
        (codes.PORTS, _ports),
        (codes.SERVERS, _servers),
    )
    results: list[Result] = []
    for check, run in groups:
        try:
            results += run(data_dir)
        except UserError as error:
            results.append(check.failed(str(error), error.hint, error.details))
    return results


def _python(_data_dir: DataDir) -> Iterator[Result]:
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    sentence = f"Python {platform.python_version()}; {oldest} or newer is required."
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        yield codes.PYTHON.ok(sentence)
    else:
        yield codes.PYTHON.failed(sentence, f"Install Python {oldest} or newer.")


def _modules(_data_dir: DataDir) -> Iterator[Result]:
    lacking = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if lacking:
        yield codes.MODULES.failed(
            f"Python packages are missing: {', '.join(lacking)}.",
            'Run: pip install "kubeflow-metadata-server[server,local]"   (in a checkout: make installer)',
        )
    else:
        yield codes.MODULES.ok("The Python packages of the servers are installed.")


def _sqlite(_data_dir: DataDir) -> Iterator[Result]:
    version = _sqlite_version()
    sentence = f"SQLite {version}; {'.'.join(map(str, _OLDEST_SQLITE))} or newer is required."
    if not version:
        yield codes.SQLITE.failed("This Python is built without SQLite.", "Use another Python.")
    elif tuple(int(number) for number in version.split(".")) >= _OLDEST_SQLITE:
        yield codes.SQLITE.ok(sentence)
    else:
        yield codes.SQLITE.failed(sentence, "Use a Python that is built with a newer SQLite.")


def _directory(data_dir: DataDir) -> Iterator[Result]:
    if os.path.lexists(data_dir.path):
        files.require_own_directory(data_dir.path)
        if not os.access(data_dir.path, os.W_OK | os.X_OK):
            yield codes.DATA_DIRECTORY.failed(
                f"The data directory {data_dir.path} is not writable.", "Use another one: --data-dir DIR"
            )
        else:
            yield codes.DATA_DIRECTORY.ok(f"The data directory {data_dir.path} is usable.")
        return
    above = _existing(data_dir)
    if os.access(above, os.W_OK | os.X_OK):
        yield codes.DATA_DIRECTORY.ok(f"The data directory {data_dir.path} can be created.")
    else:
        yield codes.DATA_DIRECTORY.failed(
            f"The data directory {data_dir.path} cannot be created: {above} is not writable.",
            "Use another one: --data-dir DIR",
        )


def _disk(data_dir: DataDir) -> Iterator[Result]:
    free = shutil.disk_usage(_existing(data_dir)).free // _MIB
    if free < _LEAST_FREE_MIB:
        yield codes.DISK.failed(
            f"{free} MiB are free for {data_dir.path}; {_LEAST_FREE_MIB} MiB or more are needed.",
            "Free space, or use another directory: --data-dir DIR",
        )
    else:
        yield codes.DISK.ok(f"{free} MiB are free for {data_dir.path}.")


def _ports(data_dir: DataDir) -> Iterator[Result]:
    ours = {record.port for record in data_dir.servers().values()}
    for part in SERVERS:
        if part.local_port in ours or is_free(part.local_port):
            continue
        yield codes.PORTS.warning(
            f"Port {part.local_port} is in use: the {part.title} will use another one.",
            f"To choose it: {program.command('up')} {data_dir.options} --{part.name}-port N",
        )
        break
    else:
        yield codes.PORTS.ok(f"The ports {', '.join(str(part.local_port) for part in SERVERS)} are free, or ours.")


def _servers(data_dir: DataDir) -> Iterator[Result]:
    if not data_dir.servers():
        yield codes.SERVERS.ok("The servers are not started.")
        return
    for status in lifecycle.status(data_dir):
        if status.state == "running":
            yield codes.SERVERS.ok(f"The {status.title} responds on port {status.port}.")
        else:
            yield codes.SERVERS.failed(
                f"The {status.title} is {status.state}.",
                f"See its log: {program.command('logs')} {data_dir.options} {status.name}",
            )


def _existing(data_dir: DataDir) -> str:
    """Returns the data directory, or the one above it that exists."""
    return next(str(each) for each in (data_dir.path, *data_dir.path.parents) if os.path.exists(each))  # noqa: PTH110


def _sqlite_version() -> str:
    """Returns the version of SQLite; empty if there is none."""
    # Asked where the servers run: in a process of this Python. The installer itself opens no database.
    command = [sys.executable, "-c", "import sqlite3; print(sqlite3.sqlite_version)"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
