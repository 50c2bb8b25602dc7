"""Plans as text for a terminal, and as a document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.planning.plan import Action, Change, FieldChange, Plan
from kubeflow_metadata.installer.cluster.state.settings import Change as SettingChange

WIDTH = 80
_PIECES = 8
Style = Callable[[str, str], str]

_SYMBOLS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.RECREATE: "-/+",
    Action.DELETE: "-",
    Action.UNKNOWN: "?",
}
_COLOURS = {
    Action.CREATE: "32",
    Action.UPDATE: "33",
    Action.RECREATE: "35",
    Action.DELETE: "31",
    Action.UNKNOWN: "36",
}
_RED = "31;1"
_COUNTED = (Action.CREATE, Action.UPDATE, Action.RECREATE, Action.DELETE)


def plain(text: str, _colour: str) -> str:
    """Leaves text without colours."""
    return text


def render(plan: Plan, style: Style = plain) -> str:
    """Returns a plan for people to read."""
    blocks = [
        list(_settings(plan.settings)),
        list(_losses(plan)),
        [line for change in plan.pending for line in _change(change, style)],
        list(_findings(plan.findings, style)),
        [line for note in plan.notes for line in _wrapped(note, "Note: ", "  ")],
    ]
    return "\n\n".join("\n".join(block) for block in [*filter(None, blocks), [summary(plan)]])


def summary(plan: Plan) -> str:
    """Returns how much a plan does, in one line."""
    counts = plan.counts
    words = [f"{counts[action.value]} to {action.value}" for action in _COUNTED if counts[action.value]]
    if unknown := counts[Action.UNKNOWN.value]:
        words.append(f"{unknown} unknown")
    unchanged = counts[Action.UNCHANGED.value]
    if not words:
        return f"Plan: nothing to change, {unchanged} unchanged."
    return f"Plan: {', '.join(words)}, {unchanged} unchanged."


def as_document(plan: Plan) -> dict[str, Any]:
    """Returns a plan for programs to read."""
    return {
        "engine": plan.engine,
        "counts": plan.counts,
        "settings": [{"name": each.name, "before": each.before, "after": each.after} for each in plan.settings],
        "changes": [_change_document(each) for each in plan.pending],
        "findings": [
            {
                "code": each.code,
                "subject": each.subject,
                "sentence": each.sentence,
                "details": each.details,
                "hint": each.hint,
            }
            for each in plan.findings
        ],
        "managed_by": dict(plan.managed),
        "lost": list(plan.losses),
        "admission_checked": plan.admission_checked,
        "exact": plan.is_exact,
        "notes": list(plan.notes),
    }


def _settings(changes: tuple[SettingChange, ...]) -> Iterator[str]:
    if changes:
        yield "Settings:"
    for each in changes:
        yield from _valued(f"  {each.name}", each.before, each.after, "(not set)")
        if each.is_default:
            yield "    (back to the default)"


def _losses(plan: Plan) -> Iterator[str]:
    for each in plan.losses:
        engine, _, what = each.partition(": ")
        yield from _wrapped(f"Takes over from {engine}, which loses {what}.", "", "  ")
    for who in sorted({manager for _, manager in plan.managed}):
        count = sum(manager == who for _, manager in plan.managed)
        yield from _wrapped(f"{who} manages {count} of these objects.", "", "  ")


def _change(change: Change, style: Style) -> Iterator[str]:
    yield style(f"{_SYMBOLS[change.action]} {change.identity}", _COLOURS[change.action])
    if change.reason:
        yield from _wrapped(f"({change.reason})", "    ", "    ")
    if change.taken_from:
        yield from _wrapped(f"(taken over from {', '.join(change.taken_from)})", "    ", "    ")
    for each in change.fields:
        yield from _valued(f"    {each.path}", each.before, each.after, "(none)")
        if each.manager and each.manager not in change.taken_from:
            yield f"      ({'drift: ' if each.is_drift else ''}set by {each.manager})"


def _findings(findings: tuple[Finding, ...], style: Style) -> Iterator[str]:
    if findings:
        yield style("Problems:", _RED)
    for each in findings:
        yield from _wrapped(f"{each.code} {each.sentence}", "  ", "    ")
        for line in each.details.splitlines():
            yield from _wrapped(line, "    | ", "    | ")
        if each.hint:
            yield from _wrapped(each.hint, "    ", "    ")


def _valued(name: str, before: Any, after: Any, missing: str) -> Iterator[str]:
    old = missing if before is None else json.dumps(before, ensure_ascii=False)
    new = missing if after is None else json.dumps(after, ensure_ascii=False)
    line = f"{name}: {old} -> {new}"
    if len(line) <= WIDTH:
        yield line
        return
    indent = " " * (len(name) - len(name.lstrip()) + 2)
    yield from _folded(f"{name}:", indent)
    yield from _folded(f"{indent}   {old}", f"{indent}   ")
    yield from _folded(f"{indent}-> {new}", f"{indent}   ")


def _folded(line: str, indent: str) -> Iterator[str]:
    """Yields a line in pieces of the width; of one that is very long, only the first."""
    for _ in range(_PIECES):
        yield line[:WIDTH]
        if len(line) <= WIDTH:
            return
        line = indent + line[WIDTH:]
    yield f"{indent}..."


def _wrapped(text: str, first: str, later: str) -> Iterator[str]:
    """Yields text in lines; words that are longer than a line, such as commands to copy, stay whole."""
    line, start = first, first
    for word in text.split(" "):
        if line != start and len(line) + 1 + len(word) > WIDTH:
            yield line
            line = start = later
        line += word if line == start else f" {word}"
    yield line


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "action": change.action.value,
        "api_version": change.identity.api_version,
        "kind": change.identity.kind,
        "name": change.identity.name,
        "reason": change.reason,
        "taken_from": list(change.taken_from),
        "fields": [_field_document(each) for each in change.fields],
    }


def _field_document(each: FieldChange) -> dict[str, Any]:
    return {
        "path": each.path,
        "before": each.before,
        "after": each.after,
        "manager": each.manager,
        "drift": each.is_drift,
    }
