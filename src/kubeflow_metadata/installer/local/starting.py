"""Starting the servers: each on its own port, after those it depends on, until it responds."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.interrupts import deferred_interrupts
from kubeflow_metadata.installer.local import processes
from kubeflow_metadata.installer.local.lifecycle import stop_server, stop_unrecorded
from kubeflow_metadata.installer.local.ports import HOST, is_free, next_free
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.installer.local.servers import SERVERS, Server
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal

_START_SECONDS = 60.0
# A server that already runs may be busy, or wait for another one that was just restarted.
_RUNNING_SECONDS = 10.0
_POLL_SECONDS = 0.1
_TRIES = 5
# How every server says so.
_CANNOT_LISTEN = "Cannot listen on"

WantedPorts = Mapping[str, int | None]


class _PortTakenError(Exception):
    """Another program took the port between our check and the start of the server."""


def start_servers(data_dir: DataDir, wanted_ports: WantedPorts, terminal: Terminal) -> dict[str, int]:
    """Starts all servers that do not run; returns the ports of all.

    Args:
        data_dir: where their data is; its lock is the caller's.
        wanted_ports: the ports that the user requested; None leaves the choice to us.
        terminal: shows progress.

    Raises:
        UserError: a requested port is in use, or a server does not start.
    """
    stop_unrecorded(data_dir, terminal)
    _refuse_taken(data_dir, wanted_ports)
    ports: dict[str, int] = {}
    started: list[str] = []
    moved: set[str] = set()
    try:
        for server in SERVERS:
            before = data_dir.servers().get(server.name)
            if before and _must_move(server, before, wanted_ports, moved):
                terminal.note(f"Restarting the {server.title}: ports changed.")
                processes.stop(before)
            if before and _runs_well(server, before):
                ports[server.name] = before.port
                with terminal.step(f"{server.title} on {HOST}:{before.port}") as step:
                    step.outcome = "already running"
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
    """Refuses, before anything is stopped, a requested port that another program uses."""
    known = data_dir.servers()
    for name, wanted in wanted_ports.items():
        record = known.get(name)
        ours = record is not None and record.port == wanted and processes.is_running(record)
        if wanted is not None and not ours and not is_free(wanted):
            raise _taken(name, wanted)


def _must_move(server: Server, record: ServerRecord, wanted_ports: WantedPorts, moved: set[str]) -> bool:
    """Returns whether a server, or one that it needs, moves to another port."""
    if not processes.is_running(record):
        return False
    wanted = wanted_ports.get(server.name)
    return (wanted is not None and wanted != record.port) or bool(moved.intersection(server.part.needs))


def _runs_well(server: Server, record: ServerRecord) -> bool:
    def look() -> bool | None:
        if not processes.is_running(record):
            return False
        return True if server.answers(record.port) else None

    return bool(polling.until(look, _RUNNING_SECONDS, pause=_POLL_SECONDS))


def _start_somewhere(
    server: Server, wanted_ports: WantedPorts, ports: Mapping[str, int], data_dir: DataDir, terminal: Terminal
) -> int:
    """Starts a server on the requested port, else on a free one; returns the port."""
    wanted = wanted_ports.get(server.name)
    record = data_dir.servers().get(server.name)
    # A server that died restarts where its clients know it.
    preferred = record.port if record else server.part.local_port
    others = {known.port for name, known in data_dir.servers().items() if name != server.name}
    promised = {*others, *ports.values(), *filter(None, wanted_ports.values())}
    for _ in range(_TRIES):
        port = wanted if wanted is not None else next_free(preferred, promised)
        if wanted is None and port != preferred:
            terminal.note(f"Port {preferred} is in use: the {server.title} uses {port}.")
        try:
            with terminal.step(f"{server.title} on {HOST}:{port}"):
                _start(server, {**ports, server.name: port}, data_dir)
        except _PortTakenError as error:
            if wanted is not None:
                raise _taken(server.name, port) from error
            promised.add(port)
        else:
            return port
    raise UserError(
        f"Every port that the {server.title} tried was taken by another program.", hint="Run the same command again."
    )


def _start(server: Server, ports: Mapping[str, int], data_dir: DataDir) -> None:
    """Starts a server and waits until it, and no other program on its port, answers."""
    log = data_dir.log_file(server.name)
    offset = log.stat().st_size if log.exists() else 0
    instance = secrets.token_hex(16)
    tethered = processes.tethered(data_dir.state, server.name, instance)
    with deferred_interrupts():  # a server that was started is always known, and so can be stopped
        process = processes.start(server.command(ports, data_dir.database), log, tethered)
        record = ServerRecord(process.pid, processes.start_time(process.pid), ports[server.name], instance)
        data_dir.remember(server.name, record)

    def look() -> str | None:
        """Returns how the start ended: empty where the server answers, else what went wrong."""
        if processes.listens(record) and server.answers(record.port):
            return ""
        if process.poll() is None:
            return None
        # By now, whoever had the port may have let go of it.
        if not is_free(record.port) or _CANNOT_LISTEN in processes.log_tail(log, offset):
            raise _PortTakenError
        return f"exited with code {process.returncode}"

    problem = polling.until(look, _START_SECONDS, pause=_POLL_SECONDS)
    if problem is None:
        problem = f"did not respond within {_START_SECONDS:.0f} seconds"
    if problem:
        raise UserError(
            f"The {server.title} {problem}. The last lines of its log:",
            details=processes.log_tail(log, offset) or "(nothing was logged)",
            hint=f"Full log: {log}",
        )


def _taken(name: str, port: int) -> UserError:
    return UserError(
        f"Port {port}, requested with --{name}-port, is in use.",
        hint=f"Free it, or omit --{name}-port to use a free port.",
    )
