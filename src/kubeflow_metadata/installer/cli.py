"""The command line: it only parses; ``cluster.commands`` and ``local.commands`` do the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.images.cli import images
from kubeflow_metadata.installer.interrupts import interrupt_on_sigterm
from kubeflow_metadata.installer.terminal import Terminal

if TYPE_CHECKING:
    from kubeflow_metadata.installer.cluster.commands import Target

_DISTRIBUTION = "kubeflow-metadata-server"
_PORT = click.IntRange(1, 65535)
_SERVER_NAMES = ("grpc", "rest", "ui")
_ENGINES = click.Choice(["kustomize", "helm"])
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])

# Options that only one of the two kinds of installation has.
_OF_CLUSTERS = {"context", "namespace", "file", "assignments", "engine", "timeout"}
_OF_LAPTOPS = {"data_dir", "rest_port", "grpc_port", "ui_port", "junit"}

_local = click.option("--local", is_flag=True, help="On this machine: processes over SQLite, no cluster.")
_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --local: where data and logs are. [default: kubeflow-metadata in the XDG data directory]",
)
_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)
_namespace = click.option("-n", "--namespace", default="kubeflow", show_default=True, help="The namespace.")
_context = click.option("--context", metavar="NAME", help="The context of the kubeconfig. [default: its current one]")


def _settings(command: F) -> F:
    file = click.option("-f", "--file", type=_FILE, metavar="FILE", help="Settings, as YAML (docs/configuration.md).")
    assignments = click.option(
        "--set", "assignments", multiple=True, metavar="K=V", help="A setting over those of the file; repeatable."
    )
    return file(assignments(command))


class _Group(click.Group):
    """Says what went wrong in one sentence, and lets Ctrl-C and SIGTERM end a command tidily."""

    def invoke(self, ctx: click.Context) -> object:
        interrupt_on_sigterm()
        try:
            return super().invoke(ctx)
        except UserError as error:
            Terminal().error(error)
            sys.exit(1)
        except KeyboardInterrupt:
            Terminal().note("Interrupted.")
            sys.exit(130)
        except BrokenPipeError:
            # Whoever read the output has gone; Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=_DISTRIBUTION, message="Kubeflow Metadata %(version)s")
def main() -> None:
    """Install, run and check Kubeflow Metadata.

    \b
    On a Kubernetes cluster:
      python -m installer up
    On a laptop, without cluster or containers:
      python -m installer up --local
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are


@main.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@_settings
@_namespace
@click.option("--engine", type=_ENGINES, default="kustomize", show_default=True, help="For which tool to write.")
@_output
def render(
    directory: Path, file: Path | None, assignments: tuple[str, ...], namespace: str, engine: Any, output: str
) -> None:
    """Write what installs given settings into DIRECTORY: a kustomize overlay, or a values file.

    The same settings give the same bytes. No cluster is asked.
    """
    commands = _cluster_commands()
    target = _target(None, namespace, file, assignments)
    commands.render(target, directory, engine, Terminal(as_json=output == "json"))


@main.command()
@_settings
@_context
@_namespace
@click.option("--engine", type=_ENGINES, help="What to apply with. [default: what it was applied with; else kustomize]")
@click.option(
    "--timeout", type=click.IntRange(1), default=600, show_default=True, metavar="SECONDS", help="Longest wait."
)
@_local
@_data_dir
@click.option("--rest-port", type=_PORT, metavar="N", help="With --local: port of REST. [default: 8080 or a free one]")
@click.option("--grpc-port", type=_PORT, metavar="N", help="With --local: port of gRPC. [default: 9090 or a free one]")
@click.option("--ui-port", type=_PORT, metavar="N", help="With --local: port of the UI. [default: 3000 or a free one]")
@_output
def up(
    file: Path | None,
    assignments: tuple[str, ...],
    context: str | None,
    namespace: str,
    engine: Any,
    timeout: int,
    local: bool,
    data_dir: Path | None,
    rest_port: int | None,
    grpc_port: int | None,
    ui_port: int | None,
    output: str,
) -> None:
    """Install or change everything, log the demo, check it.

    On a cluster: the namespace is made if need be, everything is applied and waited for, a Job logs the demo and reads
    it back. With --local the servers go on in the background. Run again, it changes only what differs.
    """
    terminal = Terminal(as_json=output == "json")
    if not _is_local(local):
        _cluster_commands().up(_target(context, namespace, file, assignments), engine, timeout, terminal)
        return
    from kubeflow_metadata.installer.local import commands

    asked = [port for port in (rest_port, grpc_port, ui_port) if port is not None]
    if len(asked) != len(set(asked)):
        raise click.UsageError("Two servers cannot share a port.")
    ports = {"rest": rest_port, "grpc": grpc_port, "ui": ui_port}
    commands.up(data_dir, ports, terminal)


