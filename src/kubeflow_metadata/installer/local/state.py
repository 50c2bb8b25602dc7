"""What is kept in the data directory: the database, the logs, and which processes run on which ports."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kubeflow_metadata.errors import UserError


@dataclass(frozen=True)
class ServerRecord:
    """A server process that was started.

    Attributes:
        pid: its process id.
        started: when the process began, in seconds since the epoch as the system tells it; with the pid it names the
            process for ever, while a pid alone may be another program's tomorrow.
        port: where it listens on 127.0.0.1.
    """

    pid: int
    started: float
    port: int


class DataDir:
    """The data directory of one laptop installation; private to its user (mode 0700)."""

    def __init__(self, path: Path | None = None) -> None:
        """Uses ``kubeflow-metadata`` under the XDG data directory if no path is given."""
        self.path = (path or _default_path()).expanduser().absolute()
        self.database = self.path / "metadata.db"
        self.logs = self.path / "logs"
        self._state = self.path / "state.json"
        self._lock = self.path / "lock"

    def create(self) -> None:
        """Creates the directory.

        Raises:
            UserError: it cannot be created or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise UserError(
                f"Cannot write to the data directory {self.path}: {error.strerror}.",
                hint="Name another one with --data-dir DIR.",
            ) from error

    def log_file(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def servers(self) -> dict[str, ServerRecord]:
        """Returns the servers that were started and not stopped, by name."""
        try:
            records = json.loads(self._state.read_text(encoding="utf-8"))
            return {name: ServerRecord(**record) for name, record in records.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(
                f"Cannot read {self._state}: {error}.",
                hint=f"If servers are still running, stop them manually; then delete {self._state}.",
            ) from error

    def remember(self, component: str, record: ServerRecord | None) -> None:
        """Records that a server runs, or with None that it does not."""
        servers = {name: asdict(known) for name, known in self.servers().items() if name != component}
        if record:
            servers[component] = asdict(record)
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(servers, indent=2), encoding="utf-8")
        draft.replace(self._state)

    @contextmanager
    def locked(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Lets only one ``up`` or ``down`` work here at a time; the next one waits, and ``on_wait`` is called."""
        with self._lock.open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait(f"Another command (pid {_holder(lock.name)}) is using {self.path}; waiting for it.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def delete(self) -> None:
        """Deletes what this program put here, and the directory if nothing else is left in it."""
        for log in self.logs.glob("*.log*"):
            log.unlink()
        for name in ("metadata.db", "metadata.db-wal", "metadata.db-shm", "state.json", "lock"):
            (self.path / name).unlink(missing_ok=True)
        for directory in (self.logs, self.path):
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()


def _default_path() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME")
    # The XDG rules say that a relative path is to be ignored.
    base = Path(data_home) if data_home and Path(data_home).is_absolute() else Path.home() / ".local" / "share"
    return base / "kubeflow-metadata"


def _holder(lock: str) -> str:
    return Path(lock).read_text(encoding="utf-8").strip() or "unknown"
