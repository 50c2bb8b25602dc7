"""The command line: it only parses; ``installer.local.commands`` does the work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from installer.errors import InstallerError
from installer.images.cli import images
from installer.interrupts import interrupt_on_sigterm
from installer.terminal import Terminal

_DISTRIBUTION = "kubeflow-metadata-server"
_PORT = click.IntRange(1, 65535)
_SERVER_NAMES = ("grpc", "rest", "ui")

_local = click.option("--local", is_flag=True, help="On this machine: processes over SQLite, no cluster.")
_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where data and logs are. [default: kubeflow-metadata in the XDG data directory]",
)
_output = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)


class _Group(click.Group):
    """Says what went wrong in one sentence, and lets Ctrl-C and SIGTERM end a command tidily."""

    def invoke(self, ctx: click.Context) -> object:
        interrupt_on_sigterm()
        try:
            return super().invoke(ctx)
        except InstallerError as error:
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
    On a laptop, without cluster or containers:
      python -m installer up --local
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are


@main.command()
@_local
@_data_dir
@click.option("--rest-port", type=_PORT, metavar="N", help="Port of the REST backend. [default: 8080 or a free one]")
@click.option("--grpc-port", type=_PORT, metavar="N", help="Port of the gRPC server. [default: 9090 or a free one]")
@click.option("--ui-port", type=_PORT, metavar="N", help="Port of the UI. [default: 3000 or a free one]")
@_output
def up(
    local: bool, data_dir: Path | None, rest_port: int | None, grpc_port: int | None, ui_port: int | None, output: str
) -> None:
    """Start the servers, log the demo, check everything.

    The servers go on in the background; `down` stops them. Run again, `up` starts only what does not run and logs
    no second demo.
    """
    _require_local(local)
    from installer.local import commands

    asked = [port for port in (rest_port, grpc_port, ui_port) if port is not None]
    if len(asked) != len(set(asked)):
        raise click.UsageError("Two servers cannot share a port.")
    ports = {"rest": rest_port, "grpc": grpc_port, "ui": ui_port}
    commands.up(data_dir, ports, Terminal(as_json=output == "json"))


@main.command()
@_local
@_data_dir
@_output
def status(local: bool, data_dir: Path | None, output: str) -> None:
    """Show how the servers are; the exit code is 0 if all of them run."""
    _require_local(local)
    from installer.local import commands

    sys.exit(0 if commands.status(data_dir, Terminal(as_json=output == "json")) else 1)


@main.command()
@_local
@_data_dir
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the results as JUnit XML, too.",
)
@_output
def smoke(local: bool, data_dir: Path | None, junit: Path | None, output: str) -> None:
    """Check that every server answers and shows the demo."""
    _require_local(local)
    from installer.local import commands

    sys.exit(0 if commands.run_smoke(data_dir, junit, Terminal(as_json=output == "json")) else 1)


@main.command()
@_local
@_data_dir
@click.argument("component", required=False, type=click.Choice(_SERVER_NAMES))
@click.option("-f", "--follow", is_flag=True, help="Go on printing what comes, until Ctrl-C.")
def logs(local: bool, data_dir: Path | None, component: str | None, follow: bool) -> None:
    """Print the log of COMPONENT, or of all servers."""
    _require_local(local)
    from installer.local import commands

    commands.logs(data_dir, component, follow=follow)


@main.command()
@_local
@_data_dir
@click.option("--delete-data", is_flag=True, help="Delete database and logs, too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before data is deleted.")
@_output
def down(local: bool, data_dir: Path | None, delete_data: bool, yes: bool, output: str) -> None:
    """Stop the servers; the data stays.

    With --delete-data it asks first where somebody is there to answer (on a terminal).
    """
    _require_local(local)
    from installer.local import commands

    if delete_data and not yes and sys.stdin.isatty():
        click.confirm("Delete everything that was logged?", abort=True, err=True)
    commands.down(data_dir, Terminal(as_json=output == "json"), delete_data=delete_data)


main.add_command(images)


def _require_local(local: bool) -> None:
    if not local:
        raise InstallerError(
            "Clusters are not supported yet; this release runs on one machine.", hint="Type the command with --local."
        )
