"""``logs --local``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local import files
from kubeflow_metadata.installer.local.servers import SERVERS
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.log_lines import Style, Wanted, is_older, parse, shown
from kubeflow_metadata.serving.log_rotation import names_of

_POLL_SECONDS = 0.3


@dataclass(frozen=True)
class _Line:
    """A line, and when it was written; one that does not tell was written with the one before it."""

    time: str
    name: str
    text: str


def logs_local(data_dir: DataDir, wanted: Wanted, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Prints the logs of servers; with ``follow`` also what is written later, until Ctrl-C.

    Each line is led by its server's name where several are shown.

    Raises:
        UserError: there are no logs yet, or they are not this user's own files.
    """
    names = wanted.parts or tuple(each.name for each in SERVERS)
    style = Style(terminal.as_json, wanted.raw, several=len(names) > 1)
    logs = [_Log(name, data_dir.log_file(name)) for name in names]
    if os.path.lexists(data_dir.logs):
        files.require_own_directory(data_dir.path)
        files.require_own_directory(data_dir.logs)
    if not any(log.exists() for log in logs):
        hint = f"To start the servers, run: {program.command('up')} {data_dir.options}"
        raise UserError(f"There are no logs in {data_dir.logs}.", hint=hint)
    with ExitStack() as stack:
        for log in logs:
            stack.callback(log.close)
        _print((line for log in logs for line in _wanted(log.new(), wanted, clock)), style)
        while wanted.follow:
            clock.sleep(_POLL_SECONDS)
            _print((line for log in logs for line in log.new()), style)


def _wanted(lines: Iterable[_Line], wanted: Wanted, clock: Clock) -> list[_Line]:
    if wanted.seconds is not None:
        now = clock.now()
        lines = [line for line in lines if not is_older(line.time, wanted.seconds, now)]
    listed = list(lines)
    return listed[-wanted.lines :] if wanted.lines else listed


def _print(lines: Iterable[_Line], style: Style) -> None:
    """Prints lines in the order in which they were written."""
    for line in sorted(lines, key=lambda line: line.time):
        sys.stdout.write(shown(line.name, "", line.time, line.text, style) + "\n")
    sys.stdout.flush()


class _Log:
    """A log, from its oldest file on; it is followed into the next file where it is rotated meanwhile."""

    def __init__(self, name: str, log: Path) -> None:
        self._name = name
        self._newest_first = [log.with_name(each) for each in names_of(log.name)]
        self._file: BinaryIO | None = None
        self._beginning = b""  # of a line that is not complete yet
        self._time = ""

    def exists(self) -> bool:
        return any(files.is_there(file) for file in self._newest_first)

    def new(self) -> Iterator[_Line]:
        """Yields the complete lines that were not yielded yet."""
        while True:
            following = self._next()
            # Read after looking for the next file, so that nothing is missed that was written before there was one.
            if self._file:
                yield from self._read(self._file)
            if not following:
                return
            self.close()
            self._file = following

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _read(self, file: BinaryIO) -> Iterator[_Line]:
        for line in file:
            whole = self._beginning + line
            self._beginning = b""
            if not whole.endswith(b"\n"):
                self._beginning = whole
                return
            text = whole.decode("utf-8", "replace").removesuffix("\n")
            self._time = parse(text).time or self._time
            yield _Line(self._time, self._name, text)

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
