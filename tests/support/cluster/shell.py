"""Runs commands so that a person sees what goes on, and failures say what to do."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

HEARTBEAT_SECONDS = 20.0

console = Console(stderr=True, highlight=False, soft_wrap=True)


class ClusterError(Exception):
    """What is wrong, and what to type next."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}\n{remedy}" if remedy else problem)


Progress = Callable[[str], None]
"""Is told the title of each stage as it begins."""


def unnumbered(title: str) -> None:
    """Shows nothing: for runs whose stages nobody counts."""
    del title


def numbered(total: int) -> Progress:
    """Announces each stage as n of m."""
    begun = 0

    def announce(title: str) -> None:
        nonlocal begun
        begun += 1
        console.print(f"[bold]\\[{begun}/{total}] {title}[/]")

    return announce


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announces a step and, at its end, how long it took."""
    started = time.monotonic()
    console.print(f"[bold]>[/] {title}")
    try:
        yield
    except BaseException:
        console.print(f"[red]x[/] {title} ({time.monotonic() - started:.0f} s)")
        raise
    console.print(f"[green]+[/] {title} ({time.monotonic() - started:.0f} s)")


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = 300,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Runs a short command and gives back what it printed."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is not installed.", "Run: make e2e-deps") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"No end after {timeout:.0f} s: {_typed(command)}") from None
    if check and done.returncode:
        raise ClusterError(_failure(command, done.returncode, f"{done.stdout}\n{done.stderr}"))
    return done


def run_visibly(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 3600,
) -> None:
    """Runs a long command; while it is silent to us, a line now and then says what it last said."""
    lines: list[str] = []
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is not installed.", "Run: make e2e-deps") from None

    def collect() -> None:
        assert process.stdout is not None
        lines.extend(line.rstrip() for line in process.stdout)

    def heartbeat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            last = next((line for line in reversed(lines) if line), "")
            console.print(f"  [dim]{time.monotonic() - started:4.0f} s  {last[:90]}[/]", markup=True)

    ended = threading.Event()
    threads = [threading.Thread(target=collect, daemon=True), threading.Thread(target=heartbeat, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ClusterError(f"No end after {timeout:.0f} s: {_typed(command)}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        ended.set()
        for thread in threads:
            thread.join()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode:
        raise ClusterError(_failure(command, process.returncode, "\n".join(lines)))


def _typed(command: Sequence[str | Path]) -> str:
    return " ".join(str(part) for part in command)


def _failure(command: Sequence[str | Path], code: int, output: str) -> str:
    tail = "\n".join(f"  {line}" for line in output.strip().splitlines()[-25:])
    return f"Exit code {code}: {_typed(command)}\n{tail}"
