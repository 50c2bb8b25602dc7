"""Servers of this project as processes: one, or all those of a laptop installation."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubeflow_metadata.parts import SERVERS


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port


@contextmanager
def answering(content: bytes) -> Iterator[int]:
    """A server that answers whatever it is asked with these bytes; gives its port."""

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(content)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def running_server(module: str, *flags: str, probe: str) -> Iterator[None]:
    """A server as a process of its own; entered once it answers at ``probe``."""
    process = subprocess.Popen([sys.executable, "-m", module, *flags], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(probe):
            assert process.poll() is None, f"{module} ended before it answered"
            assert time.monotonic() < deadline, f"{module} did not respond within a minute"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10):
            return True
    except (urllib.error.URLError, TimeoutError):
        return False


@dataclass(frozen=True)
class Stack:
    """The running servers of one laptop installation, with the demo logged."""

    rest_url: str
    grpc_target: str
    ui_url: str
    data_dir: Path

    @contextmanager
    def grpc_web(self, origins: str = "") -> Iterator[str]:
        """Serves the store to browsers from pages of these origins; gives the address."""
        port = unused_port()
        flags = [
            "--http_port=0",
            f"--grpc_web_port={port}",
            f"--allowed_origins={origins}",
            f"--mlmd_grpc_port={self.grpc_target.rpartition(':')[2]}",
        ]
        url = f"http://127.0.0.1:{port}"
        with running_server("kubeflow_metadata.rest", *flags, probe=f"{url}/readyz"):
            yield url

    @contextmanager
    def grpc_web_passed_on(self) -> Iterator[str]:
        """A UI server that passes grpc-web on, as the pages of upstream had it; gives the address."""
        port = unused_port()
        url = f"http://127.0.0.1:{port}"
        with self.grpc_web() as behind:
            flags = [f"--port={port}", f"--rest_url={self.rest_url}", f"--grpc_web_url={behind}"]
            with running_server("kubeflow_metadata.ui", *flags, probe=f"{url}/readyz"):
                yield url


def unused_ports() -> list[str]:
    """The options of ``up --local`` for ports that nobody has: other tests may use the default ones."""
    return [word for server in SERVERS for word in (f"--{server.name}-port", str(unused_port()))]


@contextmanager
def running_stack(data_dir: Path) -> Iterator[Stack]:
    """All servers on free ports over a database of their own."""
    installer = [sys.executable, "-m", "installer"]
    where = ["--local", "--data-dir", str(data_dir)]
    up = subprocess.run([*installer, "up", *where, *unused_ports(), "-o", "json"], capture_output=True, text=True)
    assert up.returncode == 0, up.stderr
    endpoints = json.loads(up.stdout)["endpoints"]
    yield Stack(endpoints["rest"], endpoints["grpc"], endpoints["ui"], data_dir)
    subprocess.run([*installer, "down", *where], check=True, capture_output=True)
