"""Lines of logs as ``logs`` shows them: for people, as they are, or as JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from kubeflow_metadata.installer.cluster import server_log

# Colours of the parts, and of levels that stand out, as of ANSI terminals.
_COLOURS = {"db": "35", "grpc": "36", "rest": "32", "ui": "34"}
_LEVEL_COLOURS = {"warning": "33", "error": "31", "critical": "31;1"}
_MYSQL = re.compile(r"(?P<time>\S+Z) \d+ \[(?P<level>\w+)\] (?:\[\S+\] )*(?P<event>.*)")
# As the servers write without --log_format=json.
_TEXT = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\S+Z) \[(?P<level>\w+)\s*\] (?P<event>.*)")
_LOGGER = re.compile(r"(?P<event>.*?)\s+\[(?P<logger>[\w.]+)\](?P<fields>.*)")
_LEVELS = {"note": "info", "system": "info"}
_SINCE = re.compile(r"(?P<count>[0-9]+)(?P<unit>[smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Said of every line of a server, and told apart by its part already.
_HIDDEN = ("logger",)


@dataclass(frozen=True)
class Wanted:
    """Which logs, and how much of them.

    Attributes:
        parts: their names; none: all.
        lines: the most that are shown of each log at first; None for the usual.
        seconds: how old they may be; None for any age.
        previous: those of the containers before their last restart.
        follow: whether new lines are waited for.
        raw: as they were written.
    """

    parts: tuple[str, ...] = ()
    lines: int | None = None
    seconds: int | None = None
    previous: bool = False
    follow: bool = False
    raw: bool = False


@dataclass(frozen=True)
class Style:
    """How lines are shown.

    Attributes:
        as_json: one JSON document a line.
        raw: as they were written.
        several: whether lines of more than one part are shown, which are then led by its name.
    """

    as_json: bool = False
    raw: bool = False
    several: bool = True


@dataclass(frozen=True)
class Entry:
    """What a line says.

    Attributes:
        time: when, in UTC as ISO 8601 has it; empty if the line does not tell.
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``; empty if the line does not tell.
        event: what happened; of a line in no known form, all of it.
        fields: what else is told.
    """

    time: str
    level: str
    event: str
    fields: Mapping[str, object] = field(default_factory=dict)


def parse(text: str) -> Entry:
    """Returns what a line says: one of a server, of MySQL, or any other."""
    if text.startswith("{"):
        document = server_log.document_in(text)
        if "event" in document:
            time, level, event = (str(document.pop(name, "")) for name in ("timestamp", "level", "event"))
            return Entry(time, level, event, document)
    if match := _MYSQL.fullmatch(text) or _TEXT.fullmatch(text):
        level = match["level"].lower()
        event, fields = _event(match["event"].strip())
        return Entry(match["time"], _LEVELS.get(level, level), event, fields)
    return Entry("", "", text)


def _event(text: str) -> tuple[str, dict[str, object]]:
    """Returns the event and the fields of a line that a server wrote for people."""
    if not (match := _LOGGER.fullmatch(text)):
        return text, {}
    return match["event"], {**server_log.fields_in(match["fields"]), "logger": match["logger"]}


def shown(part: str, pod: str, time: str, text: str, style: Style) -> str:
    """Returns a line as it is printed.

    Args:
        part: that wrote it.
        pod: that wrote it; empty on a laptop.
        time: when it was written, where that is known from elsewhere.
        text: of the line.
        style: how it is shown.
    """
    if style.as_json:
        return json.dumps(_document(part, pod, time, text))
    lead = f"{_painted(f'{part:4}', _COLOURS.get(part, ''))} | " if style.several else ""
    if style.raw:
        return lead + text
    entry = parse(text)
    if not entry.level:
        return lead + text
    fields = [f"{name}={_word(value)}" for name, value in entry.fields.items() if name not in _HIDDEN]
    level = _painted(f"{entry.level:7}", _LEVEL_COLOURS.get(entry.level, ""))
    words = [_clock_time(entry.time or time), level, entry.event]
    return lead + " ".join(word for word in [*words, *fields] if word)


def seconds(since: str) -> int:
    """Returns the seconds that a time such as ``5m`` stands for.

    Raises:
        ValueError: it is not of that form.
    """
    match = _SINCE.fullmatch(since)
    if not match or not int(match["count"]):
        raise ValueError(f"{since!r} is not a time such as 30s, 5m, 2h or 1d.")
    return int(match["count"]) * _UNITS[match["unit"]]


def is_older(time: str, than_seconds: int, now: datetime) -> bool:
    """Returns whether a line was written before the last seconds; one without a time is not."""
    written = moment(time)
    return written is not None and written < now - timedelta(seconds=than_seconds)


def moment(time: str) -> datetime | None:
    """Returns the date and time of a line; None if it has none that can be read."""
    # Python 3.10 reads neither a Z nor more digits than those of microseconds.
    text = re.sub(r"(\.\d{1,6})\d*", lambda match: match[1].ljust(7, "0"), time.replace("Z", "+00:00"))
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        return None
    return written if written.tzinfo else written.replace(tzinfo=timezone.utc)


def _document(part: str, pod: str, time: str, text: str) -> dict[str, object]:
    entry = parse(text)
    where = {"part": part, **({"pod": pod} if pod else {})}
    said = {"level": entry.level, "event": entry.event, "fields": dict(entry.fields)}
    return {"time": entry.time or time, **where, **said}


def _clock_time(time: str) -> str:
    """Returns the time of the day, to milliseconds, in UTC as the logs have it."""
    written = moment(time)
    return written.astimezone(timezone.utc).strftime("%H:%M:%S.%f")[:-3] if written else ""


def _word(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value) if not value or re.search(r"[\s\"=]", value) else value
    return json.dumps(value)


def _painted(text: str, style: str) -> str:
    is_coloured = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return f"\x1b[{style}m{text}\x1b[0m" if style and is_coloured else text
