"""``up --local``: the servers on this machine, from locking the data directory to the closing screen."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.local import lifecycle
from kubeflow_metadata.installer.local.servers import endpoints
from kubeflow_metadata.installer.local.starting import start_servers
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.smoke import checks, demo

_PACKAGES = {"kubeflow_metadata": "kubeflow-metadata-server", "sdk": "kubeflow-metadata-sdk"}


def up_local(data_dir: DataDir, ports: Mapping[str, int | None], terminal: Terminal) -> None:
    """Starts what does not run, logs the demo once, checks everything and says where it is."""
    data_dir.create()
    with data_dir.locked(terminal.note):
        data_dir.claim()
        ran_before = lifecycle.running(data_dir)
        try:
            addresses = endpoints(start_servers(data_dir, ports, terminal))
            _log_demo_once(addresses["rest"], data_dir, terminal)
            _require_smoke(addresses, data_dir, terminal)
        except KeyboardInterrupt:
            for name in lifecycle.running(data_dir) - ran_before:
                lifecycle.stop_server(name, data_dir)
            raise
    document = {
        "endpoints": addresses,
        "data_dir": str(data_dir.path),
        "log_dir": str(data_dir.logs),
        "versions": _versions(),
    }
    terminal.result(document, _closing_screen(addresses, data_dir))


def _log_demo_once(rest_url: str, data_dir: DataDir, terminal: Terminal) -> None:
    with terminal.step("Demo") as step:
        try:
            if demo.find_demo(rest_url):
                step.outcome = "already logged"
                return
            demo.log_demo(rest_url)
        except UserError as error:
            hint = error.hint or f"Run: {program.command('logs')} {data_dir.options} rest"
            raise UserError(str(error), hint=hint) from error
        step.outcome = "logged: mytable-dump -> MNIST, MNIST-evaluation"


def _require_smoke(addresses: Mapping[str, str], data_dir: DataDir, terminal: Terminal) -> None:
    with terminal.step("Smoke test") as step:
        results = checks.run_checks(addresses)
        step.outcome = f"{len(results)} checks"
    failed = [f"{result.name}: {result.problem}" for result in results if result.problem]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} checks failed:",
            details="\n".join(failed),
            hint=f"Run: {program.command('logs')} {data_dir.options}",
        )


def _versions() -> dict[str, str]:
    versions = {name: _version(package) for name, package in _PACKAGES.items()}
    return {**versions, "python": platform.python_version()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _closing_screen(addresses: Mapping[str, str], data_dir: DataDir) -> str:
    return f"""
Kubeflow Metadata is up.

  Artifact Store   {addresses["ui"]}
  REST             {addresses["rest"]}/api/v1alpha1/artifacts
  gRPC             {addresses["grpc"]}
  Data             {data_dir.path}

From Python:
  from kfmd import metadata
  workspace = metadata.Workspace(backend_url_prefix="{addresses["rest"]}", name="my-workspace")

Next: {program.command("open|status|smoke|logs|down")} {data_dir.options}
""".lstrip()
