"""What tests of several parts share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests import mysql_server

# The same examples in every run of CI: a change is judged by what it changes. Elsewhere they differ each time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@dataclass(frozen=True)
class Stack:
    """The running servers of one laptop installation, with the demo logged."""

    rest_url: str
    grpc_target: str
    ui_url: str
    data_dir: Path


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers on free ports over a database of their own."""
    data_dir = tmp_path_factory.mktemp("stack")
    installer = [sys.executable, "-m", "installer"]
    up = subprocess.run(
        [*installer, "up", "--local", "--data-dir", data_dir, "-o", "json"], capture_output=True, text=True, check=False
    )
    assert up.returncode == 0, up.stderr
    endpoints = json.loads(up.stdout)["endpoints"]
    yield Stack(endpoints["rest"], endpoints["grpc"], endpoints["ui"], data_dir)
    subprocess.run([*installer, "down", "--local", "--data-dir", data_dir], check=True, capture_output=True)


@pytest.fixture(scope="session")
def mysql() -> Iterator[mysql_server.MySqlServer]:
    """A MySQL server for all tests that do not crash it; each takes a database of its own."""
    try:
        mysql_server.find()
    except mysql_server.MySqlMissingError as missing:
        pytest.skip(str(missing))
    with mysql_server.running(durable=False) as server:
        yield server
