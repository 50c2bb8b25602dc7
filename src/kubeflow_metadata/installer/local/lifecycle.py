"""The state of the servers, and stopping them."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.installer.local import processes
from kubeflow_metadata.installer.local.records import ServerRecord
from kubeflow_metadata.installer.local.servers import SERVERS, Server, endpoints
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal

_BY_NAME = {server.name: server for server in SERVERS}


@dataclass(frozen=True)
class ServerStatus:
    """The state of one server: ``running``, ``not responding``, ``dead`` (it exited by itself) or ``stopped``."""

    name: str
    title: str
    state: str
    pid: int | None
    port: int | None


def stop_servers(data_dir: DataDir, terminal: Terminal) -> list[str]:
    """Stops what runs, those that need others first; returns the names of what was stopped."""
    stopped = []
    for server in reversed(SERVERS):
        record = data_dir.servers().get(server.name)
        if record and processes.is_running(record):
            with terminal.step(f"Stopping the {server.title} (pid {record.pid})"):
                stop_server(server.name, data_dir)
            stopped.append(server.name)
        elif record:
            data_dir.remember(server.name, None)
    return list(dict.fromkeys([*stopped, *stop_unrecorded(data_dir, terminal)]))


def stop_unrecorded(data_dir: DataDir, terminal: Terminal) -> list[str]:
    """Stops servers of this data directory that it has no record of; returns their names.

    They are left where the directory was deleted while they ran, and end by themselves a little later.
    """
    recorded = {record.pid for record in data_dir.servers().values()}
    stopped = []
    for name, process in processes.started_for(data_dir.state):
        if process.pid not in recorded and name in _BY_NAME:
            with terminal.step(f"Stopping a {_BY_NAME[name].title} that is not on record (pid {process.pid})"):
                processes.stop_process(process)
            stopped.append(name)
    return stopped


def running(data_dir: DataDir) -> set[str]:
    """Returns the names of the servers whose processes run, whether they respond or not."""
    return {name for name, record in data_dir.servers().items() if processes.is_running(record)}


def stop_server(name: str, data_dir: DataDir) -> None:
    """Stops one server where it runs, and forgets it."""
    if record := data_dir.servers().get(name):
        processes.stop(record)
        data_dir.remember(name, None)


def status(data_dir: DataDir) -> list[ServerStatus]:
    """Returns the state of each server."""
    known = data_dir.servers()
    return [_status(server, known.get(server.name)) for server in SERVERS]


def describe(statuses: list[ServerStatus], data_dir: DataDir) -> dict[str, object]:
    """Returns the status as a document."""
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
        state = "running" if server.answers(record.port) else "not responding"
    return ServerStatus(server.name, server.title, state, record.pid, record.port)
