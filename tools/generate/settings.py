"""The settings one by one, as values, schema and tables show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.settings import Settings


def leaves(section: type[Section] = Settings, path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yields path and field of each setting that is no group."""
    for name, field in section.model_fields.items():
        here = f"{path}{to_camel(name)}"
        if is_group(field.annotation):
            yield from leaves(field.annotation, f"{here}.")
        else:
            yield here, field


def is_group(annotation: Any) -> TypeGuard[type[Section]]:
    """Returns whether a setting is a group of others."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def default_of(field: FieldInfo) -> Any:
    """Returns the default as a file would have it."""
    value = field.get_default(call_default_factory=True)
    return list(value) if isinstance(value, tuple) else value


def description_of(field: FieldInfo) -> str:
    """Returns what a setting does; every one says so."""
    if not field.description:
        raise ValueError(f"A setting lacks a description: {field}")
    return field.description
