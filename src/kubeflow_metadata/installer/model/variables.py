"""The environment variables of the servers: a misspelt one would be ignored in silence."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import cache
from importlib.resources import files


@cache
def known() -> dict[str, list[str]]:
    """Returns the variables of each server by their prefix, as ``make generate`` lists them from the command lines."""
    text = files("kubeflow_metadata.installer.model").joinpath("variables.json").read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def problem(name: str, prefix: str) -> str:
    """Returns what is wrong with a variable of a server; empty where it may be set.

    Args:
        name: of the variable.
        prefix: what the server's own variables begin with, such as ``KFM_REST``.
    """
    if not name.startswith("KFM_") or name in known()[prefix]:
        return ""
    likely = get_close_matches(name, known()[prefix], 1, 0.6)
    if likely:
        return f"no such variable; did you mean {likely[0]}?"
    return f"no such variable. Variables of this server: {', '.join(known()[prefix])}"
