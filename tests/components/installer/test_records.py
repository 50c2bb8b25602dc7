"""The records of servers: checked when they are read, and never taken for those of another directory."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import processes
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.installer.local.state import DataDir
from tests.support.data_directories import contents, install, run


@pytest.fixture
def data_dir(tmp_path):
    return install(tmp_path / "data")


class TestRecords:
    def test_they_are_remembered_and_forgotten(self, data_dir):
        record = ServerRecord(pid=1, started=2.5, port=3, instance="abc")
        data_dir.remember("grpc", record)
        data_dir.remember("rest", record)
        data_dir.remember("grpc", None)
        assert DataDir(data_dir.path).servers() == {"rest": record}

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\x00\xff\xfe",
            b"[" * 60_000,
            b" " * 70_000,
            b'{"grpc": 1}',
            b'{"grpc": {"pid": 1}}',
            b'{"mysql": {"pid": 1, "started": 1, "port": 1}}',
            *(
                f'{{"grpc": {{"pid": {pid}, "started": {started}, "port": {port}}}}}'.encode()
                for pid, started, port in (
                    ("-1", "1", "1"),
                    ("0", "1", "1"),
                    ("true", "1", "1"),
                    ("1.5", "1", "1"),
                    ('"1"', "1", "1"),
                    ("9" * 30, "1", "1"),
                    ("9" * 5000, "1", "1"),
                    ("1", "NaN", "1"),
                    ("1", "1e999", "1"),
                    ("1", "-1", "1"),
                    ("1", "null", "1"),
                    ("1", "1", "0"),
                    ("1", "1", "65536"),
                    ("1", "1", "[]"),
                    ("1", "1", '1, "x": 1'),
                    ("1", "1", '1, "instance": "\\ud800"'),
                )
            ),
        ],
    )
    def test_damaged_ones_are_one_sentence_in_every_verb(self, data_dir, content):
        (data_dir.path / "state.json").write_bytes(content)
        self.assert_one_sentence(data_dir)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.one_of(
            st.binary(max_size=200),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["grpc", "rest", "ui", "pid", "started", "port", "instance"]), inner, max_size=4
                    )
                ),
                max_leaves=12,
            ).map(lambda document: json.dumps(document).encode()),
        )
    )
    def test_whatever_is_in_them_is_records_or_a_sentence(self, data_dir, content):
        (data_dir.path / "state.json").write_bytes(content)
        try:
            known = data_dir.servers()
        except UserError as error:
            assert "state.json" in str(error)  # noqa: PT017 - or it is records, which are looked at below
            self.assert_one_sentence(data_dir)
        else:
            assert all(record.pid > 0 and 0 < record.port < 65536 for record in known.values())

    @staticmethod
    def assert_one_sentence(data_dir):
        before = contents(data_dir.path)
        for verb in ("status", "smoke", "down", "up"):
            done = run(verb, "--local", "--data-dir", data_dir.path)
            assert done.exit_code == 1, verb
            assert isinstance(done.exception, SystemExit)
            problem, hint = done.output.splitlines()
            assert problem.startswith(f"Error: Cannot use {data_dir.path / 'state.json'}: ")
            assert hint.startswith(f"Run: rm {data_dir.path / 'state.json'} ")
        after = contents(data_dir.path)
        assert set(after) == set(before)
        assert after["state.json"][1] == before["state.json"][1]


class TestCopies:
    """A data directory was copied or moved, records included, while its servers ran."""

    @pytest.fixture
    def running(self, data_dir):
        """Starts a process for the data directory, as this or an earlier version does."""
        started = []

        def start(version):
            variables = processes.tethered(data_dir.state, "rest", "abc") if version == "this" else {}
            code = "import time; time.sleep(600)"
            process = processes.start([sys.executable, "-c", code], data_dir.log_file("rest"), variables)
            started.append(process)
            instance = "abc" if variables else ""
            data_dir.remember("rest", ServerRecord(process.pid, processes.start_time(process.pid), 8080, instance))
            return process

        yield start
        for process in started:
            process.kill()
            process.wait(60)

    @staticmethod
    def pids(path):
        document = json.loads(run("status", "--local", "--data-dir", path, "-o", "json").stdout)
        return {server["name"]: server["pid"] for server in document["servers"]}

    @staticmethod
    def down(path, *options):
        done = run("down", "--local", "--data-dir", path, "-o", "json", *options)
        assert done.exit_code == 0
        return json.loads(done.stdout)["stopped"]

    @pytest.mark.parametrize("version", ["this", "earlier"])
    def test_the_servers_of_the_original_are_not_those_of_the_copy(self, data_dir, running, version):
        process = running(version)
        copy = data_dir.path.with_name("copy")
        shutil.copytree(data_dir.path, copy)
        assert self.pids(copy) == dict.fromkeys(("grpc", "rest", "ui"))
        assert "Not running: MLMD gRPC server, REST backend" in run("smoke", "--local", "--data-dir", copy).output
        assert self.down(copy) == []
        assert self.down(copy, "--delete-data", "--yes") == []
        assert not copy.exists()
        assert process.poll() is None
        assert self.pids(data_dir.path)["rest"] == process.pid
        assert self.down(data_dir.path) == ["rest"]

    @pytest.mark.parametrize("version", ["this", "earlier"])
    def test_the_servers_of_a_moved_directory_are_still_its_own(self, data_dir, running, version):
        process = running(version)
        moved = data_dir.path.rename(data_dir.path.with_name("moved"))
        assert self.pids(moved)["rest"] == process.pid
        assert self.down(moved) == ["rest"]

    def test_servers_whose_logs_were_deleted_are_still_its_own(self, data_dir, running):
        running("earlier")
        shutil.rmtree(data_dir.logs)
        assert self.down(data_dir.path) == ["rest"]
