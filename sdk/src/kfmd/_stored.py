"""What the backend stores, as the objects and dicts that users work with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

from kfmd._showing import call_text
from kfmd.artifacts import ALL_META_PROPERTY_NAME
from kfmd.openapi_client import MlMetadataArtifact, MlMetadataValue

WORKSPACE_PROPERTY_NAME = "__kf_workspace__"
RUN_PROPERTY_NAME = "__kf_run__"


class Artifact:
    """A stored artifact of a type that is not predefined, such as one that a pipeline wrote.

    Attributes:
        id: its id.
        ARTIFACT_TYPE_NAME: name of its type.
        uri: where it is.
        properties: its properties by name, as plain values.
        custom_properties: its custom properties by name, as plain values.
    """

    def __init__(self, type_name: str, message: MlMetadataArtifact) -> None:
        self.ARTIFACT_TYPE_NAME = type_name
        self.id: Optional[str] = message.id
        self.uri = message.uri
        self.properties = {key: plain(value) for key, value in (message.properties or {}).items()}
        self.custom_properties = {key: plain(value) for key, value in (message.custom_properties or {}).items()}
        self._message = message

    def __repr__(self) -> str:
        return call_text(type(self), {"type": self.ARTIFACT_TYPE_NAME, **vars(self), **_HIDDEN})

    def serialization(self) -> MlMetadataArtifact:
        """Returns this artifact as a new one is sent."""
        grouping = {WORKSPACE_PROPERTY_NAME, RUN_PROPERTY_NAME}
        custom = {k: v for k, v in (self._message.custom_properties or {}).items() if k not in grouping}
        return MlMetadataArtifact(uri=self.uri, properties=self._message.properties, custom_properties=custom)


_HIDDEN = {"ARTIFACT_TYPE_NAME": None, "_message": None}


def flatten(artifact: MlMetadataArtifact) -> dict[str, Any]:
    """Returns the id, workspace, run and properties of an artifact, and whatever else it was logged with."""
    properties = artifact.properties or {}
    fields: dict[str, Any] = {"id": artifact.id}
    for field, key in (("workspace", WORKSPACE_PROPERTY_NAME), ("run", RUN_PROPERTY_NAME)):
        if (name := custom_text(artifact, key)) is not None or key in (artifact.custom_properties or {}):
            fields[field] = name
    fields.update({key: plain(value) for key, value in properties.items() if key != ALL_META_PROPERTY_NAME})
    for key, saved in _all_meta(properties).items():
        fields.setdefault(key, saved)
    return fields


def custom_text(record: Any, key: str) -> Optional[str]:
    """Returns a custom property of an artifact or execution, where it is text."""
    value: Optional[MlMetadataValue] = (record.custom_properties or {}).get(key)
    return None if value is None else value.string_value


def text(record: Any, key: str) -> Optional[str]:
    """Returns a property of an artifact or execution, where it is text."""
    value: Optional[MlMetadataValue] = (record.properties or {}).get(key)
    return None if value is None else value.string_value


def plain(value: MlMetadataValue) -> Any:
    """Returns what is set in a value."""
    set_values = (value.string_value, value.int_value, value.double_value)
    return next((item for item in set_values if item is not None), None)


def _all_meta(properties: Mapping[str, MlMetadataValue]) -> dict[str, Any]:
    """What an artifact was logged with; nothing when another client wrote something else there."""
    value = properties.get(ALL_META_PROPERTY_NAME)
    try:
        saved = json.loads(value.string_value or "{}") if value is not None else {}
    except ValueError:
        return {}
    return saved if isinstance(saved, dict) else {}
