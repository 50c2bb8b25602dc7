"""The command ``kubeflow-metadata``: it only parses. Each verb is a module here, and does its work in ``verbs``."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.interrupts import interrupt_on_sigterm
from kubeflow_metadata.installer.terminal import Terminal

_DISTRIBUTION = "kubeflow-metadata-server"
_DEBUG = "KFM_DEBUG"
_ISSUES = "https://github.com/kubeflow/metadata/issues"
_LONGEST = 200
# Each is a module of this package with a ``command``.
_VERBS = (
    "check",
    "render",
    "plan",
    "up",
    "status",
    "events",
    "open",
    "smoke",
    "logs",
    "history",
    "get",
    "version",
    "credentials",
    "dashboard",
    "down",
    "images",
    "completion",
)


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

    def main(  # type: ignore[override] # click has an overload for each mode
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any
    ) -> object:
        """Runs a command line; in place of click, decides what it exits with."""
        try:
            ended_with = super().main(args, standalone_mode=False, **extra)
        except click.UsageError as error:
            error.show()
            ended_with = exit_codes.USAGE
        except click.ClickException as error:
            error.show()
            ended_with = error.exit_code
        except click.Abort as error:
            # Also raised where a question was answered with no.
            is_ctrl_c = isinstance(error.__cause__ or error.__context__, KeyboardInterrupt)
            Terminal().note("Interrupted." if is_ctrl_c else "Aborted.")
            ended_with = exit_codes.INTERRUPTED if is_ctrl_c else exit_codes.FAILED
        if not standalone_mode:
            return ended_with
        sys.exit(ended_with if isinstance(ended_with, int) else exit_codes.OK)

    def invoke(self, ctx: click.Context) -> object:
        interrupt_on_sigterm()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt as interrupt:
            Terminal().note(f"Interrupted. {interrupt}".rstrip())
            sys.exit(exit_codes.INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output is gone; Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(exit_codes.FAILED)
        except Exception as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            told = error if isinstance(error, UserError) else _unexpected(error)
            Terminal().error(told)
            sys.exit(told.exit_code)


def _unexpected(error: Exception) -> UserError:
    """Returns the sentence about an error that nothing expected."""
    kind, status = type(error).__name__, getattr(error, "status", None)
    # What the API server sent may hold a Secret.
    said = f"status {status}" if isinstance(status, int) else next(iter(str(error).splitlines()), "")
    return UserError(
        f"Unexpected error: {kind}{f': {said[:_LONGEST]}' if said else ''}",
        hint=f"This is a defect. For details, run it again with {_DEBUG}=1, and report them at {_ISSUES}",
    )


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    try:
        click.echo(f"Kubeflow Metadata {version(_DISTRIBUTION)}")
    except PackageNotFoundError as error:
        raise click.ClickException(f"{_DISTRIBUTION} is not installed. Run: make installer") from error
    context.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, envvar=_DEBUG, help="Show where errors come from.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main(debug: bool) -> None:
    """Install, check and run Kubeflow Metadata.

    \b
    On a Kubernetes cluster:
      kubeflow-metadata up
    On a laptop, without a cluster or containers:
      kubeflow-metadata up --local
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
    del debug  # read where an error is shown
