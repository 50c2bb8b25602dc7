"""``logs --local`` on files that are rotated, and what ``logs`` says of a cluster."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.verbs.logs_local import logs_local


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
        logs_local(data_dir, "rest", follow=True, clock=Meanwhile(*steps))


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
    with pytest.raises(_OverError):
        logs_local(data_dir, None, follow=True, clock=Meanwhile(lambda: append(data_dir.log_file("rest"), "here\n")))
    assert capsys.readouterr().out == "grpc | x\nrest | here\n"


def test_what_was_rotated_away_is_shown_first(data_dir, capsys):
    log = data_dir.log_file("rest")
    for line in ("1", "2", "3"):
        append(log, f"{line}\n")
        rotate(log)
    append(log, "4\n")
    logs_local(data_dir, "rest", follow=False)
    assert capsys.readouterr().out.split() == ["1", "2", "3", "4"]


def test_links_in_the_place_of_logs_are_not_followed(data_dir, tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    data_dir.log_file("rest").symlink_to(tmp_path / "secret")
    done = CliRunner().invoke(main, ["logs", "--local", "--data-dir", str(data_dir.path)])
    assert done.exit_code == 1
    assert "is a symbolic link" in done.output
    assert "secret\n" not in done.output.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], "kubectl -n kubeflow logs -l metadata.kubeflow.org/part --prefix"),
        (["-n", "team-a"], "kubectl -n team-a logs -l metadata.kubeflow.org/part --prefix"),
        (
            ["rest", "--context", "my cluster", "-n", "team-a"],
            "kubectl --context 'my cluster' -n team-a logs -l metadata.kubeflow.org/part=rest --prefix",
        ),
    ],
)
def test_on_a_cluster_the_command_has_the_namespace_and_context_in_use(arguments, command):
    done = CliRunner().invoke(main, ["logs", *arguments])
    assert done.exit_code == 1
    assert f"Run: {command} " in done.output
