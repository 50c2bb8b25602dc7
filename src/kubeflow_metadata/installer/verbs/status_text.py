"""The facts of an installation as text for a terminal of 80 columns, and as a document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.diagnosis import text as diagnosis_text
from kubeflow_metadata.installer.cluster.facts import Facts, Health, PartFacts, Replica
from kubeflow_metadata.installer.terminal import table
from kubeflow_metadata.installer.verbs.times import age

_COLUMNS = 80
_NAMES = 12  # columns for what a line is about
_UNKNOWN = "unknown"
# Of a digest: enough to compare by eye.
_DIGEST = len("sha256:") + 12
_MOST_FIELDS = 3

_ENDPOINTS = {"ui": "UI", "rest": "REST", "grpc": "gRPC", "grpc_web": "gRPC-Web"}


def document(facts: Facts) -> dict[str, object]:
    """Returns the facts as a document, whose names docs/status.md promises."""
    found: dict[str, object] = asdict(facts)
    for name in ("diagnosis", "options"):
        del found[name]
    found["taken"] = facts.taken.strftime("%Y-%m-%dT%H:%M:%SZ")
    first: dict[str, object] = {
        "health": facts.health.value,
        "running": facts.health is Health.HEALTHY,
        "summary": summary(facts),
        "warnings": list(facts.warnings),
    }
    return {**first, **found, "findings": diagnosis_text.as_document(facts.diagnosis)["findings"]}


def summary(facts: Facts) -> str:
    """Returns whether the installation is healthy, and if not, why: in one sentence."""
    health = facts.health
    where = f"namespace {facts.namespace} of context {facts.context}"
    if health is Health.ABSENT:
        return f"Nothing is installed in {where}."
    if health is Health.UNKNOWN:
        return f"Unknown: what runs in {where} may not be read."
    parts = facts.parts or ()
    if health is Health.HEALTHY:
        ready = (
            f"Healthy: {parts[0].name} is ready" if len(parts) == 1 else f"Healthy: all {len(parts)} parts are ready"
        )
        return f"{ready}{_count(len(facts.warnings), ', 1 warning', ', {} warnings')}."
    if facts.root:
        return f"Not healthy: {diagnosis_text.headline(facts.root)}"
    if facts.missing:
        return f"Not healthy: {', '.join(facts.missing)} {'are' if len(facts.missing) > 1 else 'is'} missing."
    if not all(each.serves for each in parts):
        waiting = [f"{each.name} {each.ready}/{each.wanted}{_why(each)}" for each in parts if not each.serves]
        return f"Not healthy: not everything is ready: {', '.join(waiting)}."
    part, ending = facts.killed_for_memory[0]
    limit = f" of {ending.limit}" if ending.limit else ""
    return f"Not healthy: {part.name} was killed{_ago(ending.seconds)}: it needed more memory than its limit{limit}."


def text(facts: Facts) -> str:
    """Returns the facts as text."""
    first = [_wrapped(summary(facts)), diagnosis_text.explanation(facts.root) if facts.root else ""]
    paragraphs = ["\n".join(filter(None, [*first, diagnosis_text.advice(_hint(facts))]))]
    paragraphs += [diagnosis_text.as_paragraph(each) for each in facts.others]
    if facts.parts:
        paragraphs += [_parts(facts.parts), "\n".join(_details(facts))]
    notes = [*(f"Warning: {each}" for each in facts.warnings), *(f"Unknown: {each}" for each in facts.unread)]
    paragraphs.append("\n".join(_wrapped(each) for each in notes))
    return "\n\n".join(filter(None, paragraphs))


def _why(part: PartFacts) -> str:
    if part.wanted == 0:
        return " (scaled to 0)"
    states = list(dict.fromkeys(each.state for each in part.replicas if not each.ready and not each.is_left_over))
    return f" ({', '.join(states)})" if states else ""


def _hint(facts: Facts) -> str:
    """Returns what to do."""
    health = facts.health
    if health is Health.ABSENT:
        return f"To install, run: {program.command('up')} {facts.options}"
    if health is not Health.UNHEALTHY:
        return ""
    if facts.root:
        return facts.root.hint
    if facts.missing:
        return f"To install what is missing, run: {program.command('up')} {facts.options}"
    if all(each.serves for each in facts.parts or ()):
        part, ending = facts.killed_for_memory[0]
        setting = "mysql" if part.name == "db" else part.name
        limit = f"{setting}.resources.limits.memory={_twice(ending.limit)}"
        return f"To raise the limit, run: {program.command('up')} {facts.options} --set {limit}"
    if any(each.wanted == 0 for each in facts.parts or ()):
        return f"To have it as it was installed, run: {program.command('up')} {facts.options}"
    return f"For what happened, run: {program.command('events')} {facts.options}"


def _twice(limit: str) -> str:
    number = limit.rstrip("kMGTi")
    return f"{2 * int(number)}{limit[len(number) :]}" if number.isdecimal() else "1Gi"


def _parts(parts: Iterable[PartFacts]) -> str:
    rows = []
    for part in parts:
        ready = f"{part.ready}/{part.wanted}"
        for place, each in enumerate(part.replicas or (Replica("", "no pod", ready=False),)):
            first = (part.name, ready) if place == 0 else ("", "")
            rows.append((*first, each.state, _restarts(each), age(each.seconds), each.node or "-"))
    header = ("PART", "READY", "STATE", "RESTARTS", "AGE", "NODE")
    return "\n".join(_cut(line) for line in table(rows, header).splitlines())


def _restarts(replica: Replica) -> str:
    ending = replica.last_ending
    if not replica.restarts or ending is None:
        return str(replica.restarts)
    return f"{replica.restarts} ({ending.reason or f'exit {ending.exit_code}'}{_ago(ending.seconds)})"


def _details(facts: Facts) -> Iterator[str]:
    yield from _named("Database", _database(facts))
    if facts.claim:
        size = f", {facts.claim.capacity}" if facts.claim.capacity else ""
        of = f" of StorageClass {facts.claim.storage_class}" if facts.claim.storage_class else ""
        yield from _named("Claim", f"{facts.claim.name}: {facts.claim.phase}{size}{of}; use unknown")
    for secret in facts.secrets:
        yield from _named("Secret", f"{secret.name}: {_presence(secret.present)}")
    for name, address in facts.endpoints.items():
        yield from _named(_ENDPOINTS.get(name, name), address)
    for image in _images(facts):
        yield from _named("Image", image)
    yield from _named("Version", f"{facts.version or _UNKNOWN}, installer {facts.installer_version}")
    revision = _UNKNOWN if facts.revision is None else str(facts.revision)
    yield from _named("Applied with", f"{facts.engine or _UNKNOWN}, revision {revision}")
    yield from _named("Smoke test", _smoke(facts))
    for each in facts.drift:
        more = len(each.fields) - _MOST_FIELDS
        fields = ", ".join(each.fields[:_MOST_FIELDS]) + (f" and {more} more" if more > 0 else "")
        yield from _named("Drift", f"{each.object}: {each.manager} set {fields}")
    yield from _named("Where", f"context {facts.context}, namespace {facts.namespace}")


def _database(facts: Facts) -> str:
    database = facts.database
    if not database.kind:
        return f"{_UNKNOWN}{f', at {database.address}' if database.address else ''}"
    known = f"{database.kind} {database.version}, schema version {database.schema_version}"
    return f"{known}, at {database.address}"


def _images(facts: Facts) -> list[str]:
    found = {
        (image.reference, image.digest)
        for part in facts.parts or ()
        for replica in part.replicas
        if not replica.is_left_over
        for image in replica.images
    }
    return [f"{reference} {digest[:_DIGEST]}".rstrip() for reference, digest in sorted(found)]


def _presence(present: bool | None) -> str:
    return {True: "present", False: "missing", None: _UNKNOWN}[present]


def _smoke(facts: Facts) -> str:
    if facts.smoke is None:
        return _UNKNOWN
    return f"{'passed' if facts.smoke.passed else 'failed'} at {facts.smoke.time}"


def _named(name: str, value: str) -> Iterator[str]:
    yield textwrap.fill(
        f"{name:{_NAMES}}  {value}",
        _COLUMNS,
        subsequent_indent=" " * (_NAMES + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else f"{line[: _COLUMNS - 1]}…"


def _ago(seconds: float | None) -> str:
    return "" if seconds is None else f" {age(seconds)} ago"


def _count(number: int, one: str, many: str) -> str:
    return "" if number == 0 else one if number == 1 else many.format(number)
