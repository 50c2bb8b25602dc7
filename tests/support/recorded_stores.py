"""Stores as real clients made them: their recorded calls, made once more."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from kubeflow_metadata.mlmd.errors import StoreError
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.store import Call

_FOLDER = Path(__file__).resolve().parent.parent / "contract" / "recorded" / "stores"
NAMES = tuple(sorted(file.name.removesuffix(".jsonl.gz") for file in _FOLDER.glob("*.jsonl.gz")))


@dataclass(frozen=True)
class Recorded:
    """A call as it was recorded: its answer, or the name of the status that it ended with."""

    number: int
    method: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    error: str


def calls(name: str) -> Iterator[Recorded]:
    """The calls of a recording, in their order."""
    with gzip.open(_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            error = line.get("error", {}).get("code", "")
            yield Recorded(line["seq"], line["method"], line["request"], line.get("response"), error)


def replay(name: str, call: Call) -> list[str]:
    """Fills an empty store with what the client wrote; says which answers are not as recorded.

    The store gives the ids that the recorded one gave, because it was as empty.
    """
    wrong = []
    for recorded in calls(name):
        request = json_format.ParseDict(recorded.request, getattr(rpc, f"{recorded.method}Request")())
        response, error = None, ""
        try:
            answer = call(recorded.method, request)
            response = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        except StoreError as refused:
            error = refused.code.name
        if (_plain(response), error) != (_plain(recorded.response), recorded.error):
            wrong.append(f"call {recorded.number}, {recorded.method}: {error or response}")
    return wrong


def _plain(value: Any) -> Any:
    """An answer without times and page tokens, lists in one order."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if not name.endswith(("since_epoch", "token"))}
    if isinstance(value, list):
        return sorted(map(_plain, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
