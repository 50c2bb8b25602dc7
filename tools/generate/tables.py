"""The tables of settings and sizes in the documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.parts import PARTS, SERVERS
from tools.generate import variables
from tools.generate.settings import default_of, description_of, leaves

_SETTINGS = ("<!-- settings: made by `make generate` -->", "<!-- end of settings -->")
_VARIABLES = ("<!-- variables: made by `make generate` -->", "<!-- end of variables -->")
_SIZES = ("<!-- sizes: made by `make generate` -->", "<!-- end of sizes -->")


def with_settings(file: Path) -> str:
    """Returns a page with the tables that it has places for, up to date."""
    text = between(file.read_text(encoding="utf-8"), _SETTINGS, _settings())
    for marks, table in ((_SIZES, _sizes), (_VARIABLES, _variables)):
        text = between(text, marks, table()) if marks[0] in text else text
    return text


def between(text: str, marks: tuple[str, str], made: str) -> str:
    """Returns a text with what is between two marks replaced."""
    start, end = marks
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{made}\n{end}{rest.partition(end)[2]}"


def _settings() -> str:
    rows: dict[str, list[str]] = {}
    for path, field in leaves():
        row = f"| `{path}` | {_shown(default_of(field))} | {description_of(field)} |"
        rows.setdefault(path.partition(".")[0], []).append(row)
    sections = []
    for name, field in Settings.model_fields.items():
        key = to_camel(name)
        table = "\n".join(["| setting | default | description |", "|---|---|---|", *rows[key]])
        sections.append(f"### `{key}`\n\n{description_of(field)}\n\n{table}\n")
    return "\n".join(sections)


def _sizes() -> str:
    rows = ["| part | requests | limits | requests, small | limits, small |", "|---|---|---|---|---|"]
    for part in PARTS:
        amounts = [resources[kind] for resources in (part.standard, part.small) for kind in ("requests", "limits")]
        cells = [part.settings, *(f"{each['cpu']} CPU, {each['memory']}" for each in amounts)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _variables() -> str:
    rows = ["| setting | variables |", "|---|---|"]
    for server in SERVERS:
        names = ", ".join(f"`{name}`" for name in variables.of_the_servers()[server.environment])
        rows.append(f"| `{server.settings}.extraEnv` | {names} |")
    return "\n".join(rows) + "\n"


def _shown(value: Any) -> str:
    return "not set" if value is None else f"`{json.dumps(value)}`"
