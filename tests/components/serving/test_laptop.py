"""A server that `up --local` started ends when its record is gone, and not before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from kubeflow_metadata.serving import laptop
from kubeflow_metadata.serving.laptop import Tether


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def state(tmp_path):
    return tmp_path / "data" / "state.json"


@pytest.fixture
def tether(state, clock):
    return Tether(state, "grpc", "abc", clock)


def record(state, instance="abc", name="grpc"):
    state.parent.mkdir(exist_ok=True)
    state.write_text(json.dumps({name: {"pid": 1, "started": 1.0, "port": 1, "instance": instance}}))


def looks(tether, times=3):
    return [tether.is_cut() for _ in range(times)]


def test_it_goes_on_while_it_is_recorded(state, tether):
    record(state)
    assert not any(looks(tether))


@pytest.mark.parametrize("another", ["directory", "file", "start", "server"])
def test_it_ends_when_the_record_is_gone_or_names_another_start(state, tether, another):
    record(state)
    assert not any(looks(tether))
    if another == "directory":
        shutil.rmtree(state.parent)
    elif another == "file":
        state.unlink()
    elif another == "start":
        record(state, instance="def")
    else:
        record(state, name="rest")
    assert looks(tether) == [False, True, True]


def test_a_record_that_is_away_for_one_look_does_not_end_it(state, tether):
    record(state)
    looks(tether)
    state.unlink()
    assert looks(tether, 1) == [False]
    record(state)
    assert not any(looks(tether))


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", "[" * 60_000, "x" * 100_000])
def test_a_damaged_record_does_not_end_it(state, tether, garbage):
    record(state)
    looks(tether)
    state.write_text(garbage)
    assert not any(looks(tether))


def test_it_waits_to_be_recorded_but_not_for_ever(state, tether, clock):
    assert not any(looks(tether))
    clock.now = 31.0
    assert any(looks(tether))


@pytest.mark.parametrize("module", ["kubeflow_metadata.mlmd", "kubeflow_metadata.rest"])
def test_servers_end_by_themselves(module, state, tmp_path):
    record(state)
    environment = {
        **os.environ,
        laptop.STATE: str(state),
        laptop.SERVER: "grpc",
        laptop.INSTANCE: "abc",
    }
    flags = {
        "kubeflow_metadata.mlmd": ["--grpc_port=0", f"--sqlite_config_filename_uri={tmp_path / 'm.db'}"],
        "kubeflow_metadata.rest": ["--http_port=0"],
    }[module]
    command = [sys.executable, "-m", module, *flags]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert any("serving" in line for line in server.stderr)
        shutil.rmtree(state.parent)
        assert any("record of this server is gone" in line for line in server.stderr)
        server.stderr.read()
        assert server.wait(120) == 0
