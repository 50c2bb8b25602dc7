"""``status --local``."""

from __future__ import annotations

import os

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import server_log
from kubeflow_metadata.installer.cluster.diagnosis.database import DATABASE_READY, DATABASE_UNAVAILABLE
from kubeflow_metadata.installer.cluster.facts import Health
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.lifecycle import ServerStatus
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.parts import GRPC

# Of the end of a log.
_LOG_BYTES = 65_536


def status_local(data_dir: DataDir, terminal: Terminal) -> bool:
    """Shows the state of each server; returns whether all of them run."""
    statuses = lifecycle.status(data_dir)
    rows = [
        (server.name, server.state, str(server.port or "-"), str(server.pid or "-"), server.title)
        for server in statuses
    ]
    described = lifecycle.describe(statuses, data_dir)
    running = bool(described["running"])
    health, summary = _health(statuses, data_dir)
    text = f"{summary}\n"
    if not running:
        text += f"  To start them, run: {program.command('up')} {data_dir.options}\n"
    text += f"\n{table(rows, ('NAME', 'STATE', 'PORT', 'PID', 'SERVER'))}\n\nData: {data_dir.path}"
    terminal.result({"health": health.value, "running": running, "summary": summary, **described}, text)
    return running


def _health(statuses: list[ServerStatus], data_dir: DataDir) -> tuple[Health, str]:
    """Returns how the servers are, in the words of ``status`` on a cluster."""
    waiting = [each for each in statuses if each.state != "running"]
    if not waiting:
        return Health.HEALTHY, f"Healthy: all {len(statuses)} servers are running."
    if all(each.state == "stopped" for each in statuses):
        return Health.UNHEALTHY, "Not running: all servers are stopped."
    states = ", ".join(f"{each.name} {each.state}" for each in waiting)
    reason = _why_no_database(data_dir) if any(each.name == GRPC.name for each in waiting) else ""
    return Health.UNHEALTHY, f"Not healthy: not all servers are running: {states}.{reason}"


def _why_no_database(data_dir: DataDir) -> str:
    """Returns what the MLMD server said last of its database, if that cannot be used."""
    try:
        with data_dir.log_file(GRPC.name).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    event = server_log.last(text, DATABASE_UNAVAILABLE, DATABASE_READY)
    if event is None or event.name == DATABASE_READY:
        return ""
    return f" The database {event.fields.get('address', '')}: {event.fields.get('error', '').rstrip('.')}."
