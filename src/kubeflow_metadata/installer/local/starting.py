"""Starting the servers: each on a port of its own, after those it needs, until it answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.interrupts import deferred_interrupts
from kubeflow_metadata.installer.local import processes
from kubeflow_metadata.installer.local.lifecycle import stop_server
from kubeflow_metadata.installer.local.ports import HOST, is_free, next_free
from kubeflow_metadata.installer.local.servers import SERVERS, Server
from kubeflow_metadata.installer.local.state import DataDir, ServerRecord
from kubeflow_metadata.installer.terminal import Terminal

_START_SECONDS = 60.0
# A server that runs already may be busy, or wait for another one that was just brought back.
_RUNNING_SECONDS = 10.0
_POLL_SECONDS = 0.1
_TRIES = 5

WantedPorts = Mapping[str, int | None]


class _PortTakenError(Exception):
    """Another program took the port between our look and the server's start."""


def start_servers(data_dir: DataDir, wanted_ports: WantedPorts, terminal: Terminal) -> dict[str, int]:
    """Makes all servers run, starting those that do not; returns their ports.

    Args:
        data_dir: where their data is; its lock is the caller's.
        wanted_ports: the ports that the user asked for; None leaves the choice to us.
        terminal: shows progress.

    Raises:
        UserError: a port that was asked for is taken, or a server does not come up.
    """
    _refuse_taken(data_dir, wanted_ports)
    ports: dict[str, int] = {}
    started: list[str] = []
    moved: set[str] = set()
    try:
        for server in SERVERS:
            before = data_dir.servers().get(server.name)
            if before and _must_move(server, before, wanted_ports, moved):
                terminal.note(f"Restarting the {server.title} because ports change.")
                processes.stop(before)
            if before and _runs_well(server, before):
                ports[server.name] = before.port
                with terminal.step(f"{server.title} on {HOST}:{before.port}") as step:
                    step.outcome = "runs already"
                continue
            if before:
                processes.stop(before)
            started.append(server.name)
            ports[server.name] = _start_somewhere(server, wanted_ports, ports, data_dir, terminal)
            if before and before.port != ports[server.name]:
                moved.add(server.name)
    except BaseException:
        # Ctrl-C too: what this call began is not left half-started.
        for name in reversed(started):
            stop_server(name, data_dir)
        raise
    return ports


def _refuse_taken(data_dir: DataDir, wanted_ports: WantedPorts) -> None:
    """Says no, before anything is stopped, to a wanted port that another program has."""
    known = data_dir.servers()
    for name, wanted in wanted_ports.items():
        record = known.get(name)
        ours = record is not None and record.port == wanted and processes.is_running(record)
        if wanted is not None and not ours and not is_free(wanted):
            raise _taken(name, wanted)


def _must_move(server: Server, record: ServerRecord, wanted_ports: WantedPorts, moved: set[str]) -> bool:
    """Whether a server is wanted on another port, or one that it needs has moved to another port."""
    if not processes.is_running(record):
        return False
    wanted = wanted_ports.get(server.name)
    return (wanted is not None and wanted != record.port) or bool(moved.intersection(server.needs))


def _runs_well(server: Server, record: ServerRecord) -> bool:
    deadline = time.monotonic() + _RUNNING_SECONDS
    while processes.is_running(record):
        if server.answers(record.port):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return False


def _start_somewhere(
    server: Server, wanted_ports: WantedPorts, ports: Mapping[str, int], data_dir: DataDir, terminal: Terminal
) -> int:
    """Starts a server on the port that was asked for, else on one that is free; returns the port."""
    wanted = wanted_ports.get(server.name)
    record = data_dir.servers().get(server.name)
    # A server that died comes back where its clients know it.
    preferred = record.port if record else server.default_port
    others = {known.port for name, known in data_dir.servers().items() if name != server.name}
    promised = {*others, *ports.values(), *filter(None, wanted_ports.values())}
    for _ in range(_TRIES):
        port = wanted if wanted is not None else next_free(preferred, promised)
        if wanted is None and port != preferred:
            terminal.note(f"Port {preferred} is taken: the {server.title} takes {port}.")
        try:
            with terminal.step(f"{server.title} on {HOST}:{port}"):
                _start(server, {**ports, server.name: port}, data_dir)
        except _PortTakenError as error:
            if wanted is not None:
                raise _taken(server.name, port) from error
            promised.add(port)
        else:
            return port
    raise UserError(f"Other programs took each port that the {server.title} was about to take. Try again.")


def _start(server: Server, ports: Mapping[str, int], data_dir: DataDir) -> None:
    """Starts a server and waits until it, and no other program on its port, answers."""
    log = data_dir.log_file(server.name)
    offset = log.stat().st_size if log.exists() else 0
    with deferred_interrupts():  # a server that was started is always known, and so can be stopped
        process = processes.start(server.command(ports, data_dir.database), log)
        record = ServerRecord(process.pid, processes.start_time(process.pid), ports[server.name])
        data_dir.remember(server.name, record)
    deadline = time.monotonic() + _START_SECONDS
    while not (processes.listens(record) and server.answers(record.port)):
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline:
                continue
            what = f"did not answer within {_START_SECONDS:.0f} seconds"
        else:
            if not is_free(record.port):
                raise _PortTakenError
            what = f"ended at once with exit code {process.returncode}"
        raise UserError(
            f"The {server.title} {what}. The end of its log:",
            details=processes.log_tail(log, offset) or "(nothing was logged)",
            hint=f"The whole log is {log}",
        )


def _taken(name: str, port: int) -> UserError:
    return UserError(
        f"Port {port}, asked for with --{name}-port, is taken.",
        hint=f"Free it, or leave --{name}-port out and a free port is chosen.",
    )
