"""Writes what is made from the model of the settings; with ``--check`` tells whether it is up to date.

That is the chart's values, schema, tables and copies of files that the manifests have, too; the reference page; and the
overlays, each from the ``settings.yaml`` beside it.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic.alias_generators import to_camel

from kubeflow_metadata.installer.model import rules, sizes
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.loading import known_keys, load_settings
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE
from kubeflow_metadata.installer.render.overlay import Overlay

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "metadata"
MANIFESTS = ROOT / "manifests" / "metadata"
MADE = "Made by `make generate` from src/kubeflow_metadata/installer/model; change it there."
START, END = "<!-- settings: made by `make generate` -->", "<!-- end of settings -->"
SIZES_START, SIZES_END = "<!-- sizes: made by `make generate` -->", "<!-- end of sizes -->"


def main() -> None:
    made = {
        CHART / "values.yaml": values(),
        CHART / "values.schema.json": json.dumps(schema(), indent=2) + "\n",
        CHART / "files" / "model.yaml": chart_model(),
        CHART / "files" / "alerts.yaml": alerts(),
        CHART / "files" / "dashboard.json": (MANIFESTS / "components/monitoring/dashboard.json").read_text(),
        CHART / "README.md": with_table(CHART / "README.md"),
        ROOT / "docs" / "configuration.md": with_sizes(with_table(ROOT / "docs" / "configuration.md")),
    }
    for file in sorted((MANIFESTS / "overlays").glob("*/settings.yaml")):
        made[file.with_name("kustomization.yaml")] = overlay(file)
    stale = [file for file, text in made.items() if not (file.exists() and file.read_text() == text)]
    if "--check" in sys.argv:
        if stale:
            names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
            sys.exit(f"Not up to date: {names}. Type: make generate")
        return
    for file in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made[file])
        print(f"wrote {file.relative_to(ROOT)}")


def leaves(section: type[Section] = Settings, path: str = ""):
    """Path, field and description of each setting that is no group."""
    for name, field in section.model_fields.items():
        here = f"{path}{to_camel(name)}"
        if is_group(field):
            yield from leaves(field.annotation, f"{here}.")
        else:
            yield here, field


def is_group(field) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def default_of(field):
    value = field.get_default(call_default_factory=True)
    return list(value) if isinstance(value, tuple) else value


def values() -> str:
    lines = [f"# {MADE}", "# What each value may be: values.schema.json, README.md."]
    write_values(Settings, 0, lines)
    return "\n".join(lines) + "\n"


def write_values(section: type[Section], depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    for name, field in section.model_fields.items():
        if depth == 0:
            lines.append("")
        lines += [f"{pad}# {line}" for line in textwrap.wrap(field.description, 110 - len(pad))]
        if is_group(field) and to_camel(name) == "resources":
            lines.append(f"{pad}resources: {{}}")
        elif is_group(field):
            lines.append(f"{pad}{to_camel(name)}:")
            write_values(field.annotation, depth + 1, lines)
        else:
            lines.append(f"{pad}{to_camel(name)}: {json.dumps(default_of(field))}")


def schema() -> dict[str, Any]:
    whole = Settings.model_json_schema(by_alias=True)
    definitions = whole.pop("$defs")

    def inline(node):
        if isinstance(node, list):
            return [inline(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = definitions[node["$ref"].rsplit("/", 1)[1]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        # What no value may be called is checked by the chart's templates, which can say what was meant.
        dropped = {"title", "additionalProperties"} if "properties" in node else {"title"}
        return {key: inline(value) for key, value in node.items() if key not in dropped}

    return {"$schema": "http://json-schema.org/draft-07/schema#", **inline(whole), "description": MADE}


def chart_model() -> str:
    def size(of):
        return {"resources": of.resources, "bufferPool": of.buffer_pool, "workerProcesses": of.worker_processes}

    model = {
        "known": known_keys(),
        "moved": rules.MOVED,
        "conflicts": [list(each) for each in rules.CONFLICTS],
        "needs": [list(each) for each in rules.NEEDS],
        "sizes": {"standard": size(sizes.STANDARD), "small": size(sizes.SMALL)},
    }
    return f"# {MADE}\n" + yaml.safe_dump(model, sort_keys=False, width=1000)


def alerts() -> str:
    rule = yaml.safe_load((MANIFESTS / "components/monitoring/prometheusrule.yaml").read_text())
    return yaml.safe_dump(rule["spec"], sort_keys=False, width=1000)


def with_table(file: Path) -> str:
    return between(file.read_text(), START, END, table())


def with_sizes(text: str) -> str:
    rows = ["| part | requests | limits | requests, small | limits, small |", "|---|---|---|---|---|"]
    for part in sizes.STANDARD.resources:
        amounts = [
            size.resources[part][kind] for size in (sizes.STANDARD, sizes.SMALL) for kind in ("requests", "limits")
        ]
        rows.append(f"| {part} | " + " | ".join(f"{each['cpu']} CPU, {each['memory']}" for each in amounts) + " |")
    return between(text, SIZES_START, SIZES_END, "\n".join(rows) + "\n")


def between(text: str, start: str, end: str, made: str) -> str:
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{made}\n{end}{rest.partition(end)[2]}"


def table() -> str:
    groups: dict[str, list[str]] = {}
    for path, field in leaves():
        top = path.partition(".")[0]
        groups.setdefault(top, []).append(
            f"| `{path}` | {shown(default_of(field))} | {field.description} |".replace("|debug", "debug")
        )
    parts = []
    for name, field in Settings.model_fields.items():
        rows = groups[to_camel(name)]
        parts.append(
            f"### `{to_camel(name)}`\n\n{field.description}\n\n| setting | default | what it does |\n|---|---|---|\n"
        )
        parts.append("\n".join(rows) + "\n\n")
    return "".join(parts).rstrip() + "\n"


def shown(value) -> str:
    return "not set" if value is None else f"`{json.dumps(value)}`"


def overlay(file: Path) -> str:
    # The overlay of another namespace is its only setting that is no setting of the model.
    namespace = file.with_name("namespace")
    where = namespace.read_text().strip() if namespace.exists() else DEFAULT_NAMESPACE
    return Overlay(load_settings(file), where, source="settings.yaml").kustomization("../..")


if __name__ == "__main__":
    main()
