"""``version --local``."""

from __future__ import annotations

from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.version import client, lines


def version_local(data_dir: DataDir, terminal: Terminal) -> None:
    """Shows the version of this program, which the servers of a laptop are part of."""
    own = client()
    running = sorted(lifecycle.running(data_dir))
    document = {"client": own, "installation": {"data_dir": str(data_dir.path), "running": running}}
    rows = [("client", own["version"]), ("Python", own["python"]), ("running", ", ".join(running) or "nothing")]
    terminal.result(document, f"{lines(rows)}\n\nData: {data_dir.path}")
