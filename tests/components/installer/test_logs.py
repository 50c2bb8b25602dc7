"""``logs --local``: files that are rotated, merged and shown."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.log_lines import Wanted
from kubeflow_metadata.installer.verbs.logs_local import logs_local
from tests.support.fake_cluster import FakeClock


class _OverError(Exception):
    """The test has seen what it wanted to see."""


class Meanwhile:
    """A clock at whose pauses the test writes to the log."""

    def __init__(self, *steps):
        self._steps = iter(steps)

    def sleep(self, _seconds):
        step = next(self._steps, None)
        if step is None:
            raise _OverError
        step()


@pytest.fixture
def data_dir(tmp_path):
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()
    return data_dir


def append(log, text):
    with log.open("a") as file:
        file.write(text)


def rotate(log):
    for number in (2, 1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def follow(data_dir, *steps):
    with pytest.raises(_OverError):
        logs_local(data_dir, Wanted(("rest",), follow=True), Terminal(), Meanwhile(*steps))


def test_a_log_is_followed_through_rotations(data_dir, capsys):
    log = data_dir.log_file("rest")
    append(log, "1\n")

    def rotate_once():
        append(log, "2\n")
        rotate(log)
        append(log, "3\n")

    def rotate_twice():
        for line in ("4", "5"):
            append(log, f"{line}\n")
            rotate(log)
        append(log, "6\n")

    follow(data_dir, rotate_once, rotate_twice, lambda: append(log, "7\n"))
    assert capsys.readouterr().out.split() == ["1", "2", "3", "4", "5", "6", "7"]


def test_a_line_is_printed_when_it_is_complete(data_dir, capsys):
    log = data_dir.log_file("rest")
    append(log, "one li")
    follow(data_dir, lambda: append(log, "ne"), lambda: append(log, "\nnext\n"))
    assert capsys.readouterr().out == "one line\nnext\n"


def test_a_log_that_comes_later_is_shown(data_dir, capsys):
    append(data_dir.log_file("grpc"), "x\n")
    meanwhile = Meanwhile(lambda: append(data_dir.log_file("rest"), "here\n"))
    with pytest.raises(_OverError):
        logs_local(data_dir, Wanted(follow=True), Terminal(), meanwhile)
    assert capsys.readouterr().out == "grpc | x\nrest | here\n"


def test_what_was_rotated_away_is_shown_first(data_dir, capsys):
    log = data_dir.log_file("rest")
    for line in ("1", "2", "3"):
        append(log, f"{line}\n")
        rotate(log)
    append(log, "4\n")
    logs_local(data_dir, Wanted(("rest",)), Terminal())
    assert capsys.readouterr().out.split() == ["1", "2", "3", "4"]


def test_links_in_the_place_of_logs_are_not_followed(data_dir, tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    data_dir.log_file("rest").symlink_to(tmp_path / "secret")
    done = CliRunner().invoke(main, ["logs", "--local", "--data-dir", str(data_dir.path)])
    assert done.exit_code == 1
    assert "is a symbolic link" in done.output
    assert "secret\n" not in done.output.splitlines(keepends=True)


def test_logs_of_several_servers_are_in_the_order_in_which_they_were_written(data_dir, capsys):
    append(data_dir.log_file("grpc"), f"{text_line('01', 'first')}{text_line('03', 'third')}Traceback\n")
    append(data_dir.log_file("rest"), f"{text_line('02', 'second')}{text_line('04', 'fourth')}")
    logs_local(data_dir, Wanted(), Terminal())
    shown = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["first", "second", "third", "Traceback", "fourth"]


class TenPast(FakeClock):
    def now(self):
        return datetime(2026, 12, 1, 3, 0, 10, tzinfo=timezone.utc)


def test_only_the_last_lines_or_the_newest_are_shown_where_that_is_asked_for(data_dir, capsys):
    old, new = text_line("00", "old"), text_line("09", "new")
    append(data_dir.log_file("rest"), old + new)
    logs_local(data_dir, Wanted(("rest",), lines=1, raw=True), Terminal())
    assert capsys.readouterr().out == new
    logs_local(data_dir, Wanted(("rest",), seconds=5, raw=True), Terminal(), TenPast())
    assert capsys.readouterr().out == new


def test_a_laptop_has_no_database_server(data_dir):
    append(data_dir.log_file("rest"), "x\n")
    done = CliRunner().invoke(main, ["logs", "--local", "--data-dir", str(data_dir.path), "--part", "db"])
    assert done.exit_code == 64
    assert "grpc, rest, ui" in done.output


def text_line(second, event):
    return f"2026-12-01T03:00:{second}.000000Z [info     ] {event}\n"
