"""Addresses: how they are written, and origins, hosts and URLs of the command line, checked before a server starts.

What is refused is shown in the error, except where it may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

EVERY = "*"

DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})\.?", re.ASCII)

F = TypeVar("F", bound=Callable[..., Any])


def host_and_port(host: str, port: int | str) -> str:
    """Returns an address as gRPC and people write it: ``[::1]:8080`` for a host with colons, brackets or not."""
    return f"{in_url(host.removeprefix('[').removesuffix(']'))}:{port}"


def in_url(host: str) -> str:
    """Returns a host as it stands in URLs: an address with colons in brackets."""
    return f"[{host}]" if ":" in host else host


def door_options(command: F) -> F:
    """Adds the flags ``--allowed_origins`` and ``--allowed_hosts``, each a list of texts."""
    origins = click.option(
        "--allowed_origins",
        multiple=True,
        callback=_origins,
        show_default="none",
        metavar="ORIGINS",
        help="Other origins whose pages may call this server, comma-separated or repeated; * allows all.",
    )
    hosts = click.option(
        "--allowed_hosts",
        multiple=True,
        callback=_hosts,
        show_default="those of this machine when listening on a loopback address, else *",
        metavar="HOSTS",
        help="Host names by which this server may be called, comma-separated or repeated; * allows all.",
    )
    return origins(hosts(command))


def check_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Returns the URL of a neighbouring server if it can be one; for callbacks of flags."""
    if value is None:
        return None
    _refuse_credentials(context, parameter, value)
    try:
        parts = urlsplit(value)
        usable = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise click.BadParameter(f"{shown(value)} is not an address like http://localhost:8080.", context, parameter)
    return value


def check_host(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Returns a host name or an IP address without brackets; for callbacks of flags."""
    if value is None:
        return None
    _refuse_credentials(context, parameter, value)
    host = _host(value)
    if host is None:
        raise click.BadParameter(
            f"{shown(value)} is not a host name or an IP address like localhost or ::1.", context, parameter
        )
    return host


def _origins(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    origins = _parts(values)
    if EVERY in origins and len(origins) > 1:
        raise click.BadParameter("* allows every origin; leave out the others.", context, parameter)
    for origin in origins:
        _refuse_credentials(context, parameter, origin)
        written = origin if origin == EVERY else _as_browsers_write(origin)
        if written is None:
            raise click.BadParameter(
                f"{shown(origin)} is not an origin like https://example.org:8443.", context, parameter
            )
        if written != origin:
            raise click.BadParameter(f"{shown(origin)} never matches: browsers send {written!r}.", context, parameter)
    return origins


def _hosts(context: click.Context, parameter: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    hosts = []
    for value in _parts(values):
        _refuse_credentials(context, parameter, value)
        host = value if value == EVERY else _host(value)
        if host is None:
            raise click.BadParameter(
                f"{shown(value)} is not a host name like kubeflow.example.org; leave out scheme, port and path.",
                context,
                parameter,
            )
        hosts.append(host.lower().rstrip("."))
    return tuple(hosts)


def _parts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for value in values for part in value.split(","))))


def _host(value: str) -> str | None:
    """Returns a host name or an address, which may be in brackets; None if it is neither."""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return value if _NAME.fullmatch(value) else None
    return bare


def _as_browsers_write(origin: str) -> str | None:
    """Returns the origin of an address; None if it is not an address of the web."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in DEFAULT_PORTS or not host or not host.isascii():
        return None
    return f"{parts.scheme}://{in_url(host)}" + (f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else "")


def _refuse_credentials(context: click.Context, parameter: click.Parameter, value: str) -> None:
    if "@" in value:
        raise click.BadParameter(
            "an address must not hold a user name or a password (what is before the @ is not shown here).",
            context,
            parameter,
        )


def shown(value: str) -> str:
    """Returns what somebody sent or typed, for an error: quoted, and cut where it is long."""
    return repr(value if len(value) <= 100 else f"{value[:100]}...")
