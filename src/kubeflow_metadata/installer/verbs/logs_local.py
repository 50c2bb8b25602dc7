"""``logs --local``."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local import files
from kubeflow_metadata.installer.local.servers import SERVERS
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.serving.log_rotation import names_of

_POLL_SECONDS = 0.3


def logs_local(data_dir: DataDir, server: str | None, *, follow: bool, clock: Clock = SYSTEM_CLOCK) -> None:
    """Prints the log of one server, or of all; with ``follow`` also what is written later, until Ctrl-C.

    Each line is led by its server's name where several are shown.

    Raises:
        UserError: there are no logs yet, or they are not this user's own files.
    """
    names = [server] if server else [each.name for each in SERVERS]
    logs = [_Log(data_dir.log_file(name), f"{name:4} | " if len(names) > 1 else "") for name in names]
    if os.path.lexists(data_dir.logs):
        files.require_own_directory(data_dir.path)
        files.require_own_directory(data_dir.logs)
    if not any(log.exists() for log in logs):
        hint = f"To start the servers, run: {program.command('up')} {data_dir.options}"
        raise UserError(f"There are no logs in {data_dir.logs}.", hint=hint)
    with ExitStack() as stack:
        for log in logs:
            stack.callback(log.close)
        while True:
            for log in logs:
                log.print_new()
            sys.stdout.flush()
            if not follow:
                return
            clock.sleep(_POLL_SECONDS)


class _Log:
    """A log, from its oldest file on; it is followed into the next file where it is rotated meanwhile."""

    def __init__(self, log: Path, lead: str) -> None:
        self._newest_first = [log.with_name(name) for name in names_of(log.name)]
        self._lead = lead
        self._file: BinaryIO | None = None
        self._beginning = b""  # of a line that is not complete yet

    def exists(self) -> bool:
        return any(files.is_there(file) for file in self._newest_first)

    def print_new(self) -> None:
        """Prints the complete lines that were not printed yet."""
        while True:
            following = self._next()
            # Read after looking for the next file, so that nothing is missed that was written before there was one.
            if self._file:
                self._print(self._file)
            if not following:
                return
            self.close()
            self._file = following

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _print(self, file: BinaryIO) -> None:
        for line in file:
            text = self._beginning + line
            self._beginning = b""
            if not text.endswith(b"\n"):
                self._beginning = text
                return
            sys.stdout.write(self._lead + text.decode("utf-8", "replace"))

    def _next(self) -> BinaryIO | None:
        """Opens the file that was begun after the present one; the oldest where there is none or it is gone."""
        newer: BinaryIO | None = None
        for path in self._newest_first:
            try:
                file: BinaryIO = os.fdopen(files.open_file(path, os.O_RDONLY), "rb")
            except FileNotFoundError:
                continue
            if self._file and os.path.samestat(os.fstat(file.fileno()), os.fstat(self._file.fileno())):
                file.close()
                return newer
            if newer:
                newer.close()
            newer = file
        return newer
