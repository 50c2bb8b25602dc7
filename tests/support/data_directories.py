"""Data directories of laptop installations, without any server."""

from __future__ import annotations

import stat
from pathlib import Path

from click.testing import CliRunner, Result

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.local.state import DataDir


def install(path: Path) -> DataDir:
    """What ``up`` does to a directory before it starts servers."""
    data_dir = DataDir(path)
    data_dir.create()
    with data_dir.locked(lambda _: None):
        data_dir.claim()
    return data_dir


def contents(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every path below a folder, with its mode and content; links are not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
        found[str(path.relative_to(folder))] = (status.st_mode, content)
    return found


def run(*arguments: object) -> Result:
    """The installer's command line, in this process."""
    return CliRunner().invoke(main, [str(each) for each in arguments])
