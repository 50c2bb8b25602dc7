"""The log of a server is bounded while it runs."""

from __future__ import annotations

import stat
import subprocess
import sys

from kubeflow_metadata.serving.log_rotation import KEPT, names_of

# Writes numbered lines to standard error, and looks at its log after each.
WRITER = """
import sys
from pathlib import Path
from kubeflow_metadata.serving.log_rotation import LogRotation
rotation = LogRotation(Path(sys.argv[1]), limit=1000)
for number in range(int(sys.argv[2])):
    sys.stderr.write(f"{sys.argv[3]} {number:08}\\n")
    sys.stderr.flush()
    rotation.look()
"""


def write(log, lines, name="x"):
    """Starts a process that writes, with standard output and error as a server's."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(log), str(lines), name], stdout=output, stderr=output, umask=0o077
        )


def files(folder):
    return sorted(each.name for each in folder.iterdir())


def test_it_keeps_a_few_files_of_bounded_size_and_loses_nothing_in_between(tmp_path):
    log = tmp_path / "x.log"
    assert write(log, 1000).wait(120) == 0
    assert files(tmp_path) == sorted(names_of("x.log"))
    sizes = [(tmp_path / name).stat().st_size for name in names_of("x.log")]
    assert all(size < 1100 for size in sizes)
    kept = "".join((tmp_path / name).read_text() for name in reversed(names_of("x.log"))).splitlines()
    assert kept == [f"x {number:08}" for number in range(1000 - len(kept), 1000)]
    assert len(kept) > KEPT * 50


def test_new_files_are_for_their_user_alone(tmp_path):
    write(tmp_path / "x.log", 200).wait(120)
    assert stat.S_IMODE((tmp_path / "x.log").stat().st_mode) == 0o600


def test_several_writers_share_one_log(tmp_path):
    log = tmp_path / "x.log"
    writers = [write(log, 2000, name) for name in ("a", "b", "c")]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert files(tmp_path) == sorted(names_of("x.log"))
    lines = "".join((tmp_path / name).read_text() for name in names_of("x.log")).splitlines()
    assert all(len(line) == 10 and line[0] in "abc" for line in lines)


def test_a_deleted_directory_is_left_alone(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    script = WRITER.replace("for number", "import shutil; shutil.rmtree(Path(sys.argv[1]).parent)\nfor number")
    with (folder / "x.log").open("ab") as output:
        command = [sys.executable, "-c", script, str(folder / "x.log"), "300", "x"]
        assert subprocess.run(command, stderr=output).returncode == 0
    assert not folder.exists()


def test_standard_error_that_is_something_else_is_left_alone(tmp_path):
    (tmp_path / "x.log").touch()
    command = [sys.executable, "-c", WRITER, str(tmp_path / "x.log"), "300", "x"]
    done = subprocess.run(command, stderr=subprocess.PIPE)
    assert len(done.stderr.splitlines()) == 300
    assert (tmp_path / "x.log").stat().st_size == 0
