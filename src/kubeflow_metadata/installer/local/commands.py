"""What each verb does on a laptop, from locking the data directory to the closing screen."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.logs import show_logs
from kubeflow_metadata.installer.local.servers import SERVERS, endpoints
from kubeflow_metadata.installer.local.starting import start_servers
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.smoke import checks, demo

_UP = "python -m installer up --local"


def up(data_path: Path | None, ports: Mapping[str, int | None], terminal: Terminal) -> None:
    """Starts what does not run, logs the demo once, checks everything and says where it is."""
    data_dir = DataDir(data_path)
    data_dir.create()
    with data_dir.locked(terminal.note):
        ran_before = lifecycle.running(data_dir)
        try:
            found = endpoints(start_servers(data_dir, ports, terminal))
            _log_demo_once(found["rest"], terminal)
            _require_smoke(found, terminal)
        except KeyboardInterrupt:
            for name in lifecycle.running(data_dir) - ran_before:
                lifecycle.stop_server(name, data_dir)
            raise
    document = {
        "endpoints": found,
        "data_dir": str(data_dir.path),
        "log_dir": str(data_dir.logs),
        "versions": _versions(),
    }
    terminal.result(document, _closing_screen(found, data_dir))


def status(data_path: Path | None, terminal: Terminal) -> bool:
    """Shows how the servers are; returns whether all of them run."""
    data_dir = DataDir(data_path)
    statuses = lifecycle.status(data_dir)
    rows = [
        (server.name, server.state, str(server.port or "-"), str(server.pid or "-"), server.title)
        for server in statuses
    ]
    text = table(rows, ("NAME", "STATE", "PORT", "PID", "SERVER")) + f"\nData: {data_dir.path}"
    document = lifecycle.describe(statuses, data_dir)
    if not document["running"]:
        text += f"\n\nNot everything runs. Type: {_UP}"
    terminal.result(document, text)
    return bool(document["running"])


def run_smoke(data_path: Path | None, junit: Path | None, terminal: Terminal) -> bool:
    """Checks the running servers; returns whether every check passed."""
    data_dir = DataDir(data_path)
    ports = {name: record.port for name, record in data_dir.servers().items()}
    if missing := [server.title for server in SERVERS if server.name not in ports]:
        raise UserError(f"Not started: {', '.join(missing)}.", hint=f"Type: {_UP}")
    results = checks.run_checks(endpoints(ports))
    if junit:
        checks.write_junit(results, junit)
    passed = not any(result.problem for result in results)
    terminal.result({"passed": passed, "checks": [vars(result) for result in results]}, checks.report(results))
    return passed


def logs(data_path: Path | None, name: str | None, *, follow: bool) -> None:
    """Prints the log of one server, or of all."""
    show_logs(DataDir(data_path), [name] if name else [server.name for server in SERVERS], follow=follow)


def down(data_path: Path | None, terminal: Terminal, *, delete_data: bool) -> None:
    """Stops the servers; the data stays unless asked otherwise."""
    data_dir = DataDir(data_path)
    if not data_dir.path.exists():
        terminal.result({"stopped": [], "data_deleted": False}, f"Nothing to stop: {data_dir.path} does not exist.")
        return
    with data_dir.locked(terminal.note):
        stopped = lifecycle.stop_servers(data_dir, terminal)
        if delete_data:
            data_dir.delete()
    text = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."
    text += f" Deleted the data in {data_dir.path}." if delete_data else f" The data stays in {data_dir.path}"
    terminal.result({"stopped": stopped, "data_deleted": delete_data}, text)


def _log_demo_once(rest_url: str, terminal: Terminal) -> None:
    with terminal.step("Demo") as step:
        if demo.find_demo(rest_url):
            step.outcome = "is there already"
        else:
            try:
                demo.log_demo(rest_url)
            except UserError as error:
                raise UserError(str(error), hint=error.hint or "Type: python -m installer logs --local rest") from error
            step.outcome = "logged: mytable-dump -> MNIST, MNIST-evaluation"


def _require_smoke(found: Mapping[str, str], terminal: Terminal) -> None:
    with terminal.step("Smoke test") as step:
        results = checks.run_checks(found)
        step.outcome = f"{len(results)} checks"
    failed = [f"{result.name}: {result.problem}" for result in results if result.problem]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} checks failed:",
            details="\n".join(failed),
            hint="Type: python -m installer logs --local",
        )


def _versions() -> dict[str, str]:
    packages = {"kubeflow_metadata": "kubeflow-metadata-server", "sdk": "kubeflow-metadata-sdk"}
    found = {}
    for name, package in packages.items():
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {**found, "python": platform.python_version()}


def _closing_screen(found: Mapping[str, str], data_dir: DataDir) -> str:
    return f"""
Kubeflow Metadata is up.

  Artifact Store   {found["ui"]}
  REST             {found["rest"]}/api/v1alpha1/artifacts
  gRPC             {found["grpc"]}
  Data             {data_dir.path}

From Python:
  from kfmd import metadata
  workspace = metadata.Workspace(backend_url_prefix="{found["rest"]}", name="my-workspace")

Next: python -m installer status|smoke|logs|down --local
""".lstrip()
