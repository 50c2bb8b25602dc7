"""Showing the servers' logs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local.state import DataDir

_POLL_SECONDS = 0.3


def show_logs(data_dir: DataDir, names: Sequence[str], *, follow: bool) -> None:
    """Prints logs; with ``follow`` also what comes, until Ctrl-C.

    Each line is led by its server's name where several are shown.

    Raises:
        UserError: there are no logs yet.
    """
    logs = {name: data_dir.log_file(name) for name in names}
    if not any(log.exists() for log in logs.values()):
        raise UserError(f"There are no logs in {data_dir.logs}.", hint="Type: python -m installer up --local")
    offsets = dict.fromkeys(names, 0)
    while True:
        for name, log in logs.items():
            offsets[name] = _print_new(log, offsets[name], f"{name:4} | " if len(names) > 1 else "")
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _print_new(log: Path, offset: int, lead: str) -> int:
    """Prints the whole lines after ``offset``; returns where the next one begins."""
    try:
        with log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < offset:  # a new file was begun
                offset = 0
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                sys.stdout.write(lead + line.decode("utf-8", "replace"))
                offset += len(line)
    except FileNotFoundError:
        return 0
    sys.stdout.flush()
    return offset
