"""``smoke --local``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local.servers import SERVERS, endpoints
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.smoke import checks


def smoke_local(data_dir: DataDir, tests: Sequence[str], junit: Path | None, terminal: Terminal) -> bool:
    """Checks the running servers; returns whether every check passed."""
    ports = {name: record.port for name, record in data_dir.servers().items()}
    if missing := [server.title for server in SERVERS if server.name not in ports]:
        hint = f"To start them, run: {program.command('up')} {data_dir.options}"
        raise UserError(f"Not running: {', '.join(missing)}.", hint=hint)
    results = checks.run_checks(endpoints(ports), tests=tests)
    if junit:
        checks.write_junit(results, junit)
    passed = not any(result.problem for result in results)
    terminal.result({"passed": passed, "checks": [vars(result) for result in results]}, checks.report(results))
    return passed
