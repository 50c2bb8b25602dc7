"""What the user sees: progress and errors on standard error, results on standard output.

On a terminal, running steps show a spinner; elsewhere, and with ``NO_COLOR`` or ``TERM=dumb``, each is one plain line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from kubeflow_metadata.errors import UserError


class Terminal:
    """Shows progress and results."""

    def __init__(self, *, as_json: bool = False) -> None:
        """With ``as_json`` the result is one JSON document; progress still goes to standard error."""
        self.as_json = as_json
        self._fancy = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._fancy and not os.environ.get("NO_COLOR")

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Shows that something is in progress, then how it ended."""
        if not self._fancy:
            step = Step(lambda text, lasting: self._line(f"  {text}") if lasting else None)
            self._line(f"{what} ...")
            yield step
            if step.outcome:
                self._line(f"  {step.outcome}")
            return
        from rich.console import Console
        from rich.markup import escape

        console = Console(stderr=True, highlight=False)
        try:
            with console.status(what) as shown:

                def show(text: str, lasting: bool) -> None:
                    if not lasting:
                        shown.update(f"{what}  [dim]{escape(text)}[/dim]")

                step = Step(show)
                yield step
        except BaseException:
            console.print(f"[red]✗[/red] {what}")
            raise
        console.print(f"[green]✓[/green] {what}" + (f"  [dim]{step.outcome}[/dim]" if step.outcome else ""))

    def note(self, text: str) -> None:
        """Shows something that the user should know."""
        self._line(self._styled(text, "33"))

    def show(self, text: str) -> None:
        """Shows what the user should read before going on."""
        self._line(text)

    def style(self, text: str, style: str) -> str:
        """Returns text for ``show`` in a colour, where progress has colours."""
        return self._styled(text, style)

    def result_style(self, text: str, style: str) -> str:
        """Returns text for ``result`` in a colour, where standard output has colours."""
        coloured = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
        return f"\x1b[{style}m{text}\x1b[0m" if coloured else text

    def error(self, error: UserError) -> None:
        """Shows what went wrong and what to do."""
        self._line(f"{self._styled('Error:', '31;1')} {error}")
        for line in error.details.splitlines():
            self._line(f"  | {line}")
        if error.hint:
            self._line(error.hint)

    def result(self, document: Mapping[str, object], text: str) -> None:
        """Prints the result: the document as JSON, or the text."""
        sys.stdout.write((json.dumps(document, indent=2) if self.as_json else text.rstrip()) + "\n")
        sys.stdout.flush()

    def _line(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour else text


class Step:
    """A running step."""

    def __init__(self, show: Callable[[str, bool], object]) -> None:
        """Shows text with ``show``, which is told whether the text deserves its own line."""
        self.outcome = ""
        self._show = show
        self._shown: tuple[str, ...] = ()

    def say(self, *lines: str) -> None:
        """Shows how far it is; without a terminal, only what is new since the last time."""
        for line in lines:
            if line not in self._shown:
                self._show(line, True)
        self._shown = lines
        if lines:
            self._show("; ".join(lines), False)

    def glimpse(self, text: str) -> None:
        """Shows what is being done just now, on a terminal only."""
        self._show(text, False)


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Returns rows in columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)
