"""Several worker processes on one port: Python runs one thread at a time, so each core needs its own process.

The first process only supervises: it starts the workers, replaces one that dies, and adds up their metrics.
Each worker is the same command with ``WORKER`` in its environment; it ends by itself when its supervisor is gone.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from kubeflow_metadata.serving import ending

# The port that a worker listens on, whatever its flags say.
WORKER = "KFM_MLMD_WORKER_PORT"

# Where prometheus_client keeps what the workers have counted.
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"

READY = "ready"

# A worker that dies sooner than this is started again after growing waits.
_SHORT_LIFE_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 10.0

# A worker that outlasts its grace by this is killed.
_KILL_AFTER_SECONDS = 5.0

log = structlog.get_logger("kubeflow_metadata.mlmd")


@dataclass
class _Worker:
    process: subprocess.Popen[str]
    started: float
    ready: bool = False


class Supervisor:
    """Keeps a number of workers running until it is told to stop."""

    def __init__(self, count: int, port: int, metrics_dir: Path, mark_dead: Callable[[int], None]) -> None:
        self._count = count
        self._port = port
        self._metrics_dir = metrics_dir
        self._mark_dead = mark_dead
        self._events: queue.SimpleQueue[tuple[str, _Worker | None]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._short_lives = 0

    def run(self, grace_seconds: float, on_ready: Callable[[], None]) -> int:
        """Runs until SIGTERM or SIGINT, or until a worker's exit code says that it can never work."""
        ending.when_told_to_stop(lambda: self._events.put(("stop", None)))
        for _ in range(self._count):
            self._start()
        told = False
        while True:
            event, worker = self._events.get()
            if event == "stop":
                return self._stop(grace_seconds, 0)
            if event == "start":
                self._start()
            elif worker is not None and event == READY:
                worker.ready = True
                if not told and sum(one.ready for one in self._workers) == self._count:
                    told = True
                    on_ready()
            elif worker is not None:
                self._workers.remove(worker)
                self._mark_dead(worker.process.pid)
                code = worker.process.returncode
                if code > 0 and code != ending.RESTART:
                    return self._stop(grace_seconds, code)
                log.warning("a worker died; starting another", pid=worker.process.pid, exit_code=code)
                self._start_later(worker)

    def _start_later(self, died: _Worker) -> None:
        short = time.monotonic() - died.started < _SHORT_LIFE_SECONDS
        self._short_lives = self._short_lives + 1 if short else 0
        wait = min(_LONGEST_WAIT_SECONDS, 0.1 * 2.0**self._short_lives) if self._short_lives > self._count else 0.0
        timer = threading.Timer(wait, lambda: self._events.put(("start", None)))
        timer.daemon = True
        timer.start()

    def _start(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "kubeflow_metadata.mlmd", *sys.argv[1:]],
            env={**os.environ, WORKER: str(self._port), METRICS_DIR: str(self._metrics_dir)},
            stdin=subprocess.PIPE,  # never written to: end of file tells the worker that its supervisor is gone
            stdout=subprocess.PIPE,
            text=True,
        )
        worker = _Worker(process, time.monotonic())
        self._workers.append(worker)
        threading.Thread(target=self._follow, args=(worker,), daemon=True).start()

    def _follow(self, worker: _Worker) -> None:
        for line in worker.process.stdout or ():
            if line.strip() == READY:
                self._events.put((READY, worker))
        worker.process.wait()
        self._events.put(("died", worker))

    def _stop(self, grace_seconds: float, code: int) -> int:
        ending.surely_within(grace_seconds + _KILL_AFTER_SECONDS + ending.MARGIN_SECONDS, code)
        for worker in self._workers:
            worker.process.terminate()
        end = time.monotonic() + grace_seconds + _KILL_AFTER_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        return code


def reserve_port(host: str, port: int) -> socket.socket:
    """Returns a socket that holds a port for the workers without listening on it; port 0 takes a free one.

    Raises:
        OSError: the port is taken, also by workers of another server, or the address is not of this machine.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = addresses[0]
    # Without SO_REUSEPORT: with it, the bind would succeed even beside another server's sockets.
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        trial.listen(1)
        port = trial.getsockname()[1]
    holder = socket.socket(family)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((address[0], port, *address[2:]))
    return holder


def worker_port() -> int | None:
    """Returns the port to listen on if this process is a worker."""
    value = os.environ.get(WORKER)
    return int(value) if value else None


def tell_supervisor_ready() -> None:
    print(READY, flush=True)  # noqa: T201 - a pipe to the supervisor


def when_supervisor_is_gone(stop: Callable[[], None], pipe: IO[str] = sys.stdin) -> None:
    """Calls ``stop`` when the supervisor has exited, for whatever reason."""

    def wait() -> None:
        pipe.read()
        stop()

    threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()


def metrics_directory() -> tempfile.TemporaryDirectory[str]:
    """Returns a folder for the workers' metrics, which are useless once the workers have exited."""
    return tempfile.TemporaryDirectory(prefix="kfm-mlmd-metrics-")
