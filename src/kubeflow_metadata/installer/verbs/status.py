"""``status`` on a cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.cluster import fact_reader
from kubeflow_metadata.installer.cluster.facts import Facts, Health
from kubeflow_metadata.installer.cluster.port import Cluster, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import status_text
from kubeflow_metadata.installer.verbs.target import Target

_EXIT_CODES = {
    Health.HEALTHY: exit_codes.OK,
    Health.UNHEALTHY: exit_codes.FAILED,
    Health.ABSENT: exit_codes.FAILED,
    Health.UNKNOWN: exit_codes.INCONCLUSIVE,
}
_WATCH_SECONDS = 2.0
# Goes to the upper left corner; clears a line's rest, and what is below.
_HOME, _REST_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def status(target: Target, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> int:
    """Shows how the installation is; returns the exit code."""
    try:
        facts = fact_reader.read(target.cluster(), clock)
    except UnreachableError as error:
        error.exit_code = exit_codes.INCONCLUSIVE  # nobody knows how it is
        raise
    terminal.result(status_text.document(facts), status_text.text(facts))
    return _EXIT_CODES[facts.health]


def watch(target: Target, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Shows it again and again, until Ctrl-C: redrawn on a terminal, elsewhere a line whenever it changes."""
    cluster = target.cluster()
    show = _as_documents() if terminal.as_json else _redrawn() if sys.stdout.isatty() else _as_lines()
    while True:
        show(_look(cluster, clock))
        clock.sleep(_WATCH_SECONDS)


def _look(cluster: Cluster, clock: Clock) -> Facts | UserError:
    try:
        return fact_reader.read(cluster, clock)
    except UnreachableError as error:
        return error


_Show = Callable[[Facts | UserError], None]


def _redrawn() -> _Show:
    _print("\x1b[2J")

    def show(seen: Facts | UserError) -> None:
        text = str(seen) if isinstance(seen, UserError) else status_text.text(seen)
        lines = [f"{line}{_REST_OF_LINE}" for line in text.splitlines()]
        _print(_HOME + "\n".join(lines) + f"\n{_BELOW}")

    return show


def _as_lines() -> _Show:
    last = ""

    def show(seen: Facts | UserError) -> None:
        nonlocal last
        line = str(seen) if isinstance(seen, UserError) else status_text.summary(seen)
        if line != last:
            last = line
            _print(f"{line}\n")

    return show


def _as_documents() -> _Show:
    last = ""

    def show(seen: Facts | UserError) -> None:
        nonlocal last
        if isinstance(seen, UserError):
            document: dict[str, object] = {"health": Health.UNKNOWN.value, "running": False, "summary": str(seen)}
        else:
            document = status_text.document(seen)
        line = str(document["summary"])
        if line != last:
            last = line
            _print(json.dumps(document) + "\n")

    return show


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
