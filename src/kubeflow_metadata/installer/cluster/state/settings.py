"""Settings that last: an ``up`` starts from those of the last revision, and says what it changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.state.revision import SettingsDocument
from kubeflow_metadata.installer.model import yaml_files
from kubeflow_metadata.installer.model.fields import Section
from kubeflow_metadata.installer.model.loading import assigned, problems_with, settings_of
from kubeflow_metadata.installer.model.masking import MASK, masked_value
from kubeflow_metadata.installer.model.settings import Settings

# Said by ``up`` where what is installed was installed without a record.
UNKNOWN = (
    "The settings of earlier runs are not known here: those not given now are at their defaults. From now on they are "
    "kept."
)
_NOTHING = object()


@dataclass(frozen=True)
class Change:
    """What changes about one setting.

    Attributes:
        name: its path, as files have it.
        before: its value, or its default; secrets are masked.
        after: the same.
        is_default: whether it goes back to its default.
    """

    name: str
    before: Any
    after: Any
    is_default: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {_text(self.before)} -> {_text(self.after)}{' (default)' if self.is_default else ''}"


@dataclass(frozen=True)
class Resolved:
    """The settings that an ``up`` is to have.

    Attributes:
        document: as given, only what is set; a revision keeps it.
        settings: all of them, validated.
        changes: what is different from the last revision, by name.
    """

    document: SettingsDocument
    settings: Settings
    changes: tuple[Change, ...]


def resolve(
    last: SettingsDocument | None, file: Path | None = None, assignments: Iterable[str] = (), *, reset: bool = False
) -> Resolved:
    """Returns the settings that hold: those of the last revision, with what is given now.

    Args:
        last: those of the last revision; None where none is known.
        file: replaces all of them.
        assignments: added as ``name=value``; ``name=null`` drops one.
        reset: drops those of the last revision.

    Raises:
        UserError: a setting is invalid; where an earlier release took it, with how to drop it.
    """
    kept = {} if reset or file else dict(last or {})
    document = assigned(yaml_files.read(file) if file else kept, assignments)
    _refuse_outdated(kept, document)
    settings = settings_of(document)
    _refuse_masked(document)
    return Resolved(document, settings, changes(last or {}, document))


def changes(before: SettingsDocument, after: SettingsDocument) -> tuple[Change, ...]:
    """Returns what is different in effect between two documents of settings."""
    usual = _leaves(_dumped(Settings()))
    old, new = _effective(before), _effective(after)
    listed = []
    for path in sorted(old.keys() | new.keys()):
        earlier, later = old.get(path, usual.get(path, _NOTHING)), new.get(path, usual.get(path, _NOTHING))
        if earlier != later:
            was, is_now = (None if each is _NOTHING else masked_value(path, each) for each in (earlier, later))
            listed.append(Change(_name(path), was, is_now, path in usual and later == usual[path]))
    return tuple(listed)


def with_defaults(document: SettingsDocument) -> dict[str, Any]:
    """Returns all settings, as a file has them.

    Raises:
        UserError: one is invalid.
    """
    return _dumped(settings_of(document))


def _refuse_outdated(last: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Stops where settings of the last revision are invalid by now, and nothing given now mends that."""
    outdated = problems_with(last)
    remaining = {path: sentence for path, sentence in problems_with(document).items() if path in outdated}
    if not remaining:
        return
    named = " ".join(f"--set {path}=null" for path in remaining if path)
    raise UserError(
        "Settings of the last revision are not valid in this version:",
        details="\n".join(remaining.values()),
        hint=(f"To drop them, add: {named}\n" if named else "")
        + "Or pass all settings with -f FILE, or drop all of them with --reset-settings.",
    )


def _refuse_masked(document: Mapping[str, Any]) -> None:
    """Stops where a value was copied from where secrets are masked."""
    masks = [path for path, value in _leaves(document).items() if MASK in str(value)]
    if masks:
        raise UserError(
            f"{', '.join(map(_name, masks))}: the value is masked ({MASK}).",
            hint=f"Write it out; to see it, run: {program.command('get settings --show-secrets')}",
        )


def _effective(document: SettingsDocument) -> dict[tuple[str, ...], Any]:
    """Returns the value of each setting; where the document is not valid any more, of those that it has."""
    return _leaves(document if problems_with(document) else _dumped(settings_of(document)))


def _dumped(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(by_alias=True, mode="json")


def _leaves(
    values: Mapping[str, Any], section: type[Section] | None = Settings, above: tuple[str, ...] = ()
) -> dict[tuple[str, ...], Any]:
    """Returns the values by their paths; the entries of a map, such as labels, count as settings of their own."""
    leaves: dict[tuple[str, ...], Any] = {}
    for name, value in values.items():
        path = (*above, str(name))
        inner = _section_at(section, str(name))
        if isinstance(value, Mapping) and section is not None:
            leaves |= _leaves(value, inner, path)
        else:
            leaves[path] = value
    return leaves


def _section_at(section: type[Section] | None, name: str) -> type[Section] | None:
    for field, info in (section.model_fields if section else {}).items():
        if name == to_camel(field):
            kind = info.annotation
            return kind if isinstance(kind, type) and issubclass(kind, Section) else None
    return None


def _name(path: tuple[str, ...]) -> str:
    """Returns a path as ``--set`` takes it."""
    return ".".join(name.replace(".", "\\.") for name in path)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
