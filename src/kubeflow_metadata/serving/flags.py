"""What the servers' command lines have in common: environment variables, widths, shared flags."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from kubeflow_metadata.parts import SERVERS
from kubeflow_metadata.serving.memory import size_of

GRACE_SECONDS = 20.0

# Variables of programs that may run in the same environment, and of this project's tests.
_OTHER_PREFIXES = ("KFM_SECRET", "KFM_SOAK", "KFM_FAULT", "KFM_FUZZ")
_SERVERS_PREFIXES = tuple(part.environment for part in SERVERS)

_FORMATS = ("text", "json")
_LEVELS = ("debug", "info", "warning", "error")


class _Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, as Kubernetes writes memory."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        size = size_of(str(value))
        if size <= 0:
            self.fail(f"{str(value)[:100]!r} is not a size like 512Mi, 1Gi or 536870912.", param, ctx)
        return size


SIZE = _Size()

F = TypeVar("F", bound=Callable[..., Any])


def context_settings(variables: str) -> dict[str, Any]:
    """Returns the settings of a server's command, whose flags are also variables that begin with ``variables``."""
    return {
        "auto_envvar_prefix": variables,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
        # --grpc-port is taken for --grpc_port.
        "token_normalize_func": lambda token: token.replace("-", "_"),
    }


def port_option(flag: str, *, default: int, help: str) -> Callable[[F], F]:  # noqa: A002 - click's own word
    """Adds a flag for a port to listen on."""
    return click.option(flag, type=click.IntRange(0, 65535), default=default, metavar="PORT", help=help)


def grace_option(command: F) -> F:
    """Adds the flag ``--grace_seconds``."""
    return click.option(
        "--grace_seconds",
        type=click.FloatRange(0, 3600),
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="Time for requests in progress to finish after SIGTERM.",
    )(command)


def longest_call_option(seconds: float) -> Callable[[F], F]:
    """Adds the flag ``--max_call_seconds``, with its default."""
    return click.option(
        "--max_call_seconds",
        type=click.FloatRange(0, 86_400),
        default=seconds,
        metavar="SECONDS",
        help="Longest time that a request may take until its response begins (504 after that); 0 for no limit.",
    )


def memory_option(command: F) -> F:
    """Adds the flag ``--memory_limit``."""
    return click.option(
        "--memory_limit",
        type=SIZE,
        show_default="that of the container, else none",
        metavar="SIZE",
        help="Memory that this server may use, such as 384Mi; what requests may hold at once follows from it.",
    )(command)


def log_options(command: F) -> F:
    """Adds the flags ``--log_format`` and ``--log_level``."""
    log_format = click.option(
        "--log_format", type=click.Choice(_FORMATS), default="text", help="Format of the log lines on stderr."
    )
    log_level = click.option("--log_level", type=click.Choice(_LEVELS), default="info", help="Lowest level to log.")
    return log_format(log_level(command))


def warn_of_unknown_variables(also_known: Iterable[str] = ()) -> None:
    """Logs the variables of the environment that look like a flag of the running command and are none.

    Args:
        also_known: variables that are not flags.
    """
    import structlog

    context = click.get_current_context()
    prefix = context.auto_envvar_prefix
    known = {f"{prefix}_{parameter.name}".upper() for parameter in context.command.params if parameter.name}
    elsewhere = tuple(f"{other}_" for other in (*_OTHER_PREFIXES, *_SERVERS_PREFIXES) if other != prefix)
    for name in sorted(os.environ):
        if not name.startswith("KFM_") or name in known or name in also_known or name.startswith(elsewhere):
            continue
        likely = next(iter(difflib.get_close_matches(name, known, 1)), None)
        structlog.get_logger("kubeflow_metadata.serving.flags").warning(
            "unknown environment variable; it has no effect",
            variable=name,
            **({"likely": likely} if likely else {"flags": "see --help"}),
        )
