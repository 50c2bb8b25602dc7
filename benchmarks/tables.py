"""The tables that a run prints, in Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks import ratios
from benchmarks.contestants import OFFICIAL, OURS, REUSED
from benchmarks.measuring import CLIENTS, Rates

# The goals over the official server on MySQL, as this project set them.
GOALS = {"get by id": 15, "page of 100": 8, "lineage subgraph": 10, "put one": 10, "put of 100": 20}


def title(command: str, database: str, driver: str) -> str:
    """Returns what was measured, with what, on which machine."""
    where = f"MySQL through {driver}" if database == "mysql" else "SQLite"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, which {CLIENTS} client processes share"
    return f"Calls per second on {where}, Python {platform.python_version()}, {machine}: `{command}`"


def rates(measured: Rates, rows: Sequence[str], *, goals: bool) -> Iterator[str]:
    """Yields a table with the medians of the rates, and of the ratios of each turn."""
    others = [name for name in (OFFICIAL, REUSED) if name in measured and OURS in measured]
    columns = ["call", *measured]
    for name in others:
        columns += [f"ours / {name}", *(["goal"] if goals and name == OFFICIAL else [])]
    yield from _head(columns)
    for row in rows:
        cells = [row, *(f"{statistics.median(measured[name][row]):.0f}" for name in measured)]
        for name in others:
            ratio = ratios.median_ratio(measured[OURS][row], measured[name][row])
            cells += [f"{ratio:.1f}", *([str(GOALS[row])] if goals and name == OFFICIAL else [])]
        yield _line(cells)


def verdicts(
    measured: Mapping[str, Mapping[str, Sequence[float]]], rows: Sequence[str], old: str, control: str
) -> Iterator[str]:
    """Yields a table with what each row says of ours beside an older commit, and of that one beside itself."""
    yield from _head(["call", "turns", f"ours / {old}", "lower bound", f"{old} / itself", "lower bound", "verdict"])
    for row in rows:
        new = ratios.ratios(measured[OURS][row], measured[old][row])
        same = ratios.ratios(measured[control][row], measured[old][row])
        numbers = [statistics.median(new), ratios.lower_bound(new), statistics.median(same), ratios.lower_bound(same)]
        yield _line([row, str(len(new)), *(f"{number:.2f}" for number in numbers), ratios.verdict(new, same)])


def _head(columns: Sequence[str]) -> Iterator[str]:
    yield _line(columns)
    yield f"|{'---|' * len(columns)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
