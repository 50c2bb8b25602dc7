"""Processes and ports: telling ours from others', and never stopping another program."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys

import psutil
import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import lifecycle, processes, starting
from kubeflow_metadata.installer.local.ports import HOST, is_free, next_free
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.installer.local.servers import Server
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.parts import GRPC


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(listener):
    assert not is_free(listener)
    assert next_free(listener, ()) > listener


def test_a_promised_port_is_passed_over():
    first = next_free(20000, ())
    assert next_free(20000, {first}) != first


def test_running_out_of_ports_is_an_error():
    with pytest.raises(UserError):
        next_free(65530, range(65530, 65536))


def test_a_started_process_outlives_its_group_writes_its_log_and_stops(tmp_path):
    log = tmp_path / "x.log"
    script = "import os, sys; print('hello', os.getsid(0) == os.getpid(), flush=True); sys.stdin.read(); input()"
    process = processes.start([sys.executable, "-c", script], log)
    record = ServerRecord(process.pid, processes.start_time(process.pid), 1)
    process.wait(60)  # its standard input is empty, so that input() ends it
    assert not processes.is_running(record)
    assert "hello True" in processes.log_tail(log)


def test_what_a_server_writes_is_for_its_user_alone(tmp_path):
    script = "import pathlib; pathlib.Path('made').touch(); pathlib.Path('folder').mkdir()"
    processes.start([sys.executable, "-c", script], tmp_path / "x.log").wait(60)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {"x.log": 0o600, "made": 0o600, "folder": 0o700}


def test_a_server_whose_worker_listens_is_one_that_listens():
    worker = f"import socket; s = socket.create_server(('{HOST}', 0)); print(s.getsockname()[1], flush=True); input()"
    server = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(process.stdout.readline())
        record = ServerRecord(process.pid, processes.start_time(process.pid), port)
        assert processes.listens(record)
        assert not processes.listens(ServerRecord(record.pid, record.started, port % 65535 + 1))
        process.communicate("\n")
    assert not processes.listens(record)


def test_servers_that_are_not_on_record_are_known_by_their_directory(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    variables = processes.tethered(tmp_path / "data" / "state.json", "grpc", "abc")
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        known = list(processes.started_for(tmp_path / "link" / "data" / "state.json"))
        assert [(name, each.pid) for name, each in known] == [("grpc", process.pid)]
        assert list(processes.started_for(tmp_path / "other" / "state.json")) == []
        process.communicate(b"\n")


def test_a_process_that_ignores_sigterm_is_killed():
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        record = ServerRecord(process.pid, processes.start_time(process.pid), 1)
        assert processes.is_running(record)
        processes.stop(record, grace_seconds=0.1)
        assert not processes.is_running(record)


def test_another_program_with_the_same_pid_is_neither_ours_nor_stopped():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        record = ServerRecord(process.pid, processes.start_time(process.pid) - 3600, 1)
        assert not processes.is_running(record)
        processes.stop(record)
        assert psutil.pid_exists(process.pid)
        process.communicate(b"\n")


def test_the_tail_of_a_log_is_of_this_start_only(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("old\n")
    offset = log.stat().st_size
    log.write_text("old\n" + "".join(f"{number}\n" for number in range(100)))
    tail = processes.log_tail(log, offset)
    assert tail.endswith("98\n99")
    assert "old" not in tail


def test_a_port_that_another_program_had_for_a_moment_is_replaced(tmp_path, monkeypatch):
    script = """
import socket, sys, time
port, refused = map(int, sys.argv[1:])
if port == refused:
    sys.exit(f"Error: Cannot listen on 127.0.0.1:{port}: the port is in use.")
with socket.create_server(("127.0.0.1", port)):
    time.sleep(60)
"""
    first = next_free(20000, ())
    server = Server(
        GRPC, lambda ports, _: [sys.executable, "-c", script, str(ports["grpc"]), str(first)], lambda _port: True
    )
    made, start = [], processes.start

    def start_and_note(*arguments):
        made.append(start(*arguments))
        return made[-1]

    monkeypatch.setattr(processes, "start", start_and_note)
    monkeypatch.setattr(starting, "SERVERS", (server,))
    monkeypatch.setattr(starting, "next_free", lambda _wanted, taken: next_free(20000, taken))
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()
    with data_dir.locked(lambda _note: None):
        data_dir.claim()
        ports = starting.start_servers(data_dir, {"grpc": None}, Terminal())
        lifecycle.stop_server("grpc", data_dir)
    for process in made:
        process.wait(60)

    assert ports["grpc"] != first
    assert len(made) == 2
