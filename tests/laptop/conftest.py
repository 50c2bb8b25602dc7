"""Runs the installer as a user does, on a data directory of the test's own."""

from __future__ import annotations

import pytest

from tests.support.laptop import Installer


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
