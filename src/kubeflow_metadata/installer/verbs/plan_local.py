"""``plan --local``."""

from __future__ import annotations

from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal

_ACTIONS = {"stopped": "start", "dead": "start", "not responding": "restart"}
_SYMBOLS = {"create": "+", "start": "+", "restart": "-/+"}


def plan_local(data_dir: DataDir, terminal: Terminal, *, detailed: bool = False) -> int:
    """Shows what ``up --local`` would start, and starts nothing; returns the exit code."""
    statuses = lifecycle.status(data_dir)
    changes = [] if data_dir.exists() else [("create", "data directory", str(data_dir.path))]
    changes += [(_ACTIONS[each.state], each.name, each.title) for each in statuses if each.state in _ACTIONS]
    running = sum(each.state == "running" for each in statuses)
    lines = [f"{_SYMBOLS[action]} {action} {what}" for action, _, what in changes]
    end = f"{len(changes)} to do" if changes else "nothing to change"
    text = "\n".join([*lines, *([""] if lines else []), f"Plan: {end}, {running} running."])
    document = {
        "data_dir": str(data_dir.path),
        "changes": [{"action": action, "name": name, "title": title} for action, name, title in changes],
        "running": running,
    }
    terminal.result(document, text)
    return exit_codes.CHANGES if detailed and changes else exit_codes.OK
