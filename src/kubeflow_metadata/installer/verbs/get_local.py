"""``get settings --local``."""

from __future__ import annotations

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.render.yaml_text import dump
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.parts import SERVERS


def settings_local(data_dir: DataDir, terminal: Terminal) -> None:
    """Shows where the data is, and the ports: those in use, else the usual ones.

    Raises:
        UserError: there is no installation.
    """
    if not data_dir.exists():
        raise UserError(
            f"Nothing is installed in {data_dir.path}.", hint=f"Run: {program.command('up')} {data_dir.options}"
        )
    started = data_dir.servers()
    ports = {part.name: started[part.name].port if part.name in started else part.local_port for part in SERVERS}
    document = {"dataDir": str(data_dir.path), "ports": ports}
    terminal.result(document, dump(document))