@main.command()
@_context
@_namespace
@_local
@_data_dir
@_output
def status(context: str | None, namespace: str, local: bool, data_dir: Path | None, output: str) -> None:
    """Show how the servers are; the exit code is 0 if all of them run."""
    terminal = Terminal(as_json=output == "json")
    if not _is_local(local):
        sys.exit(0 if _cluster_commands().status(_target(context, namespace), terminal) else 1)
    from kubeflow_metadata.installer.local import commands

    sys.exit(0 if commands.status(data_dir, terminal) else 1)


@main.command()
@_settings
@_context
@_namespace
@_local
@_data_dir
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --local: write the results as JUnit XML, too.",
)
@_output
def smoke(
    file: Path | None,
    assignments: tuple[str, ...],
    context: str | None,
    namespace: str,
    local: bool,
    data_dir: Path | None,
    junit: Path | None,
    output: str,
) -> None:
    """Check that every server answers and shows the demo."""
    terminal = Terminal(as_json=output == "json")
    if not _is_local(local):
        target = _target(context, namespace, file, assignments)
        sys.exit(0 if _cluster_commands().run_smoke(target, terminal) else 1)
    from kubeflow_metadata.installer.local import commands

    sys.exit(0 if commands.run_smoke(data_dir, junit, terminal) else 1)


@main.command()
@_local
@_data_dir
@click.argument("component", required=False, type=click.Choice(_SERVER_NAMES))
@click.option("-f", "--follow", is_flag=True, help="Go on printing what comes, until Ctrl-C.")
def logs(local: bool, data_dir: Path | None, component: str | None, follow: bool) -> None:
    """Print the log of COMPONENT, or of all servers; with --local only."""
    if not local:
        raise UserError(
            "On a cluster, kubectl has the logs.",
            hint="Type: kubectl -n kubeflow logs -l metadata.kubeflow.org/part --prefix   (or add --local)",
        )
    from kubeflow_metadata.installer.local import commands

    commands.logs(data_dir, component, follow=follow)


@main.command()
@_context
@_namespace
@_local
@_data_dir
@click.option("--delete-data", is_flag=True, help="Delete the database, too; with --local also the logs.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before data is deleted.")
@_output
def down(
    context: str | None,
    namespace: str,
    local: bool,
    data_dir: Path | None,
    delete_data: bool,
    yes: bool,
    output: str,
) -> None:
    """Stop the servers and take them away; the data stays.

    With --delete-data it asks first where somebody is there to answer (on a terminal).
    """
    is_local = _is_local(local)
    if delete_data and not yes and sys.stdin.isatty():
        where = "on this machine" if is_local else f"in the namespace {namespace}"
        click.confirm(f"Delete everything that was logged {where}?", abort=True, err=True)
    terminal = Terminal(as_json=output == "json")
    if not is_local:
        _cluster_commands().down(_target(context, namespace), terminal, delete_data=delete_data)
        return
    from kubeflow_metadata.installer.local import commands

    commands.down(data_dir, terminal, delete_data=delete_data)


main.add_command(images)


def _is_local(local: bool) -> bool:
    """Whether --local was given; options of the other kind of installation are then refused."""
    context = click.get_current_context()
    wrong = _OF_CLUSTERS if local else _OF_LAPTOPS
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in wrong:
            other = "does not go with --local" if local else "needs --local"
            raise click.UsageError(f"{parameter.opts[-1]} {other}.")
    return local


def _target(context: str | None, namespace: str, file: Path | None = None, assignments: tuple[str, ...] = ()) -> Target:
    import re

    from kubeflow_metadata.installer.cluster.commands import Target

    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", namespace):
        raise click.UsageError(f"{namespace!r} is not the name of a namespace.")
    return Target(context, namespace, file, assignments)


def _cluster_commands() -> Any:
    try:
        from kubeflow_metadata.installer.cluster import commands
    except ModuleNotFoundError as error:
        raise UserError(
            f"Clusters need the package {error.name}, which is not installed here.",
            hint='Type: pip install "kubeflow-metadata-server[cluster]"',
        ) from error
    return commands
