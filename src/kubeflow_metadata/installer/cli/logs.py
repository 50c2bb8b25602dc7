"""Parses ``logs``."""

from __future__ import annotations

import click

from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cli.options import Shared
from kubeflow_metadata.parts import PARTS, SERVERS

_NAMES = [part.name for part in PARTS]
_LOCAL_NAMES = [part.name for part in SERVERS]


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    from kubeflow_metadata.installer.verbs.log_lines import seconds

    if value is None:
        return None
    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("logs", cls=options.Verb, short_help="Print the logs of all parts, in order.")
@options.cluster
@options.local
@click.argument("part", required=False, type=click.Choice(_NAMES))
@click.option("--part", "parts", type=click.Choice(_NAMES), multiple=True, help="Only this part. Repeatable.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@click.option(
    "-p",
    "--previous",
    cls=options.ClusterOption,
    is_flag=True,
    help="The logs of containers before their last restart.",
)
@click.option(
    "--lines",
    type=click.IntRange(1),
    metavar="N",
    help="At most the last N lines of each log. [default: 200 on a cluster, else all]",
)
@click.option("--since", "seconds", callback=_seconds, metavar="TIME", help="Only lines of the last 30s, 5m, 2h or 1d.")
@click.option("--raw", is_flag=True, help="Print lines as they were written.")
@options.output
@click.pass_obj
def command(
    shared: Shared,
    part: str | None,
    parts: tuple[str, ...],
    follow: bool,
    previous: bool,
    lines: int | None,
    seconds: int | None,
    raw: bool,
) -> None:
    """Print the logs of all parts in the order in which they were written, or that of PART.

    With -o json, each line is one JSON document.
    """
    from kubeflow_metadata.installer.verbs.log_lines import Wanted
    from kubeflow_metadata.installer.verbs.logs import logs
    from kubeflow_metadata.installer.verbs.logs_local import logs_local

    if follow and previous:
        raise click.UsageError("--previous cannot be used with --follow.")
    if raw and shared.output == "json":
        raise click.UsageError("--raw cannot be used with -o json.")
    names = tuple(dict.fromkeys((*parts, *((part,) if part else ()))))
    wanted = Wanted(names, lines, seconds, previous, follow, raw)
    if not shared.local:
        logs(shared.target, wanted, shared.terminal)
        return
    if others := [name for name in names if name not in _LOCAL_NAMES]:
        raise click.UsageError(f"There is no {others[0]} on a laptop: choose one of {', '.join(_LOCAL_NAMES)}.")
    logs_local(shared.data_dir, wanted, shared.terminal)
