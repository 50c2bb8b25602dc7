"""``python -m kubeflow_metadata.smoke``: what the smoke test's Job runs in a cluster."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.smoke import checks, demo


def _url(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if "@" in value:
        raise click.BadParameter("an address with a user name or password is not supported.", context, parameter)
    if not usable:
        raise click.BadParameter(f"{value!r} is not an address like http://localhost:8080.", context, parameter)
    return value.rstrip("/")


def _target(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if "@" in value:
        raise click.BadParameter("an address with a user name or password is not supported.", context, parameter)
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--grpc", callback=_target, required=True, metavar="HOST:PORT", help="The MLMD gRPC server.")
@click.option("--rest", callback=_url, required=True, metavar="URL", help="The REST backend.")
@click.option("--ui", callback=_url, required=True, metavar="URL", help="The Artifact Store.")
def main(grpc: str, rest: str, ui: str) -> None:
    """Log the demo unless it already exists, and read it back through every server."""
    try:
        if not demo.find_demo(rest):
            demo.log_demo(rest)
    except UserError as error:
        # The checks tell which server is to blame.
        click.echo(f"FAILED the demo is logged: {error}")
    results = checks.run_checks({"grpc": grpc, "rest": rest, "ui": ui})
    click.echo(checks.report(results))
    sys.exit(any(result.problem for result in results))


if __name__ == "__main__":
    main()
