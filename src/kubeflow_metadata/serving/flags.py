"""What the servers' command lines have in common: environment variables, widths, shared flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

GRACE_SECONDS = 20.0

_FORMATS = ("text", "json")
_LEVELS = ("debug", "info", "warning", "error")

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


def log_options(command: F) -> F:
    """Adds the flags ``--log_format`` and ``--log_level``."""
    log_format = click.option(
        "--log_format", type=click.Choice(_FORMATS), default="text", help="Format of the log lines on stderr."
    )
    log_level = click.option("--log_level", type=click.Choice(_LEVELS), default="info", help="Lowest level to log.")
    return log_format(log_level(command))
