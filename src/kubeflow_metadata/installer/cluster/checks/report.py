"""Results as people and programs read them: a table, short lines, JSON, JUnit."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.checks.result import Result, Severity, exit_code
from kubeflow_metadata.installer.terminal import Terminal

_WIDTH = 80
_INDENT = " " * 20
_COMMAND = re.compile(r"[Rr]un: (?P<command>.+?)(?=$|\. (?=[A-Z]))")
# What a terminal cannot show, or would act on; names and messages come from the cluster.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Shown:
    """How results are shown.

    Attributes:
        short: only what is not as it should be.
        junit: a file for the results as JUnit XML.
    """

    short: bool = False
    junit: Path | None = None


def show(results: Sequence[Result], shown: Shown, terminal: Terminal, where: Mapping[str, object]) -> int:
    """Shows results; returns the exit code."""
    if shown.junit is not None:
        write_junit(results, shown.junit)
    whole = {
        **where,
        "passed": not any(each.severity is Severity.FAILED for each in results),
        "counts": counts(results),
        "checks": document(results),
    }
    terminal.result(whole, short(results) if shown.short else table(results))
    return exit_code(results)


def table(results: Sequence[Result]) -> str:
    """Returns all results, in categories, with what to do about those that are not as they should be."""
    lines = []
    for category, group in groupby(results, key=lambda each: each.category):
        lines.append(category)
        for result in group:
            first = f"  {result.severity.value:7}  {result.code}  "
            lines += _wrapped(result.sentence, first)
            for detail in _printable(result.details).splitlines():
                lines += _wrapped(detail, f"{_INDENT}| ")
            if result.hint:
                lines += _hint(result.hint)
        lines.append("")
    return "\n".join([*lines, _summary(results)])


def short(results: Sequence[Result]) -> str:
    """Returns a line for each result that is not as it should be, and a summary."""
    lines = [
        f"{each.severity.value} {each.code} {_one_line(each.sentence)}"
        for each in results
        if each.severity is not Severity.OK
    ]
    return "\n".join([*lines, _summary(results)])


def document(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Returns results as JSON has them."""
    return [
        {
            "code": each.code,
            "category": each.category,
            "severity": each.severity.value,
            "sentence": each.sentence,
            "hint": each.hint,
            "details": each.details,
            "docs": each.docs,
        }
        for each in results
    ]


def counts(results: Iterable[Result]) -> dict[str, int]:
    """Returns how many results there are of each severity."""
    counted = Counter(each.severity for each in results)
    return {severity.value: counted[severity] for severity in Severity}


def write_junit(results: Sequence[Result], file: Path) -> None:
    """Writes the results as JUnit XML; what nobody could tell counts as skipped.

    Raises:
        UserError: the file cannot be written.
    """
    counted = counts(results)
    suite = ET.Element(
        "testsuite",
        name="check",
        tests=str(len(results)),
        failures=str(counted["failed"]),
        skipped=str(counted["unknown"]),
        errors="0",
    )
    for each in results:
        case = ET.SubElement(suite, "testcase", classname=f"check.{each.category}", name=f"{each.code} {each.sentence}")
        explained = _UNPRINTABLE.sub("", "\n".join(filter(None, (each.details, each.hint))))
        case.set("name", _UNPRINTABLE.sub("", case.get("name", "")))
        if each.severity is Severity.FAILED:
            ET.SubElement(case, "failure", message=_one_line(each.sentence)).text = explained
        elif each.severity is Severity.UNKNOWN:
            ET.SubElement(case, "skipped", message=_one_line(each.sentence)).text = explained
        elif explained:
            ET.SubElement(case, "system-out").text = explained
    try:
        ET.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise UserError(f"Cannot write {file}: {error.strerror}.", hint="Choose another file with --junit.") from error


def _summary(results: Sequence[Result]) -> str:
    counted = counts(results)
    words = [f"{counted['ok']} ok"]
    words += [f"{counted[name]} {word}" for name, word in _WORDS if counted[name]]
    verdict = "Everything is as it should be" if len(words) == 1 else ", ".join(words)
    return f"{verdict}: {words[0]}." if len(words) == 1 else f"{verdict}."


_WORDS = (("warning", "with a warning"), ("failed", "failed"), ("unknown", "unknown"))


def _hint(hint: str) -> list[str]:
    """Returns a hint in lines; a command stands on its own, in one piece, so that it can be copied."""
    text, end = _one_line(hint), 0
    lines: list[str] = []
    for match in _COMMAND.finditer(text):
        lines += _wrapped(text[end : match.start("command")].lstrip(" ."), f"{_INDENT}{'   ' if lines else '-> '}")
        lines.append(_command(match["command"]))
        end = match.end()
    if rest := text[end:].strip(" ."):
        lines += _wrapped(f"{rest}.", f"{_INDENT}{'   ' if lines else '-> '}")
    return lines


def _command(command: str) -> str:
    indent = f"{_INDENT}   "
    return f"{indent if len(indent) + len(command) <= _WIDTH else '    '}{command}"


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        _one_line(text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * max(len(first), len(_INDENT)),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _one_line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)
