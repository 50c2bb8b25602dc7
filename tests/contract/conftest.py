"""Public clients, unmodified, each in a virtual environment of its own that is built once and kept in `.cache`."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "clients"
ENVIRONMENTS = ROOT / ".cache" / "venvs"

# To build packages that come as source only; newer ones may drop what such old packages use, and Python 3.7.
BUILD_PINS = ("setuptools==68.0.0", "wheel==0.42.0")

OFFICIAL_PINS = ("ml-metadata==1.17.1", "protobuf==4.25.8", "grpcio==1.67.1")
OFFICIAL_PYTHONS = ("3.11", "3.10", "3.9")
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
        return _runner(_environment(_interpreter(pins[0], pythons), pins, exactly=exactly))

    return make


@pytest.fixture(scope="session")
def official_wheels() -> None:
    """Skips where the official library, and so what builds on it, cannot be installed."""
    if (sys.platform, platform.machine()) not in {("linux", "x86_64"), ("darwin", "x86_64")}:
        pytest.skip(f"ml-metadata has no wheel for {sys.platform} on {platform.machine()}")


@pytest.fixture(scope="session")
def official_python(official_wheels: None) -> Path:
    """The Python of an environment that has the official library, `ml-metadata`."""
    return _environment(_interpreter(OFFICIAL_PINS[0], OFFICIAL_PYTHONS), OFFICIAL_PINS)


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
    interpreter = _interpreter(OFFICIAL_PINS[0], OFFICIAL_PYTHONS)
    return _runner(_environment(interpreter, (*OFFICIAL_PINS, "pytest==8.3.5")))


@pytest.fixture(scope="session")
def sdk_of_this_project() -> RunScript:
    """Run a script of `clients/` with the SDK of this checkout."""
    return _runner(Path(sys.executable))


@pytest.fixture
def workspace_name() -> str:
    """Keeps one test's artifacts apart from all others in the same backend."""
    return f"workspace-{uuid4()}"


def _runner(python: Path) -> RunScript:
    def run(script: str, *arguments: str) -> Any:
        # Not PYTHONPATH: the client must find what its environment has, and nothing of this project.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            [python, SCRIPTS / script, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{script} failed:\n{done.stderr}"
        return json.loads(done.stdout)

    return run


def _environment(interpreter: str, pins: tuple[str, ...], *, exactly: bool = False) -> Path:
    """The Python of an environment that has exactly these packages."""
    version = subprocess.check_output([interpreter, "-VV"], text=True)
    options = ("--no-deps",) if exactly else ()
    identity = json.dumps([version, platform.machine(), BUILD_PINS, options, sorted(pins)])
    place = ENVIRONMENTS / hashlib.sha256(identity.encode()).hexdigest()[:16]
    if not place.exists():
        _build(interpreter, (*options, *pins), place)
    return place / "bin" / "python"


def _build(interpreter: str, what: tuple[str, ...], place: Path) -> None:
    # Built under another name, so that an interrupted build is never taken for a finished one.
    building = place.with_name(f"{place.name}.{uuid4()}")
    install = [building / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        _check(interpreter, "-m", "venv", building)
        _check(*install, *BUILD_PINS)
        _check(*install, "--no-build-isolation", *what)
        building.rename(place)
    except OSError:
        # Somebody else was faster.
        if not place.exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _check(*command: Any) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}", pytrace=False)


def _interpreter(package: str, versions: tuple[str, ...]) -> str:
    """A Python of one of these versions, or this one where none is named; skips where there is none."""
    found = _find_interpreter(versions) if versions else sys.executable
    if found is None:
        pytest.skip(f"{package} needs Python {' or '.join(versions)}, and none was found on this machine")
    return found


def _find_interpreter(versions: tuple[str, ...]) -> str | None:
    """A Python of one of these versions that starts: a shim on PATH may lead nowhere."""
    candidates = [sys.executable]
    for version in versions:
        candidates += filter(None, [shutil.which(f"python{version}")])
        candidates += map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        candidates += map(str, Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python"))
    for candidate in candidates:
        ask = [candidate, "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(ask, capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.strip() in versions:
            return candidate
    return None
