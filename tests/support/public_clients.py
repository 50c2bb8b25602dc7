"""Public clients, unmodified: each environment is built once and kept in `.cache`, named by what is in it."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.checkout import CACHE, CLIENT_SCRIPTS
from tests.support.keeping import made_once

# To build packages that come as source only; newer ones may drop what such old packages use, and Python 3.7.
BUILD_PINS = ("setuptools==68.0.0", "wheel==0.42.0")

OFFICIAL_PINS = ("ml-metadata==1.17.1", "protobuf==4.25.8", "grpcio==1.67.1")
OFFICIAL_PYTHONS = ("3.11", "3.10", "3.9")

RUNTIME = ("six==1.17.0", "certifi==2025.8.3", "urllib3==2.5.0", "python-dateutil==2.9.0.post0")

PUBLIC_SDKS = {
    # Its package does not say that it needs the others.
    "kfmd-0.1.8": (("kfmd==0.1.8", *RUNTIME), "kfmd.metadata"),
    "kubeflow-metadata-0.2.0": (("kubeflow-metadata==0.2.0", *RUNTIME), "kubeflow.metadata.metadata"),
}


class NoInterpreterError(Exception):
    """No fitting Python is on this machine."""


class NotInstalledError(Exception):
    """The packages of an environment could not be installed."""


def why_no_official_wheels() -> str:
    """Why the official library, and so what builds on it, cannot be installed here; empty where it can."""
    if (sys.platform, platform.machine()) in {("linux", "x86_64"), ("darwin", "x86_64")}:
        return ""
    return f"ml-metadata has no wheel for {sys.platform} on {platform.machine()}"


def python(pins: tuple[str, ...], pythons: tuple[str, ...] = (), *, exactly: bool = False) -> Path:
    """The Python of an environment that has exactly these packages, on one of these versions of Python.

    With ``exactly``, these are all packages there are, whatever they say that they need. No version means this one.

    Raises:
        NoInterpreterError: there is no such Python here.
        NotInstalledError: the packages cannot be installed.
    """
    interpreter = _interpreter(pins[0], pythons)
    version = subprocess.check_output([interpreter, "-VV"], text=True)
    options = ("--no-deps",) if exactly else ()
    identity = json.dumps([version, platform.machine(), BUILD_PINS, options, sorted(pins)])
    place = CACHE / "venvs" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    return made_once(place, lambda making: _build(interpreter, (*options, *pins), making)) / "bin" / "python"


def grpc_web() -> Path:
    """The folder `node_modules` that has the published grpc-web clients.

    Raises:
        NoInterpreterError: there is no npm here.
        NotInstalledError: the packages cannot be installed.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NoInterpreterError("npm was not found: `make test` brings it, and so does Node.js")
    files = [CLIENT_SCRIPTS / "grpc_web" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    identity = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def build(place: Path) -> None:
        for file in files:
            shutil.copy(file, place)
        _check(npm, "ci", cwd=place)

    return made_once(CACHE / "node_clients" / identity, build) / "node_modules"


def _build(interpreter: str, what: tuple[str, ...], place: Path) -> None:
    install = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _check(interpreter, "-m", "venv", place)
    _check(*install, *BUILD_PINS)
    _check(*install, "--no-build-isolation", *what)


def _check(*command: Any, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, cwd=cwd, check=False
    )
    if done.returncode != 0:
        raise NotInstalledError(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}")


def _interpreter(package: str, versions: tuple[str, ...]) -> str:
    """A Python of one of these versions, or this one where none is named."""
    found = _find_interpreter(versions) if versions else sys.executable
    if found is None:
        raise NoInterpreterError(f"{package} needs Python {' or '.join(versions)}, and none was found on this machine")
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
