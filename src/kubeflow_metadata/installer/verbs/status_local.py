"""``status --local``."""

from __future__ import annotations

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal, table


def status_local(data_dir: DataDir, terminal: Terminal) -> bool:
    """Shows the state of each server; returns whether all of them run."""
    statuses = lifecycle.status(data_dir)
    rows = [
        (server.name, server.state, str(server.port or "-"), str(server.pid or "-"), server.title)
        for server in statuses
    ]
    text = table(rows, ("NAME", "STATE", "PORT", "PID", "SERVER")) + f"\nData: {data_dir.path}"
    document = lifecycle.describe(statuses, data_dir)
    if not document["running"]:
        text += f"\n\nNot all servers are running. To start them, run: {program.command('up')} {data_dir.options}"
    terminal.result(document, text)
    return bool(document["running"])
