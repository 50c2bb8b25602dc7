"""The data directory: private, in the right place, honest about what it cannot read, careful with what is others'."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import processes
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.installer.local.state import DataDir
from tests.support.data_directories import contents, install, run

# Every file that an installation has, by its path in the data directory.
FILES = [
    *(f"metadata.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    "state.json",
    "state.new",
    *(f"logs/{name}.log{suffix}" for name in ("grpc", "rest", "ui") for suffix in ("", ".1", ".2", ".3")),
]
# Those in whose place something else is refused: SQLite looks after its own.
CHECKED = [name for name in FILES if not name.startswith("metadata.db-")]


def delete(data_dir):
    with data_dir.locked(lambda _: None):
        return data_dir.delete()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def data_dir(tmp_path):
    return install(tmp_path / "data")


def test_it_lies_under_the_xdg_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert DataDir().path == tmp_path / "kubeflow-metadata"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_an_empty_or_relative_xdg_data_directory_is_ignored(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_DATA_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DataDir().path == tmp_path / ".local" / "share" / "kubeflow-metadata"


def test_hints_point_at_the_same_directory(tmp_path):
    assert DataDir().options == "--local"
    assert DataDir(tmp_path / "a b").options == f"--local --data-dir '{tmp_path}/a b'"


class TestModes:
    def test_what_is_made_is_for_its_user_alone(self, data_dir):
        data_dir.remember("grpc", ServerRecord(1, 1.0, 1))
        assert {mode(data_dir.path), mode(data_dir.logs)} == {0o700}
        assert {mode(path) for path in data_dir.path.iterdir() if path.is_file()} == {0o600}

    def test_what_was_made_readable_to_others_is_made_private_again(self, data_dir):
        data_dir.database.touch(mode=0o644)
        install(data_dir.path)
        assert mode(data_dir.database) == 0o600

    def test_a_folder_that_was_there_keeps_its_mode_and_what_is_in_it(self, tmp_path):
        tmp_path.chmod(0o755)
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "metadata.db").write_text("mine, too")
        (tmp_path / "metadata.db").chmod(0o644)
        before = contents(tmp_path)
        install(tmp_path)
        assert mode(tmp_path) == 0o755
        assert {name: what for name, what in contents(tmp_path).items() if name in before} == before

    @pytest.mark.parametrize("name", ["state.json", "state.new", "logs/grpc.log", "logs/ui.log.3"])
    def test_a_file_of_somebody_else_that_has_the_name_of_one_of_ours_is_left_as_it_is(self, tmp_path, name):
        (tmp_path / "logs").mkdir()
        (tmp_path / name).write_text("{}")
        before = contents(tmp_path)
        for arguments in (["up"], ["down", "--delete-data", "--yes"]):
            run(*arguments, "--local", "--data-dir", tmp_path)
            assert {path: contents(tmp_path)[path] for path in before} == before
        done = run("up", "--local", "--data-dir", tmp_path)
        assert done.exit_code == 1
        assert f"{tmp_path / name} was not created by this program" in done.output

    def test_a_folder_that_others_write_to_is_refused_and_left_as_it_is(self, tmp_path):
        tmp_path.chmod(0o1777)
        with pytest.raises(UserError, match="Other users can write to") as caught:
            DataDir(tmp_path).create()
        assert f"--data-dir {tmp_path}/kubeflow-metadata" in caught.value.hint
        assert mode(tmp_path) == 0o1777
        assert contents(tmp_path) == {}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    @pytest.mark.parametrize("name", [".", "metadata.db", "state.json", "logs/grpc.log", ".kubeflow-metadata"])
    def test_what_belongs_to_another_user_is_refused(self, data_dir, name):
        file = data_dir.path / name
        file.touch()
        os.chown(file, 12345, 12345)
        for verb in ("up", "down"):
            done = run(verb, "--local", "--data-dir", data_dir.path)
            if verb == "up" or name in {".", "state.json", ".kubeflow-metadata"}:
                assert done.exit_code == 1
                assert "belongs to another user (uid 12345)" in done.output
                assert isinstance(done.exception, SystemExit)


class TestLinks:
    """Somebody else has prepared what is found."""

    def test_a_linked_directory_is_refused_and_the_way_to_it_is_named(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        for verb in ("up", "down", "status", "smoke"):
            done = run(verb, "--local", "--data-dir", tmp_path / "link")
            assert done.exit_code == 1, verb
            assert "is a symbolic link" in done.output
            assert f"--data-dir {tmp_path}/real" in done.output
        assert contents(tmp_path / "real") == {}

    @pytest.mark.parametrize("name", ["logs", ".kubeflow-metadata", *CHECKED])
    @pytest.mark.parametrize("kind", ["symbolic", "dangling", "hard", "folder", "pipe"])
    def test_in_the_place_of_a_file_anything_else_is_refused_and_left_as_it_is(self, tmp_path, name, kind):
        data_dir = DataDir(tmp_path / "data")
        data_dir.create()
        victim = tmp_path / "victim"
        victim.write_text("precious")
        place = data_dir.path / name
        if name == "logs":
            place.rmdir()
        if kind == "symbolic":
            place.symlink_to(victim)
        elif kind == "dangling":
            place.symlink_to(tmp_path / "not there")
        elif kind == "hard":
            os.link(victim, place)
        elif kind == "folder" and name != "logs":
            place.mkdir()
        else:
            os.mkfifo(place)
        before = contents(tmp_path)
        done = run("up", "--local", "--data-dir", data_dir.path)
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit)
        assert str(place) in done.output
        after = contents(tmp_path)
        assert {path: after[path] for path in before} == before
        assert not (tmp_path / "not there").exists()

    def test_deleting_does_not_follow_links(self, data_dir, tmp_path):
        others = tmp_path / "others"
        others.mkdir()
        for name in ("grpc.log", "rest.log"):
            (others / name).write_text("precious")
        data_dir.logs.rmdir()
        data_dir.logs.symlink_to(others)
        data_dir.database.symlink_to(others / "grpc.log")
        before = contents(others)
        assert delete(data_dir) == [str(data_dir.database)]
        assert contents(others) == before
        assert data_dir.logs.is_symlink()
        assert data_dir.database.is_symlink()


class TestDeletion:
    def test_it_takes_our_files_and_leaves_those_of_others(self, data_dir):
        for name in FILES:
            (data_dir.path / name).touch()
        (data_dir.path / "notes.txt").write_text("mine")
        (data_dir.logs / "nginx.log").write_text("mine")
        assert delete(data_dir) == []
        assert set(contents(data_dir.path)) == {"notes.txt", "logs", "logs/nginx.log"}
        (data_dir.path / "notes.txt").unlink()
        (data_dir.logs / "nginx.log").unlink()
        delete(data_dir)
        assert data_dir.path.exists()  # it is not known any more who made it

    def test_it_takes_the_directory_that_it_made(self, data_dir):
        for name in FILES:
            (data_dir.path / name).touch()
        assert delete(data_dir) == []
        assert not data_dir.path.exists()

    def test_a_database_that_was_there_before_is_kept_with_what_belongs_to_it(self, tmp_path):
        tmp_path.joinpath("metadata.db").write_text("precious")
        data_dir = install(tmp_path)
        (tmp_path / "metadata.db-wal").write_text("precious, too")
        install(tmp_path)
        done = run("down", "--local", "--data-dir", tmp_path, "--delete-data", "--yes")
        assert done.exit_code == 0
        assert f"Not deleted, because it was not created here: {data_dir.database}" in done.output
        assert set(contents(tmp_path)) == {"metadata.db", "metadata.db-wal"}

    def test_a_folder_without_an_installation_is_left_alone(self, tmp_path):
        for name in ("metadata.db", "lock", "logs.txt"):
            (tmp_path / name).write_text("mine")
        before = contents(tmp_path)
        done = run("down", "--local", "--data-dir", tmp_path, "--delete-data", "--yes", "-o", "json")
        assert json.loads(done.stdout) == {"stopped": [], "data_deleted": False, "kept": []}
        assert contents(tmp_path) == before

    def test_damaged_notes_of_what_was_made_mean_that_nothing_was(self, data_dir):
        data_dir.database.write_text("precious")
        for notes in ("", "[]", '{"made": 1}', '{"made": [1, [], "../victim", "/etc/passwd"]}', "\x00" * 100_000):
            (data_dir.path / ".kubeflow-metadata").write_text(notes)
            assert delete(data_dir) == [str(data_dir.database)]
            assert data_dir.database.read_text() == "precious"


class TestEarlierVersion:
    """The directory is one of an earlier version, which noted nothing and locked another file."""

    @pytest.fixture
    def earlier(self, tmp_path):
        data_dir = DataDir(tmp_path / "data")
        data_dir.create()
        (data_dir.path / "lock").write_text("4711")
        (data_dir.path / "state.json").write_text("{}")
        data_dir.database.write_text("data")
        for name in ("grpc.log", "rest.log", "ui.log", "ui.log.1"):
            (data_dir.logs / name).write_text("a line\n")
        for path in data_dir.path.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return DataDir(data_dir.path)

    @pytest.mark.parametrize("instance", [{}, {"instance": "abc"}])
    def test_it_is_used_as_one_of_this_version(self, earlier, instance):
        document = {"grpc": {"pid": 2**30, "started": 1.5, "port": 8080, **instance}}
        (earlier.path / "state.json").write_text(json.dumps(document))
        install(earlier.path)
        assert earlier.servers() == {"grpc": ServerRecord(2**30, 1.5, 8080, instance.get("instance", ""))}
        assert earlier.database.read_text() == "data"
        assert not (earlier.path / "lock").exists()
        assert {mode(path) for path in earlier.path.rglob("*") if path.is_file()} == {0o600}
        assert delete(earlier) == []
        assert not earlier.path.exists()

    def test_it_is_deleted_without_being_used_before(self, earlier):
        done = run("down", "--local", "--data-dir", earlier.path, "--delete-data", "--yes", "-o", "json")
        assert json.loads(done.stdout) == {"stopped": [], "data_deleted": True, "kept": []}
        assert not earlier.path.exists()

    def test_one_that_was_refused_before_is_used(self, earlier):
        lock = earlier.path / "lock"
        lock.rename(earlier.path / "away")
        with pytest.raises(UserError, match="was not created by this program"):
            install(earlier.path)
        (earlier.path / "away").rename(lock)
        install(earlier.path)
        assert not lock.exists()

    def test_servers_that_still_run_are_shown_and_stopped(self, earlier):
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            document = {"pid": process.pid, "started": processes.start_time(process.pid), "port": 8080}
            (earlier.path / "state.json").write_text(json.dumps({"rest": document}))
            shown = json.loads(run("status", "--local", "--data-dir", earlier.path, "-o", "json").stdout)
            assert {server["name"]: server["pid"] for server in shown["servers"]}["rest"] == process.pid
            done = run("down", "--local", "--data-dir", earlier.path, "-o", "json")
            assert json.loads(done.stdout)["stopped"] == ["rest"]
            process.wait(60)  # its standard input is open: it did not end by itself

    def test_a_command_of_that_version_is_waited_for(self, earlier):
        waits = threading.Event()
        said = []
        with (earlier.path / "lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

            def say(text):
                said.append(text)
                waits.set()

            def second():
                with earlier.locked(say):
                    said.append("works")

            thread = threading.Thread(target=second)
            thread.start()
            assert waits.wait(60)
            assert said == [f"Another command (pid 4711) is using {earlier.path}; waiting for it."]
        thread.join(60)
        assert said[1:] == ["works"]

    @pytest.mark.parametrize("foreign", ["no lock", "another lock", "linked lock", "no records", "other records"])
    def test_what_only_looks_like_it_is_refused_and_left_as_it_is(self, earlier, foreign):
        lock, state = earlier.path / "lock", earlier.path / "state.json"
        if foreign == "no records":
            state.unlink()
        elif foreign == "other records":
            state.write_text('{"mysql": 1}')
        else:
            lock.unlink()
        if foreign == "another lock":
            lock.write_text("held by nginx\n")
        elif foreign == "linked lock":
            lock.symlink_to("127.0.1.1:+4711")
        before = contents(earlier.path)
        for arguments in (["up"], ["down", "--delete-data", "--yes"]):
            done = run(*arguments, "--local", "--data-dir", earlier.path)
            assert isinstance(done.exception, SystemExit | None)
            assert {path: what for path, what in contents(earlier.path).items() if path in before} == before
        assert run("up", "--local", "--data-dir", earlier.path).exit_code == 1


def test_one_that_cannot_be_made_says_which_option_helps(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught:
        DataDir(tmp_path / "file" / "data").create()
    assert "--data-dir" in caught.value.hint


@pytest.mark.parametrize("path", ["~nobody-of-this-name/data", "x" * 5000])
def test_a_path_that_cannot_be_is_one_sentence(path):
    for verb in ("up", "status", "down"):
        done = run(verb, "--local", "--data-dir", path)
        assert isinstance(done.exception, SystemExit | None)
        assert "Traceback" not in done.output


def test_a_second_command_waits_for_the_first_and_says_so(data_dir):
    waits = threading.Event()
    done = []

    def second():
        with data_dir.locked(lambda _: waits.set()):
            done.append("second")

    thread = threading.Thread(target=second)
    with data_dir.locked(lambda _: pytest.fail("the first must not wait")):
        thread.start()
        assert waits.wait(60)
        done.append("first")
    thread.join(60)
    assert done == ["first", "second"]


def test_a_command_that_waited_for_a_deletion_says_that_it_is_to_be_repeated(data_dir):
    waits = threading.Event()
    problems = []

    def second():
        try:
            with data_dir.locked(lambda _: waits.set()):
                pass
        except UserError as error:
            problems.append(str(error))

    thread = threading.Thread(target=second)
    with data_dir.locked(lambda _: None):
        thread.start()
        assert waits.wait(60)
        data_dir.delete()
    thread.join(60)
    assert problems == [f"Another command deleted {data_dir.path}."]
    assert not Path(data_dir.path).exists()
