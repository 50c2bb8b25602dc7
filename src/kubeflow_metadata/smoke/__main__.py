"""``python -m kubeflow_metadata.smoke``: what the smoke test's Job runs in a cluster."""

from __future__ import annotations

import sys

import click

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.smoke import checks, demo


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--grpc", required=True, metavar="HOST:PORT", help="The MLMD gRPC server.")
@click.option("--rest", required=True, metavar="URL", help="The REST backend.")
@click.option("--ui", required=True, metavar="URL", help="The Artifact Store.")
def main(grpc: str, rest: str, ui: str) -> None:
    """Log the demo unless it already exists, and read it back through every server."""
    try:
        if not demo.find_demo(rest):
            demo.log_demo(rest)
    except (UserError, OSError) as error:
        # The checks tell which server is to blame.
        click.echo(f"FAILED the demo is logged: {error}")
    results = checks.run_checks({"grpc": grpc, "rest": rest, "ui": ui})
    click.echo(checks.report(results))
    sys.exit(any(result.problem for result in results))


if __name__ == "__main__":
    main()
