"""``python -m kubeflow_metadata.smoke``: what the smoke test's Job runs in a cluster."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import click

from kubeflow_metadata.smoke import checks
from kubeflow_metadata.smoke.sample import Sample

_TERMINATION_LOG = Path("/dev/termination-log")
_TERMINATED = 128 + signal.SIGTERM
# In characters: Kubernetes keeps 4 KiB of the whole.
_LONGEST_PROBLEM = 300


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
@click.option(
    "--test", "tests", type=click.Choice(list(checks.TESTS)), multiple=True, help="Only this test. Repeatable."
)
def main(grpc: str, rest: str, ui: str, tests: tuple[str, ...]) -> None:
    """Log a few records unless they exist already, and read them back through every server."""
    # The first process of a container ignores what it does not handle, until it is killed after its grace period.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    results = checks.run_checks({"grpc": grpc, "rest": rest, "ui": ui}, Sample(grpc, rest), tests)
    _leave(results)
    click.echo(checks.report(results))
    sys.exit(any(result.problem for result in results))


def _leave(results: list[checks.CheckResult]) -> None:
    """Writes the results to where the status of a pod shows them."""
    if _TERMINATION_LOG.exists():
        cut = [vars(result) | {"problem": result.problem[:_LONGEST_PROBLEM]} for result in results]
        with suppress(OSError):
            _TERMINATION_LOG.write_text(json.dumps(cut))


if __name__ == "__main__":
    main()
