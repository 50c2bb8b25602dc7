"""What tests of several parts share: fixtures over ``tests.support``."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import mysql_server, public_clients, servers
from tests.support.once import Once
from tests.support.servers import Stack

# The same examples in every run of CI: a change is judged by what it changes. Elsewhere they differ each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


# Whatever starts jobs in the background may have SIGINT ignored in them, and so in what tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that the processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def once(run_folder: Path) -> Once:
    """Does something once for all processes of this run."""
    return Once(run_folder)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers on free ports over a database of their own."""
    with servers.running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def grpc_web(stack: Stack) -> Callable[..., Any]:
    """Serve the stack's store to browsers: a context manager that takes the allowed origins and gives the address."""
    return stack.grpc_web


@pytest.fixture(scope="session")
def grpc_web_passed_on(stack: Stack) -> Iterator[str]:
    """A UI server that passes grpc-web on, as the pages of upstream had it."""
    with stack.grpc_web_passed_on() as url:
        yield url


@pytest.fixture(scope="session")
def grpc_web_clients() -> Path:
    """Where the published grpc-web clients are: `node_modules`."""
    try:
        return public_clients.grpc_web()
    except public_clients.NoInterpreterError as missing:
        pytest.skip(str(missing))


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


@pytest.fixture(scope="session")
def mariadb_program() -> mysql_server.Program:
    """The mariadbd of this machine."""
    try:
        return mysql_server.find_mariadb()
    except mysql_server.MySqlMissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def own_mysql(mysql_program: mysql_server.Program) -> Iterator[mysql_server.MySqlServer]:
    """A MySQL server of the test module's own, to be stopped, killed and made read-only."""
    with mysql_server.running() as server:
        yield server
