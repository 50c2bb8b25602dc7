"""A diagnosis as people read it, at most 80 columns wide, and as a JSON document."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis, Finding

# What errors put before each line takes the rest of 80.
WIDTH = 76
_SHOWN_SYMPTOMS = 6
_INDENT = " " * 2
# A command stands on a line of its own, which is never broken: it is to be copied.
_COMMAND = re.compile(r"run: (?P<command>.+?)(?=$|\. (?=[A-Z]))")


def as_text(diagnosis: Diagnosis) -> str:
    """Returns a diagnosis as people read it; empty if there is nothing to say."""
    told = [as_paragraph(each) for each in diagnosis.findings]
    if diagnosis.unread:
        told.append("\n".join(["Not known, and maybe a cause:", *(_wrapped(each) for each in diagnosis.unread)]))
    return "\n\n".join(told)


def as_paragraph(finding: Finding) -> str:
    """Returns a finding with all that is known of it."""
    return (
        "\n".join([_wrapped(headline(finding), ""), explanation(finding), advice(finding.hint)])
        .replace("\n\n", "\n")
        .rstrip()
    )


def headline(finding: Finding) -> str:
    """Returns the sentence of a finding, with its code; the same as long as it is so."""
    return f"{finding.sentence} [{finding.code}]"


def explanation(finding: Finding) -> str:
    """Returns what explains a finding, and what it explains, without headline and hint."""
    lines = []
    for name, value in (("asked", finding.asked), ("there is", finding.available)):
        if value:
            lines.append(_wrapped(f"{name + ':':<10}{value}", hanging=" " * 10))
    if finding.seconds is not None and finding.seconds >= 1:
        lines.append(f"{_INDENT}{'for:':<10}{duration(finding.seconds)}")
    lines += [_wrapped(each, f"{_INDENT}| ") for each in finding.details.splitlines()]
    alike = [each for each in finding.symptoms if each.code == finding.code]
    for title, found in (("also", alike), ("which is why", [each for each in finding.symptoms if each not in alike])):
        shown = _distinct(each.sentence for each in found)
        lines += [f"{_INDENT}{title}"] if shown else []
        lines += [_wrapped(each, _INDENT * 2) for each in shown[:_SHOWN_SYMPTOMS]]
        if len(shown) > _SHOWN_SYMPTOMS:
            lines.append(f"{_INDENT * 2}and {len(shown) - _SHOWN_SYMPTOMS} more.")
    return "\n".join(lines)


def advice(hint: str) -> str:
    """Returns a hint, with each command on a line of its own."""
    lines, end = [], 0
    for match in _COMMAND.finditer(hint):
        lines.append(_wrapped(f"{hint[end : match.start()].strip(' .')} run:".strip(), _INDENT))
        lines.append(f"{_INDENT * 2}{match['command']}")
        end = match.end()
    if rest := hint[end:].strip(" ") if end == 0 else hint[end:].strip(" ."):
        lines.append(_wrapped(rest))
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Returns seconds as people say them."""
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def as_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Returns a diagnosis as what becomes JSON."""
    return {"findings": [_document(each) for each in diagnosis.findings], "unread": list(diagnosis.unread)}


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "subject": finding.subject,
        "part": finding.part,
        "sentence": finding.sentence,
        "hint": finding.hint,
        "asked": finding.asked,
        "available": finding.available,
        "details": finding.details.splitlines(),
        "seconds": None if finding.seconds is None else round(finding.seconds, 1),
        "final": finding.is_final,
        "over": finding.is_over,
        "symptoms": [_document(each) for each in finding.symptoms],
    }


def _distinct(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _wrapped(text: str, indent: str = _INDENT, hanging: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
