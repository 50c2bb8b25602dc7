"""``logs`` on a cluster: those of all parts, merged."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.connection.following import Follower, Line, containers, read
from kubeflow_metadata.installer.cluster.port import LogExtent
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.log_lines import Style, Wanted, shown
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import PARTS

LINES = 200


def logs(target: Target, wanted: Wanted, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Prints the logs of parts; with ``follow`` until Ctrl-C.

    Raises:
        UserError: there are none, or they may not be read.
    """
    cluster = target.cluster()
    names = wanted.parts or tuple(part.name for part in PARTS)
    found = containers(cluster, names)
    if not found and not wanted.follow:
        which = f" of {', '.join(wanted.parts)}" if wanted.parts else ""
        raise UserError(
            f"There are no pods{which} in namespace {cluster.namespace} of context {cluster.context}.",
            hint=f"To see what is installed, run: {program.command('status')} {cluster.options}",
        )
    # A time alone is limit enough.
    lines = wanted.lines or (None if wanted.seconds else LINES)
    extent = LogExtent(lines, wanted.seconds, wanted.previous)
    style = Style(terminal.as_json, wanted.raw, several=len(names) > 1)
    if wanted.follow:
        _print(Follower(cluster, names, terminal.note, clock).lines(extent), style)
        return
    if wanted.previous:
        found = [each for each in found if each.restarts]
        if not found:
            terminal.note("No container was restarted, so there is no previous log.")
    for each in found:
        if not each.has_log:
            terminal.note(f"{each.part}: the container {each.name} of pod {each.pod} has not started yet.")
    _print(read(cluster, [each for each in found if each.has_log], extent, terminal.note), style)


def _print(lines: Iterable[Line], style: Style) -> None:
    for line in lines:
        sys.stdout.write(shown(line.part, line.pod, line.time, line.text, style) + "\n")
        sys.stdout.flush()
