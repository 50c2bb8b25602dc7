"""``down --local``."""

from __future__ import annotations

from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal


def down_local(data_dir: DataDir, terminal: Terminal, *, delete_data: bool) -> None:
    """Stops the servers; data is kept unless asked otherwise."""
    if not data_dir.exists():
        stopped = lifecycle.stop_unrecorded(data_dir, terminal)
        text = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing to stop."
        text += f" There is no installation in {data_dir.path}."
        terminal.result({"stopped": stopped, "data_deleted": False, "kept": []}, text)
        return
    kept: list[str] = []
    with data_dir.locked(terminal.note):
        stopped = lifecycle.stop_servers(data_dir, terminal)
        if delete_data:
            kept = data_dir.delete()
    text = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."
    text += f" Deleted the data in {data_dir.path}." if delete_data else f" Data is kept in {data_dir.path}"
    if kept:
        text += f"\nNot deleted, because it was not created here: {', '.join(kept)}"
    terminal.result({"stopped": stopped, "data_deleted": delete_data, "kept": kept}, text)
