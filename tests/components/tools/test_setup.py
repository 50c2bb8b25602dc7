"""Setting a checkout up: on which Python, and what happens when a part of it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tools import setup


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The other Pythons on the PATH, each with the exit code of trying it."""
    there: dict[str, int] = {}
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in there else None)
    monkeypatch.setattr(subprocess, "call", lambda command, **_: there[command[0].removeprefix("/bin/")])
    monkeypatch.setattr(sys, "argv", ["tools/setup.py", "local"])
    return there


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What this process became."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "RUNNING", setup.Running())


@pytest.mark.parametrize("version", [(3, 9), (3, 15)])
def test_an_unsupported_python_goes_on_in_the_newest_supported_one(version, pythons, started, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (*version, 1))
    pythons.update({"python3.13": 1, "python3.12": 0, "python3.11": 0})
    # An exec that returns, as the one here does, is followed by the next attempt.
    with pytest.raises(setup.SetUpError):
        setup.use_a_supported_python()
    assert started[0] == ["/bin/python3.12", "tools/setup.py", "local"]


@pytest.mark.parametrize("version", [(3, 9), (3, 15)])
def test_without_a_supported_python_set_up_says_which_ones_are(version, pythons, started, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (*version, 1))
    with pytest.raises(setup.SetUpError) as refusal:
        setup.use_a_supported_python()
    problem, hint = refusal.value.args
    assert problem == f"Python 3.10 to 3.14 is needed; this is 3.{version[1]}."
    assert "make PYTHON=" in hint
    assert not started


def test_what_is_supported_is_what_the_package_says():
    classifiers = (setup.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={setup.OLDEST_PYTHON[0]}.{setup.OLDEST_PYTHON[1]}"' in classifiers
    for name in setup.OTHER_PYTHONS:
        assert f'"Programming Language :: Python :: {name.removeprefix("python")}"' in classifiers
    assert setup.OTHER_PYTHONS[0] == "python{}.{}".format(*setup.NEWEST_PYTHON)


@pytest.mark.usefixtures("running")
def test_a_goal_that_fails_stops_the_others_and_shows_only_its_own_output(capfd):
    def fail():
        setup.run([sys.executable, "-c", "print('no network'); raise SystemExit(3)"])

    def go_on_for_ever():
        setup.run([sys.executable, "-c", "import signal; print('half done', flush=True); signal.pause()"])

    with pytest.raises(setup.SetUpError, match="exit code 3"):
        setup.together([go_on_for_ever, fail])
    assert capfd.readouterr().err == "no network\n"


@pytest.mark.usefixtures("running")
def test_a_program_that_is_missing_is_named():
    with pytest.raises(setup.SetUpError, match=r"no-such-program is not installed\."):
        setup.run(["no-such-program"])
