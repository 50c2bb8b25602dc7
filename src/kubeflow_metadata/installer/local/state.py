"""What is kept in the data directory: the database, the logs, and which processes run on which ports."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import files, processes, records
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.parts import SERVERS
from kubeflow_metadata.serving.log_rotation import names_of

_DATABASE = "metadata.db"
_LOGS = "logs"
_STATE = "state.json"
_DRAFT = "state.new"
# Locked by the command at work; its content says which that is, and what was made here.
_OURS = ".kubeflow-metadata"
# What earlier versions locked instead; it holds nothing but a process id.
_EARLIER_LOCK = "lock"
_PROCESS_ID = re.compile(rb"[0-9]{0,10}\s*")

# SQLite's own files come and go with the database.
_WITH_DATABASE = ("", "-wal", "-shm", "-journal")
_LOG_FILES = frozenset(name for part in SERVERS for name in names_of(f"{part.name}.log"))
# What this program makes. A dot stands for the directory itself.
_NAMES = frozenset({".", _DATABASE, _LOGS, _STATE, _DRAFT, *(f"{_LOGS}/{name}" for name in _LOG_FILES)})


class DataDir:
    """The data directory of one laptop installation.

    It may be a folder that has other things in it, too: what was there before is neither changed nor deleted, except
    that a database of that name is used. What is made here is for its user alone (modes 0700 and 0600).
    """

    def __init__(self, path: Path | None = None) -> None:
        """Uses ``kubeflow-metadata`` under the XDG data directory if no path is given.

        Raises:
            UserError: there is no such home directory.
        """
        try:
            self.path = (path or _default_path()).expanduser().absolute()
        except (RuntimeError, OSError) as error:
            raise UserError(f"{path or '~'}: {error}", hint="Use a full path: --data-dir DIR") from error
        self.database = self.path / _DATABASE
        self.logs = self.path / _LOGS
        self.state = self.path / _STATE
        self.options = "--local" if path is None else f"--local --data-dir {shlex.quote(str(path))}"
        self._ours = self.path / _OURS
        self._earlier_lock = self.path / _EARLIER_LOCK
        self._new: set[str] = set()

    def create(self) -> None:
        """Creates the directory, and that of the logs, where they are missing.

        Raises:
            UserError: they cannot be created, or are not this user's own.
        """
        for name, directory in ((".", self.path), (_LOGS, self.logs)):
            if files.make_directory(directory):
                self._new.add(name)
            files.require_own_directory(directory)

    def exists(self) -> bool:
        """Returns whether there is an installation here.

        Raises:
            UserError: the directory is not this user's own.
        """
        if not os.path.lexists(self.path):
            return False
        files.require_own_directory(self.path)
        return any(os.path.lexists(file) for file in (self._ours, self.state))

    def claim(self) -> None:
        """Notes that what is not here yet will have been made here; needs the lock.

        Raises:
            UserError: in the place of one of our files, other than the database, is one that was not made here.
        """
        made = self._made() | self._new
        for name in sorted(_NAMES - {".", _LOGS}):
            file = self.path / name
            if not files.is_there(file):
                made.add(name)
            elif name in made:
                file.chmod(0o600)
            elif name != _DATABASE:
                raise UserError(
                    f"{file} was not created by this program.",
                    hint="Move it away, or use another directory: --data-dir DIR",
                )
        self._note(made)

    def log_file(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def servers(self) -> dict[str, ServerRecord]:
        """Returns the servers that were started and not stopped, by name; in a copy, not those of the original.

        Raises:
            UserError: what is kept here is damaged, or not this user's own.
        """
        if not os.path.lexists(self.path):
            return {}
        files.require_own_directory(self.path)
        try:
            known = records.parse(files.read(self.state, records.LIMIT))
        except FileNotFoundError:
            return {}
        except ValueError as problem:
            raise UserError(
                f"Cannot use {self.state}: {problem}.",
                hint=f"Run: rm {shlex.quote(str(self.state))}   (servers that still run here then stop by themselves)",
            ) from problem
        return {name: record for name, record in known.items() if not processes.is_elsewhere(record, self.state)}

    def remember(self, component: str, record: ServerRecord | None) -> None:
        """Records that a server runs, or with None that it does not."""
        servers = {name: known for name, known in self.servers().items() if name != component}
        if record:
            servers[component] = record
        files.replace(self.state, records.written(servers), self.path / _DRAFT)

    @contextmanager
    def locked(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Lets only one ``up`` or ``down`` work here at a time; the next one waits, and ``on_wait`` is called.

        Raises:
            UserError: the directory is not this user's own, or another command deleted it.
        """
        files.require_own_directory(self.path)
        with os.fdopen(files.open_file(self._ours, os.O_RDWR | os.O_CREAT), "rb+") as lock:
            self._wait_for(lock, self._holder, on_wait)
            if not _is_still(self._ours, lock.fileno()):
                raise UserError(f"Another command deleted {self.path}.", hint="Run the same command again.")
            self._note(self._made())
            self._adopt(on_wait)
            yield

    def delete(self) -> list[str]:
        """Deletes what was made here, and the directory if nothing else is left in it; needs the lock.

        Returns:
            the paths of the installation's files that were not made here, or are no files of ours any more.
        """
        made = self._made()
        kept: list[str] = []

        def delete(name: str, directory: int, shown: str) -> None:
            if not files.delete_file(name, directory):
                kept.append(str(self.path / shown))

        with files.own_directory(self.path) as here:
            if here is None:
                return [str(self.path)]
            with files.own_directory(_LOGS, here) as logs:
                if logs is not None:
                    for name in sorted(_LOG_FILES):
                        if f"{_LOGS}/{name}" in made:
                            delete(name, logs, f"{_LOGS}/{name}")
            if _LOGS in made:
                files.delete_directory(_LOGS, here)
            for name in sorted({_STATE, _DRAFT} & made):
                delete(name, here, name)
            for suffix in _WITH_DATABASE if _DATABASE in made else ():
                delete(_DATABASE + suffix, here, _DATABASE + suffix)
            delete(_OURS, here, _OURS)
        if "." in made:
            files.delete_directory(self.path)
        if _DATABASE not in made and os.path.lexists(self.database):
            kept.append(str(self.database))
        return kept

    def _adopt(self, on_wait: Callable[[str], None]) -> None:
        """Takes over a directory of an earlier version, which did not note what it made: all of it counts as made."""
        try:
            descriptor = files.open_file(self._earlier_lock, os.O_RDWR)
        except (FileNotFoundError, UserError):
            return
        with os.fdopen(descriptor, "rb") as lock:
            # Other programs have a file of this name, too, but none of them with our records beside it.
            holder = lock.read(64)
            if not _PROCESS_ID.fullmatch(holder) or not self._has_records():
                return
            self._wait_for(lock, lambda: holder.decode().strip() or "unknown", on_wait)
            if _is_still(self._earlier_lock, lock.fileno()) and self._has_records():
                self._note(set(_NAMES))
                self._earlier_lock.unlink()

    def _has_records(self) -> bool:
        try:
            records.parse(files.read(self.state, records.LIMIT))
        except (FileNotFoundError, ValueError):
            return False
        return True

    def _wait_for(self, lock: BinaryIO, holder: Callable[[], str], on_wait: Callable[[str], None]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(f"Another command (pid {holder()}) is using {self.path}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _made(self) -> set[str]:
        made = self._notes().get("made")
        if not isinstance(made, list):
            return set()
        return {name for name in made if isinstance(name, str) and name in _NAMES}

    def _holder(self) -> str:
        pid = self._notes().get("pid")
        return str(pid) if isinstance(pid, int) else "unknown"

    def _notes(self) -> dict[str, object]:
        """Returns what is noted about this directory; damaged notes are as good as none."""
        try:
            notes = json.loads(files.read(self._ours, records.LIMIT))
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def _note(self, made: set[str]) -> None:
        """Writes in place, because the lock is on this very file."""
        content = json.dumps({"pid": os.getpid(), "made": sorted(made)}).encode()
        try:
            with os.fdopen(files.open_file(self._ours, os.O_RDWR), "rb+", buffering=0) as notes:
                notes.write(content)
                notes.truncate(len(content))
        except OSError as error:
            raise files.cannot("write", self._ours, error) from error


def _is_still(path: Path, descriptor: int) -> bool:
    """Returns whether an open file has this path."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def _default_path() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME")
    # The XDG rules say that a relative path is to be ignored.
    base = Path(data_home) if data_home and Path(data_home).is_absolute() else Path.home() / ".local" / "share"
    return base / "kubeflow-metadata"
