"""Settings from a file and from ``--set``, validated; an error names the setting and what to write instead."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model import words, yaml_files
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.rules import unknown_setting
from kubeflow_metadata.installer.model.settings import Settings

# Kinds of settings in which only text can be meant: one, or a list or map of them.
TEXT, TEXTS = "text", "texts"
_REFERENCE = "See docs/configuration.md for all settings."


def load_settings(file: Path | None, assignments: Iterable[str] = ()) -> Settings:
    """Reads settings from a YAML file, and assignments like ``grpc.replicas=2`` that override them.

    Raises:
        UserError: the file cannot be read, or a setting is invalid.
    """
    return settings_of(assigned(yaml_files.read(file) if file else {}, assignments))


def assigned(values: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Returns values as a file has them, with assignments like ``grpc.replicas=2``; ``=null`` drops one.

    Raises:
        UserError: one is no assignment, or drops what no setting is called.
    """
    changed = copy.deepcopy(dict(values))
    for assignment in assignments:
        _assign(changed, assignment)
    return changed


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


def problems_with(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is wrong with values as a file has them: sentences by the path of the setting, empty for a rule."""
    try:
        Settings.model_validate(values)
    except ValidationError as error:
        return {_path(problem): _sentence(problem) for problem in error.errors()}
    return {}


def known_keys(section: type[BaseModel] = Settings) -> dict[str, Any]:
    """Returns the tree of all names, with the kind of what is no group: TEXT, TEXTS or an empty mapping."""
    return {to_camel(name): _kind_of(info.annotation) for name, info in section.model_fields.items()}


def _kind_of(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return known_keys(annotation)
    if _is_text(annotation):
        return TEXT
    container, of = get_origin(annotation), get_args(annotation)
    if (container is tuple and _is_text(of[0])) or (container is dict and _is_text(of[1])):
        return TEXTS
    return {}


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return any(_is_text(each) for each in get_args(annotation))
    return annotation is str or get_origin(annotation) is Literal


def _assign(values: dict[str, Any], assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    if not (equals and path):
        raise UserError(f"Invalid --set {assignment}: expected NAME=VALUE.", hint="For example: --set grpc.replicas=2")
    names = [name.replace("\0", ".") for name in path.replace("\\.", "\0").split(".")]
    if text == "null":
        _drop(values, names, assignment)
        return
    try:
        # What only text can be meant by is taken as it was typed: 1.10, 30, off.
        value = text if _kind_at(names) == TEXT else yaml_files.parse(text) if text else ""
    except ValueError:
        raise UserError(
            f"Invalid --set {assignment}: {text!r} is neither a value nor a list.",
            hint=f"A list is written as --set '{path}=[a, b]'.",
        ) from None
    *groups, last = names
    place = values
    for group in groups:
        inner = place.setdefault(group, {})
        if not isinstance(inner, dict):
            raise UserError(f"Invalid --set {assignment}: {group} is a single value, not a group of settings.")
        place = inner
    place[last] = value


def _drop(values: dict[str, Any], names: list[str], assignment: str) -> None:
    """Drops a setting, and the groups that are empty without it."""
    places: list[tuple[dict[str, Any], str]] = []
    place: Any = values
    for name in names:
        if not isinstance(place, dict) or name not in place:
            if not _is_known(names):
                path = ".".join(names)
                known = _names_in(path.rpartition(".")[0])
                raise UserError(f"Invalid --set {assignment}: {unknown_setting(path, known)}", hint=_REFERENCE)
            return
        places.append((place, name))
        place = place[name]
    for group, name in reversed(places):
        del group[name]
        if group:
            return


def _is_known(names: list[str]) -> bool:
    kind: Any = known_keys()
    for name in names:
        if kind == TEXTS:
            return True
        if not isinstance(kind, dict) or (kind and name not in kind):
            return False
        kind = kind.get(name, {})
    return True


def _kind_at(names: list[str]) -> Any:
    """Returns the kind of the setting at a path: TEXT, TEXTS, or a mapping."""
    kind: Any = known_keys()
    for name in names:
        if kind == TEXTS:
            return TEXT
        kind = kind.get(name, {}) if isinstance(kind, dict) else {}
    return kind


def _path(problem: Any) -> str:
    return ".".join(str(step) for step in problem["loc"])


def _sentence(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        path = _path(problem)
        return unknown_setting(path, _names_in(path.rpartition(".")[0]))
    return words.about(problem, _names_in)


def _names_in(path: str) -> list[str]:
    """Returns the names of the settings in a group."""
    group = _kind_at(path.split(".") if path else [])
    return list(group) if isinstance(group, dict) else []
