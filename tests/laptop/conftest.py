"""Runs the installer as a user does, on a data directory of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


class Installer:
    """``python -m installer ... --local --data-dir DIR``."""

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.endpoints: dict[str, str] = {}

    def command(self, verb, *arguments):
        return [sys.executable, "-m", "installer", verb, "--local", "--data-dir", str(self.data_dir), *arguments]

    def run(self, verb, *arguments):
        return subprocess.run(self.command(verb, *arguments), capture_output=True, text=True, check=False)

    def json(self, verb, *arguments):
        done = self.run(verb, *arguments, "-o", "json")
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def up(self, *arguments):
        done = self.run("up", *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pids(self):
        return {server["name"]: server["pid"] for server in self.json("status")["servers"]}


@pytest.fixture
def installer(tmp_path):
    """Nothing runs yet; what the test starts is taken down after it."""
    installer = Installer(tmp_path / "data")
    yield installer
    installer.run("down")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """An installation that is up, for tests that leave it so."""
    installer = Installer(tmp_path_factory.mktemp("running") / "data")
    installer.endpoints = installer.up()["endpoints"]
    yield installer
    installer.run("down")
