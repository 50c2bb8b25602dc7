"""Bringing the servers up, telling how they are, and taking them down."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

from installer.errors import InstallerError
from installer.local import processes
from installer.local.ports import HOST, is_free, next_free
from installer.local.servers import SERVERS, Server, endpoints
from installer.local.state import DataDir, ServerRecord
from installer.terminal import Terminal

_START_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class ServerStatus:
    """How one server is: ``running``, ``not answering``, ``dead`` (it ended by itself) or ``stopped``."""

    name: str
    title: str
    state: str
    pid: int | None
    port: int | None


def start_servers(data_dir: DataDir, wanted_ports: Mapping[str, int | None], terminal: Terminal) -> dict[str, int]:
    """Makes all servers run, starting those that do not; returns their ports.

    Args:
        data_dir: where their data is; its lock is the caller's.
        wanted_ports: the ports that the user asked for; None leaves the choice to us.
        terminal: shows progress.

    Raises:
        InstallerError: a port that was asked for is taken, or a server does not come up.
    """
    _stop_misplaced(data_dir, wanted_ports, terminal)
    known = data_dir.servers()
    ports: dict[str, int] = {}
    for server in SERVERS:
        record = known.get(server.name)
        if record and processes.is_running(record):
            ports[server.name] = record.port
    for server in SERVERS:
        if server.name not in ports:
            ports[server.name] = _choose_port(server, wanted_ports.get(server.name), known, ports, terminal)
    started: list[str] = []
    try:
        for server in SERVERS:
            record = data_dir.servers().get(server.name)
            with terminal.step(f"{server.title} on {HOST}:{ports[server.name]}") as step:
                if record and processes.is_running(record) and server.answers(record.port):
                    step.outcome = "runs already"
                    continue
                if record:
                    processes.stop(record)
                started.append(server.name)
                _start(server, ports, data_dir)
    except BaseException:
        # Ctrl-C too: what this call began is not left half-started.
        _stop(started, data_dir)
        raise
    return ports


def stop_servers(data_dir: DataDir, terminal: Terminal) -> list[str]:
    """Stops what runs, those first that need others; returns the names of what was stopped."""
    stopped = []
    for server in reversed(SERVERS):
        record = data_dir.servers().get(server.name)
        if record is None:
            continue
        if processes.is_running(record):
            with terminal.step(f"Stopping the {server.title} (pid {record.pid})"):
                processes.stop(record)
            stopped.append(server.name)
        data_dir.remember(server.name, None)
    return stopped


def status(data_dir: DataDir) -> list[ServerStatus]:
    """How each server is now."""
    known = data_dir.servers()
    return [_status(server, known.get(server.name)) for server in SERVERS]


def describe(statuses: list[ServerStatus], data_dir: DataDir) -> dict[str, object]:
    """The status as a document."""
    ports = {server.name: server.port for server in statuses if server.port is not None}
    return {
        "running": all(server.state == "running" for server in statuses),
        "servers": [vars(server) for server in statuses],
        "endpoints": endpoints(ports),
        "data_dir": str(data_dir.path),
        "log_dir": str(data_dir.logs),
    }


def _status(server: Server, record: ServerRecord | None) -> ServerStatus:
    if record is None:
        return ServerStatus(server.name, server.title, "stopped", None, None)
    if not processes.is_running(record):
        state = "dead"
    else:
        state = "running" if server.answers(record.port) else "not answering"
    return ServerStatus(server.name, server.title, state, record.pid, record.port)


def _stop_misplaced(data_dir: DataDir, wanted_ports: Mapping[str, int | None], terminal: Terminal) -> None:
    """Stops servers whose port the user now wants elsewhere, and those that need them."""
    moved: set[str] = set()
    for server in SERVERS:
        record = data_dir.servers().get(server.name)
        wanted = wanted_ports.get(server.name)
        if record and ((wanted is not None and record.port != wanted) or moved.intersection(server.needs)):
            moved.add(server.name)
    for server in reversed(SERVERS):
        if server.name in moved:
            terminal.note(f"Restarting the {server.title} because ports change.")
            _stop([server.name], data_dir)


def _choose_port(
    server: Server,
    wanted: int | None,
    known: Mapping[str, ServerRecord],
    ports: Mapping[str, int],
    terminal: Terminal,
) -> int:
    taken = set(ports.values())
    if wanted is not None:
        if wanted in taken or not is_free(wanted):
            raise InstallerError(
                f"Port {wanted}, asked for with --{server.name}-port, is taken.",
                hint=f"Free it, or leave --{server.name}-port out and a free port is chosen.",
            )
        return wanted
    # A server that died comes back where its clients know it.
    preferred = known[server.name].port if server.name in known else server.default_port
    port = next_free(preferred, taken)
    if port != preferred:
        terminal.note(f"Port {preferred} is taken: the {server.title} takes {port}.")
    return port


def _start(server: Server, ports: Mapping[str, int], data_dir: DataDir) -> None:
    log = data_dir.log_file(server.name)
    offset = log.stat().st_size if log.exists() else 0
    process = processes.start(server.command(ports, data_dir.database), log)
    record = ServerRecord(process.pid, processes.start_time(process.pid), ports[server.name])
    data_dir.remember(server.name, record)
    deadline = time.monotonic() + _START_SECONDS
    while not server.answers(record.port):
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline:
                continue
            what = f"did not answer within {_START_SECONDS:.0f} seconds"
        else:
            what = f"ended at once with exit code {process.returncode}"
        raise InstallerError(
            f"The {server.title} {what}. The end of its log:",
            details=processes.log_tail(log, offset) or "(nothing was logged)",
            hint=f"The whole log is {log}",
        )


def _stop(names: list[str], data_dir: DataDir) -> None:
    for name in reversed(names):
        record = data_dir.servers().get(name)
        if record:
            processes.stop(record)
            data_dir.remember(name, None)
