"""The chart's values, their schema, and the data that its templates read."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import Any

from pydantic.alias_generators import to_camel

from kubeflow_metadata.installer.model import fields, rules, sizes
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.loading import known_keys
from kubeflow_metadata.installer.model.rules import Rule
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.model.sizes import Size
from kubeflow_metadata.installer.render.yaml_text import dump
from kubeflow_metadata.parts import PARTS, SERVERS, Part, Service
from tools.generate import variables
from tools.generate.places import MADE
from tools.generate.settings import default_of, description_of, is_group

# Set by `make generate` only, so it is in no table: what the objects are rendered for.
CREATOR = {
    "description": "Internal: objects for kustomize lack what kustomize or only Helm adds.",
    "enum": ["helm", "kustomize"],
}


def values() -> str:
    """Returns values.yaml."""
    lines = [f"# {MADE}", "# All values: README.md. Their types: values.schema.json."]
    _write_values(Settings, 0, lines)
    return "\n".join(lines) + "\n"


def _write_values(section: type[Section], depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    for name, field in section.model_fields.items():
        key = to_camel(name)
        if depth == 0:
            lines.append("")
        lines += [f"{pad}# {line}" for line in textwrap.wrap(description_of(field), 110 - len(pad))]
        if is_group(field.annotation) and key == "resources":
            lines.append(f"{pad}{key}: {{}}")
        elif is_group(field.annotation):
            lines.append(f"{pad}{key}:")
            _write_values(field.annotation, depth + 1, lines)
        else:
            lines.append(f"{pad}{key}: {json.dumps(default_of(field))}")


def schema() -> str:
    """Returns values.schema.json."""
    whole = Settings.model_json_schema(by_alias=True)
    definitions = whole.pop("$defs")

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = definitions[node["$ref"].rsplit("/", 1)[1]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        # Unknown names are refused by the chart's templates, which can say which ones there are.
        dropped = {"title", "additionalProperties"} if "properties" in node else {"title"}
        return {key: inline(value) for key, value in node.items() if key not in dropped}

    made = {"$schema": "http://json-schema.org/draft-07/schema#", **inline(whole), "description": MADE}
    made["properties"]["creator"] = CREATOR
    return json.dumps(made, indent=2) + "\n"


def model() -> str:
    """Returns files/model.yaml: names, rules, parts and sizes."""
    data = {
        "known": known_keys(),
        "moved": rules.MOVED,
        "rules": [_rule(rule) for rule in rules.RULES],
        "fixedArguments": rules.FIXED_ARGUMENTS,
        "argumentPrefixes": rules.ARGUMENT_PREFIXES,
        "ourLabels": fields.OUR_LABELS,
        "variables": variables.of_the_servers(),
        "environments": {server.environment: server.settings for server in SERVERS},
        "parts": {part.name: _part(part) for part in PARTS},
        "sizes": {"standard": _size(sizes.STANDARD), "small": _size(sizes.SMALL)},
        "workerProcessMib": sizes.WORKER_PROCESS_MIB,
        "bufferPoolPercent": sizes.BUFFER_POOL_PERCENT,
    }
    header = f"# {MADE.replace('installer/model', 'installer/model and parts.py')}"
    return f"{header}\n{dump(data)}\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return _without_nothing(
        {
            "when": [_without_nothing(asdict(condition)) for condition in rule.when],
            "needs": rule.needs and _without_nothing(asdict(rule.needs)),
            "forbids": rule.forbids and _without_nothing(asdict(rule.forbids)),
            "sentence": rule.sentence,
        }
    )


def _part(part: Part) -> dict[str, Any]:
    return _without_nothing(
        {
            "component": part.component,
            "settings": part.settings,
            "server": bool(part.module),
            "workload": part.workload,
            "services": [_service(service, part) for service in part.services],
            "metrics": part.metrics and asdict(part.metrics),
            "needs": list(part.needs),
            "resources": {"standard": part.standard, "small": part.small},
            "leastMemoryMib": part.least_memory_mib,
        }
    )


def _service(service: Service, part: Part) -> dict[str, Any]:
    ports = [{"name": service.port_name, "port": service.port, "number": service.target_port}]
    is_first = service == part.services[0]
    if is_first and part.metrics and part.metrics.name != service.port_name:
        ports.append({"name": part.metrics.name, "port": part.metrics.number})
    return {"name": service.name, "part": service.part or part.name, "ports": ports}


def _size(size: Size) -> dict[str, Any]:
    return {to_camel(name): value for name, value in asdict(size).items()}


def _without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, [])}
