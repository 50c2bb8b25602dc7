"""What tests of several parts share."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.support import mysql_server
from tests.support.cluster.locks import Lock, alone

ROOT = Path(__file__).parents[1]

# The same examples in every run of CI: a change is judged by what it changes. Elsewhere they differ each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


# Whatever starts jobs in the background may have SIGINT ignored in them, and so in what tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What the fixture of that name is: a name, and what is to be done once under it.
Once = Callable[[str, Callable[[], object]], None]


@dataclass(frozen=True)
class Stack:
    """The running servers of one laptop installation, with the demo logged."""

    rest_url: str
    grpc_target: str
    ui_url: str
    data_dir: Path


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that the processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def once(run_folder: Path) -> Once:
    """Does something once for all processes of this run."""

    def do(name: str, action: Callable[[], object]) -> None:
        done, lock = run_folder / f"{name}.done", Lock(run_folder / f"{name}.lock")
        lock.acquire()
        try:
            if not done.exists():
                action()
                done.touch()
        finally:
            lock.release()

    return do


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers on free ports over a database of their own."""
    data_dir = tmp_path_factory.mktemp("stack")
    installer = [sys.executable, "-m", "installer"]
    # Not the default ports: other processes may be testing what happens to those.
    ports = [word for name in ("rest", "grpc", "ui") for word in (f"--{name}-port", str(unused_port()))]
    command = [*installer, "up", "--local", "--data-dir", str(data_dir), *ports, "-o", "json"]
    up = subprocess.run(command, capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr
    endpoints = json.loads(up.stdout)["endpoints"]
    yield Stack(endpoints["rest"], endpoints["grpc"], endpoints["ui"], data_dir)
    subprocess.run([*installer, "down", "--local", "--data-dir", data_dir], check=True, capture_output=True)


@pytest.fixture(scope="session")
def mysql_program() -> mysql_server.Program:
    """The mysqld of this machine."""
    try:
        return mysql_server.find()
    except mysql_server.MySqlMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def mysql(mysql_program: mysql_server.Program) -> Iterator[mysql_server.MySqlServer]:
    """A MySQL server for all tests that do not crash it; each takes a database of its own."""
    with mysql_server.running(durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def own_mysql(mysql_program: mysql_server.Program) -> Iterator[mysql_server.MySqlServer]:
    """A MySQL server of the test module's own, to be stopped, killed and made read-only."""
    with mysql_server.running() as server:
        yield server


@contextmanager
def running_server(module: str, *flags: str, probe: str) -> Iterator[None]:
    """A server of this project as a process of its own; entered once it answers at ``probe``."""
    process = subprocess.Popen([sys.executable, "-m", module, *flags], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(probe):
            assert process.poll() is None, f"{module} ended before it answered"
            assert time.monotonic() < deadline, f"{module} did not answer within a minute"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10):
            return True
    except (urllib.error.URLError, TimeoutError):
        return False


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def server() -> Callable[..., Any]:
    return running_server


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return unused_port


@pytest.fixture(scope="session")
def grpc_web(stack: Stack) -> Callable[..., Any]:
    """Serve the stack's store to browsers: a context manager that takes the allowed origins and gives the address."""

    @contextmanager
    def serving(origins: str = "") -> Iterator[str]:
        port = unused_port()
        flags = [
            "--http_port=0",
            f"--grpc_web_port={port}",
            f"--grpc_web_allowed_origins={origins}",
            f"--mlmd_grpc_port={stack.grpc_target.rpartition(':')[2]}",
        ]
        url = f"http://127.0.0.1:{port}"
        with running_server("kubeflow_metadata.rest", *flags, probe=f"{url}/readyz"):
            yield url

    return serving


@pytest.fixture(scope="session")
def grpc_web_passed_on(stack: Stack, grpc_web: Callable[..., Any]) -> Iterator[str]:
    """A UI server that passes grpc-web on, as the pages of upstream had it."""
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    with (
        grpc_web() as behind,
        running_server(
            "kubeflow_metadata.ui",
            f"--port={port}",
            f"--rest_url={stack.rest_url}",
            f"--grpc_web_url={behind}",
            probe=f"{url}/readyz",
        ),
    ):
        yield url


@pytest.fixture(scope="session")
def grpc_web_clients() -> Path:
    """Where the published grpc-web clients are: `node_modules`, installed once and kept in `.cache`."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm was not found: `make test` brings it, and so does Node.js")
    source = ROOT / "tests" / "contract" / "clients" / "grpc_web"
    files = [source / name for name in ("package.json", "package-lock.json", ".npmrc")]
    identity = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    place = ROOT / ".cache" / "node_clients" / identity
    with alone(f"environment-{identity}"):
        if not place.exists():
            # Installed under another name, so that an interrupted installation is never taken for a finished one.
            building = place.with_name(f"{place.name}.{uuid4()}")
            building.mkdir(parents=True)
            for file in files:
                shutil.copy(file, building)
            done = subprocess.run([npm, "ci"], cwd=building, capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stderr
            building.rename(place)
    return place / "node_modules"
