"""Settings from a file and from ``--set``, checked; a problem is named by its path, with what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.rules import MOVED
from kubeflow_metadata.installer.model.settings import Settings

_REFERENCE = "docs/configuration.md has every setting."


def load_settings(file: Path | None, assignments: Iterable[str] = ()) -> Settings:
    """Reads the settings of a file in YAML, and of assignments like ``grpc.replicas=2`` over them.

    Raises:
        UserError: there is something in them that is not so.
    """
    values = _read(file) if file else {}
    for assignment in assignments:
        _assign(values, assignment)
    return settings_of(values)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Checks values as a file has them."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(_sentence(problem) for problem in error.errors())
        raise UserError("The settings are not right:", details=problems, hint=_REFERENCE) from error


def known_keys(section: type[BaseModel] = Settings) -> dict[str, Any]:
    """The tree of all names; what is not a group has an empty one."""
    found = {}
    for name, info in section.model_fields.items():
        kinds = [kind for kind in (info.annotation, *get_args(info.annotation)) if isinstance(kind, type)]
        group = next((kind for kind in kinds if issubclass(kind, Section)), None)
        found[to_camel(name)] = known_keys(group) if group and not _is_list(info.annotation) else {}
    return found


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is tuple


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"Cannot read {file}: {error.strerror}.", hint="Name another file with -f.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not YAML.", details=str(error), hint=_REFERENCE) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{file} has no settings but a {type(values).__name__}.", hint=_REFERENCE)
    return values


def _assign(values: dict[str, Any], assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    if not (equals and path):
        raise UserError(f"--set {assignment} is not NAME=VALUE.", hint="For example: --set grpc.replicas=2")
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise UserError(f"--set {path}: {text!r} is not YAML.", details=str(error)) from error
    *groups, last = path.replace("\\.", "\0").split(".")
    place = values
    for group in groups:
        inner = place.setdefault(group.replace("\0", "."), {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {assignment}: {group} is a value and has no settings below it.")
        place = inner
    place[last.replace("\0", ".")] = value


def _sentence(problem: Any) -> str:
    path = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{path}: {_instead(path)}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def _instead(path: str) -> str:
    if path in MOVED:
        return f"there is no such setting; it is called {MOVED[path]} here"
    *groups, last = path.split(".")
    siblings = known_keys()
    for group in groups:
        siblings = siblings.get(group, {})
    if near := get_close_matches(last, siblings, n=1):
        return f"there is no such setting; did you mean {'.'.join([*groups, near[0]])}?"
    return f"there is no such setting; here are {', '.join(siblings)}" if siblings else "there is no such setting"
