"""Clusters leave the machine as they found it, also when the run that made them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.cluster import engine, kind
from tests.support.cluster.paths import CLUSTERS
from tests.support.waiting import eventually

OURS = ("dockerd", "containerd", "docker-proxy", "kind", "kube", "etcd", "coredns", "runc", "systemd", "pause")

# Creates a cluster, until it is killed.
RUN = """
import signal, sys
from tests.support.cluster import kind
kind.create(sys.argv[1])
signal.pause()
"""


def processes() -> set[str]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text().strip()
        except OSError:
            continue
        if name.startswith(OURS):
            found.add(f"process {folder.name} {name}")
    return found


def machine_state() -> set[str]:
    """Processes, mounts, network devices, routes and container networks."""
    mounts = {f"mount {line.split()[1]}" for line in Path("/proc/mounts").read_text().splitlines()}
    devices = {f"device {path.name}" for path in Path("/sys/class/net").iterdir()}
    routes = {f"route {line}" for line in Path("/proc/net/route").read_text().splitlines()}
    answering = engine.find()
    networks = answering.run("network", "ls", "--format={{.Name}}").split() if answering else []
    # A dedicated daemon that was not there before must not be there after; its networks then do not count.
    own = {"our own daemon"} if answering and answering.own else set()
    return processes() | mounts | devices | routes | {f"network {name}" for name in networks} | own


def nodes() -> list[str]:
    answering = engine.find()
    return answering.run("ps", "--all", "--format={{.Names}}").split() if answering else []


@pytest.mark.timeout(900)
def test_two_runs_one_of_them_killed_leave_nothing_behind() -> None:
    if os.environ.get("E2E_CONTEXT"):
        pytest.skip("makes clusters of its own: unset E2E_CONTEXT")
    before, records = machine_state(), set(CLUSTERS.glob("*"))
    killed, finished = kind.unique_name(), kind.unique_name()

    run = subprocess.Popen([sys.executable, "-c", RUN, killed], cwd=ROOT, start_new_session=True)
    try:
        eventually(lambda: f"{killed}-control-plane" in nodes(), "the run has made its node", seconds=300)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert machine_state() - before, "a killed run leaves its cluster"

    second = kind.create(finished)
    try:
        assert not (CLUSTERS / killed).exists(), "the next run finds what the killed one left"
        assert second.node in nodes()
        assert f"{killed}-control-plane" not in nodes()
    finally:
        kind.delete(finished)

    eventually(lambda: not processes() - before, "the processes of both runs ended", seconds=60)
    assert machine_state() == before
    assert set(CLUSTERS.glob("*")) == records
