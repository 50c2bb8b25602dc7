"""``history``: the revisions of an installation, and what each changed."""

from __future__ import annotations

import textwrap
from typing import Any

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.state import revisions
from kubeflow_metadata.installer.cluster.state.revision import Revision
from kubeflow_metadata.installer.cluster.state.settings import Change, changes
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.installer.verbs.target import Target

_WIDTH = 80
_HEADER = ("REVISION", "CREATED", "ENGINE", "VERSION", "OUTCOME")


def history(target: Target, terminal: Terminal) -> None:
    """Shows the revisions, the newest first."""
    cluster = target.cluster()
    known = revisions.history(cluster)
    changed = [_changes(known, place) for place in range(len(known))]
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "revisions": [_document(each, made) for each, made in zip(known, changed, strict=True)],
    }
    where = f"namespace {cluster.namespace}"
    if cluster.context:
        where = f"context {cluster.context}, {where}"
    if not known:
        text = f"No revisions in {where}.\n\nTo install, run: {program.command('up')} {cluster.options}"
        terminal.result(document, text)
        return
    header, *rows = table([_row(each) for each in known], _HEADER).splitlines()
    lines = [header]
    for row, each, made in zip(rows, known, changed, strict=True):
        details = [*map(str, made), *([f"reason: {each.reason.splitlines()[0]}"] if each.reason else [])]
        lines += [row, *(line for detail in details for line in _folded(detail))]
    settings = f"{program.command('get settings')} {cluster.options} --revision N"
    terminal.result(document, "\n".join([*lines, "", f"For the settings of a revision, run:\n  {settings}"]))


def _changes(known: list[Revision], place: int) -> tuple[Change, ...]:
    """Returns what a revision changed; of the oldest, what it set."""
    older = known[place + 1].settings if place + 1 < len(known) else {}
    return changes(older, known[place].settings)


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _row(revision: Revision) -> tuple[str, ...]:
    created = revision.created.replace("T", " ").removesuffix("Z") or "unknown"
    return str(revision.number), created, revision.engine, revision.version, revision.outcome


def _document(revision: Revision, changed: tuple[Change, ...]) -> dict[str, Any]:
    return {
        "number": revision.number,
        "created": revision.created,
        "engine": revision.engine,
        "version": revision.version,
        "outcome": revision.outcome,
        "reason": revision.reason,
        "changes": [vars(each) for each in changed],
    }
