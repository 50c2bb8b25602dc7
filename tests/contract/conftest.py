"""Public clients, unmodified, each in a virtual environment of its own that is built once and kept in `.cache`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support import public_clients
from tests.support.checkout import CLIENT_SCRIPTS, ROOT
from tests.support.public_clients import OFFICIAL_PINS, OFFICIAL_PYTHONS

SDK = ROOT / "sdk" / "src"

# 1.14.0 and 1.0.0 are of the servers of newer Kubeflow releases and of 1.4; 0.22 and older need TensorFlow.
OLDER_OFFICIAL = {
    "1.14.0": (("absl-py==1.4.0", "attrs==21.4.0", "grpcio==1.67.1", "protobuf==3.20.3", "six==1.17.0"), ("3.9",)),
    "1.8.0": (("absl-py==1.4.0", "attrs==20.3.0", "grpcio==1.67.1", "protobuf==3.20.3", "six==1.17.0"), ("3.9",)),
    "1.0.0": (("absl-py==0.12.0", "attrs==20.3.0", "grpcio==1.62.3", "protobuf==3.20.3", "six==1.17.0"), ("3.7",)),
    "0.24.0": (("absl-py==0.10.0", "grpcio==1.62.3", "protobuf==3.20.3", "six==1.17.0"), ("3.7",)),
}

RunScript = Callable[..., Any]


@pytest.fixture(scope="session")
def client_environment() -> Callable[..., RunScript]:
    """Make a function that runs a script of `clients/` beside the given packages and returns what it prints.

    With ``exactly``, these are all packages there are, whatever they say that they need.
    """

    def make(*pins: str, pythons: tuple[str, ...] = (), exactly: bool = False) -> RunScript:
        return _runner(_python(pins, pythons, exactly=exactly))

    return make


@pytest.fixture(scope="session")
def official_wheels() -> None:
    """Skips where the official library, and so what builds on it, cannot be installed."""
    if reason := public_clients.why_no_official_wheels():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def official_python(official_wheels: None) -> Path:
    """The Python of an environment that has the official library, `ml-metadata`."""
    return _python(OFFICIAL_PINS, OFFICIAL_PYTHONS)


@pytest.fixture(scope="session")
def older_official_client(
    official_wheels: None, client_environment: Callable[..., RunScript]
) -> Callable[[str], RunScript]:
    """Make a function that runs a script of `clients/` with an older version of the official library."""

    def make(version: str) -> RunScript:
        needs, pythons = OLDER_OFFICIAL[version]
        return client_environment(f"ml-metadata=={version}", *needs, pythons=pythons, exactly=True)

    return make


@pytest.fixture(scope="session")
def official_client(official_python: Path) -> RunScript:
    """Run a script of `clients/` with the official library."""
    return _runner(official_python)


@pytest.fixture(scope="session")
def official_suite(official_python: Path) -> RunScript:
    """Run a script of `clients/` with the official library and pytest, which its own tests need."""
    return _runner(_python((*OFFICIAL_PINS, "pytest==8.3.5"), OFFICIAL_PYTHONS))


@pytest.fixture(scope="session")
def sdk_of_this_project() -> RunScript:
    """Run a script of `clients/` with the SDK of this checkout."""
    return _runner(Path(sys.executable))


@pytest.fixture(scope="session")
def sdk_on_python() -> Callable[[str], RunScript]:
    """Make a function that runs a script of `clients/` with the SDK of this checkout on a version of Python."""

    def make(version: str) -> RunScript:
        # What the SDK needs, and nothing else.
        return _runner(_python(("urllib3==2.5.0",), (version,)), SDK)

    return make


@pytest.fixture
def workspace_name() -> str:
    """Keeps one test's artifacts apart from all others in the same backend."""
    return f"workspace-{uuid4()}"


def _runner(python: Path, source: Path | None = None) -> RunScript:
    def run(script: str, *arguments: str) -> Any:
        # Not PYTHONPATH: the client must find what its environment has, and nothing of this project.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if source is not None:
            environment["PYTHONPATH"] = str(source)
        environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            [python, CLIENT_SCRIPTS / script, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{script} failed:\n{done.stderr}"
        return json.loads(done.stdout)

    return run


def _python(pins: tuple[str, ...], pythons: tuple[str, ...], *, exactly: bool = False) -> Path:
    try:
        return public_clients.python(pins, pythons, exactly=exactly)
    except public_clients.NoInterpreterError as missing:
        pytest.skip(str(missing))
    except public_clients.NotInstalledError as failed:
        pytest.fail(str(failed), pytrace=False)
