"""What the servers' command lines have in common: environment variables, widths, and the flags of the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_FORMATS = ("text", "json")
_LEVELS = ("debug", "info", "warning", "error")

F = TypeVar("F", bound=Callable[..., Any])


def context_settings(variables: str) -> dict[str, Any]:
    """The settings of a server's command, whose flags are also variables that begin with ``variables``."""
    return {
        "auto_envvar_prefix": variables,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
        # --grpc-port is taken for --grpc_port.
        "token_normalize_func": lambda token: token.replace("-", "_"),
    }


def log_options(command: F) -> F:
    """Adds the flags ``--log_format`` and ``--log_level``."""
    log_format = click.option(
        "--log_format", type=click.Choice(_FORMATS), default="text", help="Form of the log lines on stderr."
    )
    log_level = click.option(
        "--log_level", type=click.Choice(_LEVELS), default="info", help="Least level that is logged."
    )
    return log_format(log_level(command))
