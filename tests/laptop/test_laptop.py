"""Laptop mode as a user meets it, on good days and on bad ones."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import psutil
import pytest

from kubeflow_metadata.parts import SERVERS
from kubeflow_metadata.serving import laptop
from tests.support.laptop import Installer
from tests.support.servers import unused_ports
from tests.support.waiting import eventually


def artifacts(endpoints):
    with urllib.request.urlopen(f"{endpoints['rest']}/api/v1alpha1/artifacts") as answer:
        return json.load(answer)["artifacts"]


def processes_of(installer):
    """The servers of an installation, known or not: they were told where its records are."""
    state = str(installer.data_dir / "state.json")
    listed = psutil.process_iter(["environ"])
    return [process for process in listed if (process.info["environ"] or {}).get(laptop.STATE) == state]


@contextmanager
def taken_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


class TestRunning:
    """What is up is used and looked at."""

    def test_up_again_is_the_same_servers_and_no_second_demo(self, running):
        pids = running.pids()
        assert running.up()["endpoints"] == running.endpoints
        assert running.pids() == pids
        names = sorted(artifact["properties"]["name"]["string_value"] for artifact in artifacts(running.endpoints))
        assert names == ["MNIST", "MNIST-evaluation", "mytable-dump"]

    def test_smoke_reports_each_check_in_words_json_and_junit(self, running, tmp_path):
        junit = tmp_path / "smoke.xml"
        done = running.run("smoke", "--junit", str(junit))
        assert done.returncode == 0
        assert "6 passed, 0 failed" in done.stdout
        suite = ET.parse(junit).getroot()
        assert suite.get("failures") == "0"
        assert len(suite) == 6
        assert running.json("smoke")["passed"] is True

    def test_servers_listen_on_loopback_only(self, running):
        for pid in running.pids().values():
            connections = psutil.Process(pid).net_connections("inet")
            listening = {c.laddr.ip.removeprefix("::ffff:") for c in connections if c.status == psutil.CONN_LISTEN}
            assert listening == {"127.0.0.1"}

    def test_its_files_are_for_their_user_alone(self, running):
        data = running.data_dir
        modes = {path.relative_to(data): stat.S_IMODE(path.lstat().st_mode) for path in data.rglob("*")}
        assert modes.pop(data.joinpath("logs").relative_to(data)) == 0o700
        assert set(modes.values()) == {0o600}
        assert {"metadata.db", "state.json", "logs/grpc.log"} <= {str(path) for path in modes}

    def test_logs_show_one_server_or_all(self, running):
        assert "serving" in running.run("logs", "grpc").stdout
        shown = running.run("logs").stdout.splitlines()
        assert {line.split("|")[0].strip() for line in shown} == {server.name for server in SERVERS}

    def test_logs_are_in_one_order_and_documents_where_that_is_asked_for(self, running):
        documents = [json.loads(line) for line in running.run("logs", "-o", "json").stdout.splitlines()]
        times = [document["time"] for document in documents]
        assert times == sorted(times)
        assert {document["event"] for document in documents} >= {"serving", "request"}
        assert len(running.run("logs", "rest", "--lines", "1").stdout.splitlines()) == 1
        assert running.run("logs", "--previous").returncode == 64

    def test_open_prints_where_the_servers_are(self, running):
        opened = running.json("open", "--no-browser", "--rest", "--grpc")
        assert opened["endpoints"] == running.endpoints

    def test_tests_can_be_chosen(self, running):
        chosen = running.json("smoke", "--test", "ui-page", "--test", "grpc-types")
        assert [check["test"] for check in chosen["checks"]] == ["grpc-types", "ui-page"]

    def test_what_only_clusters_have_says_so(self, running):
        for verb in (("credentials",), ("dashboard", "add"), ("dashboard", "remove")):
            command = [sys.executable, "-m", "installer", *verb, "--local"]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 64
            assert "Error:" in done.stderr
        assert running.json("version")["installation"]["running"] == ["grpc", "rest", "ui"]

    def test_followed_logs_show_what_comes(self, running):
        with subprocess.Popen(running.command("logs", "rest", "-f"), stdout=subprocess.PIPE, text=True) as follow:
            with urllib.request.urlopen(f"{running.endpoints['rest']}/api/v1alpha1/execution_types?marker=here"):
                pass
            assert any("execution_types" in line for line in follow.stdout)
            follow.send_signal(signal.SIGINT)

    def test_a_taken_port_that_is_asked_for_is_an_error_and_stops_nothing(self, running):
        pids = running.pids()
        with taken_port() as port:
            done = running.run("up", "--rest-port", str(port))
        assert done.returncode == 1
        assert "--rest-port" in done.stderr
        assert running.pids() == pids

    def test_a_second_installation_takes_free_ports_and_says_so(self, running, installer):
        port = running.endpoints["rest"].rpartition(":")[2]
        # The default port is taken here: by the running installation, or by who made that one take another port.
        done = installer.run("up", "-o", "json")
        assert done.returncode == 0, done.stderr
        assert "Port 8080 is in use: the REST backend uses" in done.stderr
        assert not json.loads(done.stdout)["endpoints"]["rest"].endswith(f":{port}")


class TestDown:
    def test_it_stops_all_and_keeps_the_data_until_it_is_told_to_delete_them(self, installer):
        before = artifacts(installer.up()["endpoints"])
        pids = installer.pids().values()
        assert installer.run("down").returncode == 0
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert artifacts(installer.up()["endpoints"]) == before
        assert installer.run("down", "--delete-data", "--yes").returncode == 0
        assert not installer.data_dir.exists()


class TestLostState:
    """The data directory was deleted under running servers."""

    def test_the_servers_end_by_themselves(self, installer):
        installer.up()
        assert processes_of(installer)
        shutil.rmtree(installer.data_dir)
        eventually(lambda: not processes_of(installer), "the servers end")
        assert not installer.data_dir.exists()

    def test_up_starts_afresh_on_the_same_ports(self, installer):
        ports = unused_ports()
        first = installer.up(*ports)
        before = {process.pid for process in processes_of(installer)}
        shutil.rmtree(installer.data_dir)
        assert installer.up(*ports)["endpoints"] == first["endpoints"]
        assert len(artifacts(first["endpoints"])) == 3
        assert not before & {process.pid for process in processes_of(installer)}

    def test_down_stops_what_still_runs(self, installer):
        installer.up()
        stopped = processes_of(installer)
        # They cannot look after themselves.
        for process in stopped:
            process.suspend()
        shutil.rmtree(installer.data_dir)
        for process in stopped:
            process.resume()
        done = installer.run("down")
        assert done.returncode == 0, done.stderr
        assert not processes_of(installer)
        assert not installer.data_dir.exists()


class TestEnvironment:
    """What else is set where the servers are started."""

    @pytest.fixture
    def with_environment(self, tmp_path):
        started = []

        def make(**variables):
            environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
            started.append(Installer(tmp_path / "data", {**environment, **variables}))
            return started[-1]

        yield make
        for installer in started:
            installer.run("down")

    def test_neighbours_are_not_asked_through_a_proxy(self, with_environment):
        with taken_port() as port:  # accepts connections, and never answers
            proxy = f"http://127.0.0.1:{port}"
            names = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")
            installer = with_environment(**dict.fromkeys([*names, *map(str.upper, names)], proxy))
            installer.up()
            assert installer.json("status")["running"] is True
            assert installer.json("smoke")["passed"] is True

    def test_variables_that_no_server_knows_are_warned_of_in_the_logs_alone(self, with_environment):
        unknown = [f"KFM_{name}_PROT" for name in ("MLMD", "REST", "UI")]
        installer = with_environment(**dict.fromkeys(unknown, "1"))
        done = installer.run("up", *unused_ports())
        assert done.returncode == 0, done.stderr
        assert "KFM_" not in done.stdout + done.stderr
        logs = installer.run("logs").stdout
        assert all(f"variable={name}" in logs for name in unknown)

    def test_the_database_of_another_installation_is_not_used(self, with_environment):
        installer = with_environment(KFM_MLMD_MYSQL_CONFIG_HOST="db.example", KFM_MLMD_MYSQL_CONFIG_DATABASE="metadb")
        installer.up()
        assert installer.json("smoke")["passed"] is True

    def test_the_grpc_server_may_have_workers(self, with_environment):
        installer = with_environment(KFM_MLMD_WORKER_PROCESSES="2")
        installer.up()
        server = psutil.Process(installer.pids()["grpc"])
        assert len(server.children()) == 2
        assert installer.json("smoke")["passed"] is True
        shutil.rmtree(installer.data_dir)
        eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, "the server ends")


class TestBadDays:
    def test_killed_servers_are_named_and_brought_back(self, installer):
        # Ports of its own: others that start meanwhile look for free ones from the usual ports on.
        ports = unused_ports()
        first = installer.up(*ports)
        for name in (server.name for server in SERVERS):
            os.kill(installer.pids()[name], signal.SIGKILL)
            assert installer.run("status").returncode == 1
            states = {server["name"]: server["state"] for server in installer.json("status")["servers"]}
            assert states[name] == "dead"
        smoke = installer.run("smoke")
        assert smoke.returncode == 1
        assert "0 passed, 6 failed" in smoke.stdout
        assert "Traceback" not in smoke.stdout + smoke.stderr
        assert installer.up(*ports) == first
        assert len(artifacts(first["endpoints"])) == 3

    def test_asking_for_another_port_moves_the_server_and_those_that_need_it(self, installer):
        installer.up()
        with taken_port() as port:
            pass
        moved = installer.up("--grpc-port", str(port))
        assert moved["endpoints"]["grpc"] == f"127.0.0.1:{port}"

    def test_two_ups_at_once_end_with_one_set_of_servers(self, installer):
        both = [
            subprocess.Popen(installer.command("up", "-o", "json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        documents = [json.loads(process.communicate()[0]) for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert documents[0] == documents[1]
        assert len(artifacts(documents[0]["endpoints"])) == 3

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("step", ["MLMD gRPC server", "REST backend", "Demo"])
    def test_an_interrupted_up_leaves_nothing_running(self, installer, how, step):
        with subprocess.Popen(installer.command("up"), stderr=subprocess.PIPE, text=True) as up:
            for line in up.stderr:
                if step in line:
                    up.send_signal(how)
                    break
            assert "Traceback" not in up.stderr.read()
        assert up.returncode == 130
        assert {server["state"] for server in installer.json("status")["servers"]} == {"stopped"}
        assert not processes_of(installer)

    def test_a_file_that_is_no_database_is_shown_with_the_log(self, installer):
        installer.data_dir.mkdir()
        (installer.data_dir / "metadata.db").write_text("these are notes, not a database\n" * 20)
        done = installer.run("up")
        assert done.returncode == 1
        assert "not a SQLite database" in done.stderr
        assert "grpc.log" in done.stderr
        assert (installer.data_dir / "metadata.db").read_text().startswith("these are notes")

    def test_a_database_of_a_newer_version_is_refused_in_clear_words(self, installer):
        installer.data_dir.mkdir()
        with sqlite3.connect(installer.data_dir / "metadata.db") as connection:
            connection.execute("CREATE TABLE MLMDEnv AS SELECT 11 AS schema_version")
        connection.close()
        done = installer.run("up")
        assert done.returncode == 1
        assert "schema version 11" in done.stderr
        assert {server["state"] for server in installer.json("status")["servers"]} == {"stopped"}
