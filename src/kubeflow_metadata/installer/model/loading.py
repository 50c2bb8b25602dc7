"""Settings from a file and from ``--set``, validated; an error names the setting and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.rules import unknown_setting
from kubeflow_metadata.installer.model.settings import Settings

_REFERENCE = "See docs/configuration.md for all settings."


def load_settings(file: Path | None, assignments: Iterable[str] = ()) -> Settings:
    """Reads settings from a YAML file, and assignments like ``grpc.replicas=2`` that override them.

    Raises:
        UserError: the file cannot be read, or a setting is invalid.
    """
    values = _read(file) if file else {}
    for assignment in assignments:
        _assign(values, assignment)
    return settings_of(values)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Validates values as a file has them.

    Raises:
        UserError: a setting is invalid.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(_sentence(problem) for problem in error.errors())
        raise UserError("Invalid settings:", details=problems, hint=_REFERENCE) from error


def known_keys(section: type[BaseModel] = Settings) -> dict[str, Any]:
    """Returns the tree of all names, in which a setting that is no group is an empty one."""
    names = {}
    for name, info in section.model_fields.items():
        kinds = [kind for kind in (info.annotation, *get_args(info.annotation)) if isinstance(kind, type)]
        group = next((kind for kind in kinds if issubclass(kind, Section)), None)
        names[to_camel(name)] = known_keys(group) if group and not _is_list(info.annotation) else {}
    return names


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is tuple


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.", hint="Pass another file with -f.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not valid YAML.", details=str(error), hint=_REFERENCE) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{file} must be a mapping of settings, not a {type(values).__name__}.", hint=_REFERENCE)
    return values


def _assign(values: dict[str, Any], assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    if not (equals and path):
        raise UserError(f"Invalid --set {assignment}: expected NAME=VALUE.", hint="For example: --set grpc.replicas=2")
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise UserError(f"Invalid --set {path}: {text!r} is not valid YAML.", details=str(error)) from error
    *groups, last = path.replace("\\.", "\0").split(".")
    place = values
    for group in groups:
        inner = place.setdefault(group.replace("\0", "."), {})
        if not isinstance(inner, dict):
            raise UserError(f"Invalid --set {assignment}: {group} is a single value, not a group of settings.")
        place = inner
    place[last.replace("\0", ".")] = value


def _sentence(problem: Any) -> str:
    path = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown_setting(path, _siblings(path))
    message = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def _siblings(path: str) -> list[str]:
    """Returns the names of the settings in the group that a path leads into."""
    group = known_keys()
    for name in path.split(".")[:-1]:
        group = group.get(name, {})
    return list(group)
