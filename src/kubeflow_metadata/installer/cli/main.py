"""The command ``kubeflow-metadata``: it only parses. Each verb is a module here, and does its work in ``verbs``."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.interrupts import interrupt_on_sigterm
from kubeflow_metadata.installer.terminal import Terminal

_DISTRIBUTION = "kubeflow-metadata-server"
# Each is a module of this package with a ``command``.
_VERBS = ("render", "up", "status", "events", "smoke", "logs", "down", "images")


class _Verbs(click.Group):
    """Loads verbs when they are asked for, says in one sentence what went wrong, and ends tidily on Ctrl-C."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _VERBS:
            return None
        command: click.Command = importlib.import_module(f"{__package__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _VERBS and (near := get_close_matches(args[0], _VERBS, n=1)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        interrupt_on_sigterm()
        try:
            return super().invoke(ctx)
        except UserError as error:
            Terminal().error(error)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            Terminal().note("Interrupted.")
            sys.exit(130)
        except BrokenPipeError:
            # Whoever read the output is gone; Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    try:
        click.echo(f"Kubeflow Metadata {version(_DISTRIBUTION)}")
    except PackageNotFoundError as error:
        raise click.ClickException(f"{_DISTRIBUTION} is not installed. Run: make installer") from error
    context.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Install, check and run Kubeflow Metadata.

    \b
    On a Kubernetes cluster:
      kubeflow-metadata up
    On a laptop, without a cluster or containers:
      kubeflow-metadata up --local
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
