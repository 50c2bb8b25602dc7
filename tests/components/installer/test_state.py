"""The data directory: private, in the right place, honest about what it cannot read."""

from __future__ import annotations

import stat
import threading

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local.state import DataDir, ServerRecord


@pytest.fixture
def data_dir(tmp_path):
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()
    return data_dir


def test_it_lies_under_the_xdg_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert DataDir().path == tmp_path / "kubeflow-metadata"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_an_empty_or_relative_xdg_data_directory_is_ignored(monkeypatch, tmp_path, value):
    monkeypatch.setenv("XDG_DATA_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DataDir().path == tmp_path / ".local" / "share" / "kubeflow-metadata"


def test_only_its_owner_may_enter(data_dir):
    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700
    data_dir.path.chmod(0o755)
    data_dir.create()
    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700


def test_one_that_cannot_be_made_says_which_option_helps(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught:
        DataDir(tmp_path / "file" / "data").create()
    assert "--data-dir" in caught.value.hint


def test_records_are_remembered_and_forgotten(data_dir):
    record = ServerRecord(pid=1, started=2.5, port=3)
    data_dir.remember("grpc", record)
    data_dir.remember("rest", record)
    data_dir.remember("grpc", None)
    assert DataDir(data_dir.path).servers() == {"rest": record}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"grpc": 1}', '{"grpc": {"pid": 1}}'])
def test_a_broken_state_file_is_an_error_that_names_it(data_dir, text):
    (data_dir.path / "state.json").write_text(text)
    with pytest.raises(UserError, match=r"state\.json"):
        data_dir.servers()


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


def test_deleting_takes_our_files_and_leaves_those_of_others(data_dir):
    for name in ("metadata.db", "metadata.db-wal", "state.json", "logs/grpc.log"):
        (data_dir.path / name).touch()
    (data_dir.path / "notes.txt").write_text("mine")
    data_dir.delete()
    assert [left.name for left in data_dir.path.iterdir()] == ["notes.txt"]
    (data_dir.path / "notes.txt").unlink()
    data_dir.delete()
    assert not data_dir.path.exists()
