"""Which server processes were started: the records that are kept of them, checked when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from kubeflow_metadata.parts import SERVERS

# In bytes; what is written is a hundredth of it.
LIMIT = 64 * 1024

_HIGHEST_PID = 2**31 - 1
_LATEST_TIME = 1e11
_NAMES = frozenset(part.name for part in SERVERS)


@dataclass(frozen=True)
class ServerRecord:
    """A server process that was started.

    Attributes:
        pid: its process id.
        started: when the process began, in seconds since the epoch as the system tells it; with the pid it names the
            process for ever, while a pid alone may be another program's tomorrow.
        port: where it listens on 127.0.0.1.
        instance: a random name that the process knows, too; empty for a process that does not.
    """

    pid: int
    started: float
    port: int
    instance: str = ""


def written(records: Mapping[str, ServerRecord]) -> bytes:
    """Returns the records of servers, by their names, as they are kept."""
    return json.dumps({name: asdict(record) for name, record in records.items()}, indent=2).encode()


def parse(content: bytes) -> dict[str, ServerRecord]:
    """Returns the records that were kept.

    Raises:
        ValueError: they are no such records; the message says what they are, without quoting them.
    """
    if len(content) > LIMIT:
        raise ValueError(f"it is larger than {LIMIT // 1024} KiB")
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(document, dict) or not _NAMES.issuperset(document):
        raise ValueError("it is not a list of servers")
    return {name: _record(name, fields) for name, fields in document.items()}


def _record(name: str, fields: object) -> ServerRecord:
    if not isinstance(fields, dict) or not {"pid", "started", "port"} <= set(fields) <= set(_VALID):
        raise ValueError(f"the entry {name} is not that of a server")
    for field, value in fields.items():
        if not _VALID[field](value):
            raise ValueError(f"{name}.{field} is not valid")
    return ServerRecord(**fields)


def _is_whole(value: object, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= highest


def _is_time(value: object) -> bool:
    # Neither infinite nor NaN, of which no comparison is true.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST_TIME


def _is_instance(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{0,64}", value) is not None


_VALID: dict[str, Callable[[object], bool]] = {
    "pid": lambda value: _is_whole(value, _HIGHEST_PID),
    "started": _is_time,
    "port": lambda value: _is_whole(value, 65535),
    "instance": _is_instance,
}
