"""Our HTTP servers as processes: where they listen, what they log, and how much memory they took."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import unused_port
from tests.support.waiting import eventually


@dataclass(frozen=True)
class HttpProcess:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    log_file: Path

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log; one that is no JSON is its ``raw`` text."""
        return [_parsed(line) for line in self.log_file.read_text(errors="replace").splitlines()]

    def peak_bytes(self) -> int:
        """The most memory that it has had so far."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the system does not tell")


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"raw": line}


@contextmanager
def http_process(module: str, folder: Path, *flags: str) -> Iterator[HttpProcess]:
    """A server until the block ends; entered once it listens."""
    log_file = folder / f"{module.rpartition('.')[2]}-{unused_port()}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", module, "--log_format=json", *flags], stderr=log)
    running = HttpProcess("", process, log_file)

    def url() -> str | None:
        assert process.poll() is None, log_file.read_text()
        return next((str(line["url"]) for line in running.log() if line.get("event") == "serving"), None)

    try:
        yield HttpProcess(eventually(url, f"{module} listens"), process, log_file)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


@dataclass(frozen=True)
class Doors:
    """REST, grpc-web and UI over one store."""

    rest: HttpProcess
    ui: HttpProcess
    grpc_web_url: str

    @property
    def urls(self) -> dict[str, str]:
        """Where each is reached."""
        return {"rest": self.rest.url, "grpc-web": self.grpc_web_url, "ui": self.ui.url}


@contextmanager
def doors(grpc_port: int, folder: Path, *rest_flags: str, ui_flags: Sequence[str] = ()) -> Iterator[Doors]:
    """All HTTP servers over the store at a port of this machine."""
    port = unused_port()
    with ExitStack() as stack:
        flags = ["--http_port=0", f"--grpc_web_port={port}", f"--mlmd_grpc_port={grpc_port}", *rest_flags]
        rest = stack.enter_context(http_process("kubeflow_metadata.rest", folder, *flags))
        grpc_web = f"http://127.0.0.1:{port}"
        flags = ["--port=0", f"--rest_url={rest.url}", f"--grpc_web_url={grpc_web}", *ui_flags]
        ui = stack.enter_context(http_process("kubeflow_metadata.ui", folder, *flags))
        yield Doors(rest, ui, grpc_web)
