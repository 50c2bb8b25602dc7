"""The events in the log of one of our servers: JSON, as in a cluster, or the lines that people read."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

_PLAIN = re.compile(r"(?P<time>\S+) \[(?P<level>\w+) *\] (?P<name>.+?) +\[(?P<logger>[\w.]+)\](?P<fields>.*)")
_FIELD = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)""")


@dataclass(frozen=True)
class LogEvent:
    """A line of a log.

    Attributes:
        name: what happened, in a few words that stay the same.
        time: when; None where the line does not say.
        level: ``info``, ``warning`` ...
        fields: what else the line says.
    """

    name: str
    time: datetime | None
    level: str
    fields: Mapping[str, str]


def events(text: str) -> Iterator[LogEvent]:
    """Yields the events of a log; other lines are left out."""
    for line in text.splitlines():
        event = _of_json(line) if line.startswith("{") else _of_plain(line)
        if event is not None:
            yield event


def last(text: str, *names: str) -> LogEvent | None:
    """Returns the last event with one of these names."""
    found = [event for event in events(text) if event.name in names]
    return found[-1] if found else None


def document_in(line: str) -> dict[str, object]:
    """Returns the JSON object that a line is; empty if it is none."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def fields_in(text: str) -> dict[str, str]:
    """Returns the fields that a server wrote for people: ``name=value``, quoted if need be."""
    return {name: _unquoted(value) for name, value in _FIELD.findall(text)}


def _of_json(line: str) -> LogEvent | None:
    said = document_in(line)
    if not isinstance(said.get("event"), str):
        return None
    fields = {str(name): "" if value is None else str(value) for name, value in said.items()}
    return _event(fields.pop("event"), fields.pop("timestamp", ""), fields.pop("level", ""), fields)


def _of_plain(line: str) -> LogEvent | None:
    found = _PLAIN.fullmatch(line.strip())
    if found is None:
        return None
    fields = {**fields_in(found["fields"]), "logger": found["logger"]}
    return _event(found["name"], found["time"], found["level"], fields)


def _unquoted(value: str) -> str:
    if value[0] not in "'\"":
        return value
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value[1:-1]


def _event(name: str, time: str, level: str, fields: Mapping[str, str]) -> LogEvent:
    try:
        moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    # A time without a zone cannot be compared with the others.
    return LogEvent(name, moment if moment and moment.tzinfo else None, level, fields)
