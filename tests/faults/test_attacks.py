"""Other clients' calls go on while somebody misuses the servers, and the servers are well afterwards.

KFM_ATTACK_SECONDS says for how long each attack is held, and KFM_ATTACK_P99_SECONDS what a call of another client may
take meanwhile (`make soak` sets both; without the latter the figures are only printed).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.support import attacks, bystanders
from tests.support.mlmd_server import Server
from tests.support.servers import unused_port
from tests.support.waiting import eventually

SECONDS = float(os.environ.get("KFM_ATTACK_SECONDS", "5"))
P99_SECONDS = float(os.environ.get("KFM_ATTACK_P99_SECONDS", "inf"))

# Each other client must have had this many answers while the attack was held.
ANSWERS = 5


@pytest.fixture
def victim(tmp_path):
    """Servers of this test's own: what one attack does to them is not the next one's matter."""
    attacks.allow_many_files()
    left = []

    def note_end(process):
        left.append(end(process))

    with ExitStack() as stack:
        server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}", "--grace_seconds=5")
        stack.callback(server.stop)
        stack.callback(note_end, server.process)
        grpc_port, rest, ui = server.target.rpartition(":")[2], unused_port(), unused_port()
        for command in (
            ["kubeflow_metadata.rest", f"--http_port={rest}", f"--mlmd_grpc_port={grpc_port}", "--grace_seconds=5"],
            ["kubeflow_metadata.ui", f"--port={ui}", f"--rest_url=http://127.0.0.1:{rest}", "--grace_seconds=5"],
        ):
            process = subprocess.Popen([sys.executable, "-m", *command], stderr=subprocess.DEVNULL)
            stack.callback(note_end, process)
        victim = attacks.Victim(server.target, f"http://127.0.0.1:{rest}", f"http://127.0.0.1:{ui}")
        eventually(lambda: works(victim), "the servers answer", seconds=60)
        attacks.fill(victim)
        yield victim
    assert left == [""] * 3


def end(process):
    """Ends a server; returns its command line if it outlasted its grace by far."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return " ".join(process.args)
    return ""


def clients(victim):
    return {
        "gRPC": bystanders.grpc_reader(victim.grpc),
        "gRPC health": bystanders.grpc_health(victim.grpc),
        "REST": bystanders.http_reader(f"{victim.rest}/api/v1alpha1/artifact_types"),
        "UI": bystanders.http_reader(f"{victim.ui}/metadata/api/v1alpha1/artifact_types"),
    }


def works(victim):
    try:
        for url in (victim.rest, victim.ui):
            bystanders.http_reader(f"{url}/readyz")()
    except OSError:
        return False
    return True


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("attack", attacks.ATTACKS.values(), ids=attacks.ATTACKS.keys())
def test_others_go_on_during_an_attack(victim, attack):
    with bystanders.at_work(clients(victim)) as others, attack(victim):
        before = {each.name: each.ended for each in others}
        end = time.monotonic() + SECONDS
        last = end + bystanders.PATIENCE_SECONDS
        while time.monotonic() < last:
            waiting = [each for each in others if each.ended < before[each.name] + ANSWERS]
            if time.monotonic() > end and not waiting:
                break
            time.sleep(0.1)
        answered = {each.name: each.ended - before[each.name] for each in others}
    print(  # noqa: T201 - pytest -s shows it
        f"{attack.__name__}: " + ", ".join(f"{each.name} p99 {each.p99() * 1000:.0f} ms" for each in others)
    )
    assert {name: count for name, count in answered.items() if count < ANSWERS} == {}
    assert {each.name: each.failures for each in others if each.failures} == {}
    eventually(lambda: works(victim), "the servers are well after the attack", seconds=60)
    assert [f"{each.name}: {each.p99():.2f} s" for each in others if each.p99() > P99_SECONDS] == []
