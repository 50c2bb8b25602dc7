"""``logs --local``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local.servers import SERVERS
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

_POLL_SECONDS = 0.3


def logs_local(data_dir: DataDir, server: str | None, *, follow: bool, clock: Clock = SYSTEM_CLOCK) -> None:
    """Prints the log of one server, or of all; with ``follow`` also what is written later, until Ctrl-C.

    Each line is led by its server's name where several are shown.

    Raises:
        UserError: there are no logs yet.
    """
    names = [server] if server else [each.name for each in SERVERS]
    logs = {name: data_dir.log_file(name) for name in names}
    if not any(log.exists() for log in logs.values()):
        hint = f"To start the servers, run: {program.command('up --local')}"
        raise UserError(f"There are no logs in {data_dir.logs}.", hint=hint)
    offsets = dict.fromkeys(names, 0)
    while True:
        for name, log in logs.items():
            offsets[name] = _print_new(log, offsets[name], f"{name:4} | " if len(names) > 1 else "")
        if not follow:
            return
        clock.sleep(_POLL_SECONDS)


def _print_new(log: Path, offset: int, lead: str) -> int:
    """Prints the complete lines after ``offset``; returns where the next one begins."""
    try:
        with log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < offset:  # the log was rotated
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
