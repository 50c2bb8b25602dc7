"""`status --local`: the same first line and the same names as on a cluster, and why the store does not run."""

from __future__ import annotations

import json

import pytest

from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.lifecycle import ServerStatus
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.status_local import status_local

AWAY = (
    "2026-01-01T00:00:00Z [warning  ] database unavailable [kubeflow_metadata.mlmd] "
    "address=/data/metadata.db error='file is not a database' reason=damaged\n"
)
READY = (
    "2026-01-01T00:00:00Z [info     ] database ready [kubeflow_metadata.mlmd] "
    "address=/data/metadata.db kind=sqlite schema_version=10 version=3.45.1\n"
)


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    """Shows servers in some states; returns the document, or the text, and whether all is well."""

    def show(states, log="", as_json=True):
        statuses = [ServerStatus(name, name.upper(), state, 1, 80) for name, state in states.items()]
        monkeypatch.setattr(lifecycle, "status", lambda _data_dir: statuses)
        data_dir = DataDir(tmp_path)
        data_dir.logs.mkdir(parents=True, exist_ok=True)
        data_dir.log_file("grpc").write_text(log)
        well = status_local(data_dir, Terminal(as_json=as_json))
        said = capsys.readouterr().out
        return (json.loads(said) if as_json else said), well

    return show


RUNNING = {"grpc": "running", "rest": "running", "ui": "running"}


def test_running_servers_are_healthy(show):
    document, well = show(RUNNING)
    assert well
    assert (document["health"], document["running"]) == ("healthy", True)
    assert document["summary"] == "Healthy: all 3 servers are running."
    assert [each["name"] for each in document["servers"]] == ["grpc", "rest", "ui"]


def test_the_first_line_says_how_it_is_and_the_second_what_to_type(show):
    text, well = show({**RUNNING, "ui": "dead"}, as_json=False)
    first, second = text.splitlines()[:2]
    assert not well
    assert first == "Not healthy: not all servers are running: ui dead."
    assert "up --local" in second


def test_stopped_servers_are_not_ill(show):
    document, well = show(dict.fromkeys(RUNNING, "stopped"))
    assert not well
    assert document["summary"] == "Not running: all servers are stopped."


def test_a_store_without_its_database_says_why(show):
    document, _ = show({**RUNNING, "grpc": "dead"}, AWAY)
    assert "The database /data/metadata.db: file is not a database." in document["summary"]


@pytest.mark.parametrize("log", [AWAY + READY, READY, "", "not a line of ours\n"])
def test_what_is_over_is_not_said(show, log):
    document, _ = show({**RUNNING, "grpc": "not responding"}, log)
    assert document["summary"] == "Not healthy: not all servers are running: grpc not responding."
