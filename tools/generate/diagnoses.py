"""The table of causes in the documentation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from kubeflow_metadata.installer.cluster.diagnosis import causes, database
from kubeflow_metadata.installer.cluster.diagnosis.causes import Cause
from tools.generate.tables import between

_MARKS = ("<!-- causes: made by `make generate` -->", "<!-- end of causes -->")
_WORD = re.compile(r"\{(\w+)\}")
# Words that are parts of a sentence, and may be missing.
_OPTIONAL = re.compile(r"\{(when|while_running|message)\}")


def with_causes(file: Path) -> str:
    """Returns the page with its table up to date."""
    rows = ["| code | what is so | `up` waits |", "|---|---|---|"]
    rows += [f"| `{each.code}` | {_shown(each.sentence)} | {_patience(each)} |" for each in _all()]
    return between(file.read_text(encoding="utf-8"), _MARKS, "\n".join(rows) + "\n")


def _all() -> list[Cause]:
    return sorted({each.code: each for module in (causes, database) for each in _of(module)}.values(), key=_code)


def _code(cause: Cause) -> str:
    return cause.code


def _of(module: object) -> Iterator[Cause]:
    for value in vars(module).values():
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, Cause):
                yield each


def _shown(sentence: str) -> str:
    plain = _OPTIONAL.sub(lambda word: "..." if word[1] == "message" else "", sentence)
    return _WORD.sub(lambda word: f"*{word[1].replace('_', ' ')}*", plain).replace("|", "\\|")


def _patience(cause: Cause) -> str:
    if math.isinf(cause.patience):
        return "to the end"
    return f"{cause.patience:.0f} s" if cause.patience else "no longer"
