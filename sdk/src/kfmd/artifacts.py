"""The predefined types of artifacts, as they are logged."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, NamedTuple, Optional

from kfmd._checks import check_mapping, optional_text, refuse_misspelt, require_text
from kfmd._showing import call_text
from kfmd._values import to_json
from kfmd.openapi_client import MlMetadataArtifact, MlMetadataValue

ALL_META_PROPERTY_NAME = "__ALL_META__"


def get_rfc3339_time() -> str:
    """Now, in UTC: ``2026-01-31T12:00:00.000000Z``."""
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def text_properties(source: Any, names: tuple[str, ...]) -> dict[str, MlMetadataValue]:
    """The attributes of ``source`` with these names as string properties, without those that are None."""
    owner = f"{type(source).__name__} {source.name!r}"
    texts = ((name, optional_text(owner, name, getattr(source, name))) for name in names)
    return {name: MlMetadataValue(string_value=text) for name, text in texts if text is not None}


class _StoredAs(NamedTuple):
    """What an artifact was like when it was stored, and where that was."""

    base_url: str
    digest: str


class PredefinedArtifact:
    """What the predefined types share. What is saved are the attributes, in the order they were set."""

    ARTIFACT_TYPE_NAME: ClassVar[str]
    _PROPERTIES: ClassVar[tuple[str, ...]]
    _MAPPINGS: ClassVar[tuple[str, ...]] = ("labels",)
    # Not in __dict__: what is there is saved.
    __slots__ = ("__dict__", "__weakref__", "_stored_as")

    name: Optional[str]
    uri: Optional[str]
    id: Optional[str]

    def _finish(self, additional: Mapping[str, Any]) -> None:
        self._stored_as: Optional[_StoredAs] = None
        self.id = None
        self.create_time = get_rfc3339_time()
        for key in additional:
            if hasattr(self, key):
                raise ValueError(f"{type(self).__name__}: {key!r} is taken and cannot be an additional property")
        refuse_misspelt(type(self).__name__, additional, self._arguments())
        for key, value in additional.items():
            setattr(self, key, value)

    @classmethod
    def _arguments(cls) -> list[str]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]

    @classmethod
    def restore(cls, fields: Mapping[str, Any], base_url: str) -> PredefinedArtifact:
        """Returns the artifact that was stored in the backend at ``base_url`` with these fields, its id among them."""
        artifact = cls.__new__(cls)
        # Whatever another client called a property must not hide a method.
        usable = {key: value for key, value in fields.items() if not hasattr(cls, key) or key == "id"}
        vars(artifact).update({**dict.fromkeys(cls._arguments()), "create_time": None, **usable})
        artifact.mark_stored(base_url)
        return artifact

    def mark_stored(self, base_url: str) -> None:
        """Remembers that this artifact, as it is, is in the backend at ``base_url``."""
        self._stored_as = _StoredAs(base_url, self._digest())

    def was_changed(self) -> bool:
        """Returns whether something differs from what was stored."""
        stored_as = self._where_stored()
        if stored_as is None:
            return False
        try:
            return stored_as.digest != self._digest()
        except (TypeError, ValueError):
            return True

    def stored_elsewhere_than(self, base_url: str) -> bool:
        """Returns whether this was stored through an address other than ``base_url``."""
        stored_as = self._where_stored()
        return stored_as is not None and stored_as.base_url != base_url

    def _where_stored(self) -> Optional[_StoredAs]:
        # A class that derives from this one may not call __init__.
        return getattr(self, "_stored_as", None)

    def _digest(self) -> str:
        content = to_json(type(self).__name__, {**vars(self), "id": None})
        return hashlib.sha256(content.encode()).hexdigest()

    def __repr__(self) -> str:
        return call_text(type(self), vars(self))

    def serialization(self) -> MlMetadataArtifact:
        """This artifact as it is sent.

        Raises:
            ValueError: when its name or uri is missing or blank.
            TypeError: when a field has the wrong type or no JSON form.
        """
        kind = type(self).__name__
        name = require_text(kind, "name", self.name)
        owner = f"{kind} {name!r}"
        uri = require_text(owner, "uri", self.uri)
        properties = text_properties(self, self._PROPERTIES)
        texts = {key: value.string_value for key, value in properties.items()}
        fields = {**vars(self), **texts, "uri": uri}
        # The workspace itself is as good as its name.
        fields["workspace"] = getattr(fields.get("workspace"), "name", fields.get("workspace"))
        everything = to_json(owner, fields)
        for field in self._MAPPINGS:
            check_mapping(owner, field, getattr(self, field))
        properties[ALL_META_PROPERTY_NAME] = MlMetadataValue(string_value=everything)
        return MlMetadataArtifact(uri=uri, properties=properties)


class DataSet(PredefinedArtifact):
    """A data set that a workflow reads or makes."""

    ARTIFACT_TYPE_NAME = "kubeflow.org/alpha/data_set"
    _PROPERTIES = ("name", "create_time", "description", "query", "version", "owner")

    def __init__(
        self,
        workspace: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        owner: Optional[str] = None,
        uri: Optional[str] = None,
        version: Optional[str] = None,
        query: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        **kwargs: Any,
    ) -> None:
        """Describe a data set; ``Execution.log_input`` or ``log_output`` sends it.

        Args:
            workspace: name of the workspace.
            name: name of the data set. Required.
            description: what is in it.
            owner: whose it is.
            uri: where it is. Required.
            version: which version it is.
            query: how it is taken from its source.
            labels: labels of the data set.
            **kwargs: anything else worth keeping: plain Python values, or what plainly means one.
        """
        self.workspace = workspace
        self.name = name
        self.description = description
        self.owner = owner
        self.uri = uri
        self.version = version
        self.query = query
        self.labels = labels
        self._finish(kwargs)


class Model(PredefinedArtifact):
    """A machine-learning model."""

    ARTIFACT_TYPE_NAME = "kubeflow.org/alpha/model"
    _PROPERTIES = ("name", "create_time", "description", "model_type", "version", "owner")
    _MAPPINGS = ("labels", "hyperparameters", "training_framework")

    def __init__(
        self,
        workspace: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        owner: Optional[str] = None,
        uri: Optional[str] = None,
        version: Optional[str] = None,
        model_type: Optional[str] = None,
        training_framework: Optional[Mapping[str, Any]] = None,
        hyperparameters: Optional[Mapping[str, Any]] = None,
        labels: Optional[Mapping[str, str]] = None,
        **kwargs: Any,
    ) -> None:
        """Describe a model; ``Execution.log_input`` or ``log_output`` sends it.

        Args:
            workspace: name of the workspace.
            name: name of the model. Required.
            description: what it is for.
            owner: whose it is.
            uri: where it is. Required.
            version: which version it is.
            model_type: what kind of model it is.
            training_framework: what trained it, such as ``{"name": "tensorflow", "version": "v1.0"}``.
            hyperparameters: what it was trained with.
            labels: labels of the model.
            **kwargs: anything else worth keeping: plain Python values, or what plainly means one.
        """
        self.workspace = workspace
        self.name = name
        self.description = description
        self.owner = owner
        self.uri = uri
        self.version = version
        self.model_type = model_type
        self.training_framework = training_framework
        self.hyperparameters = hyperparameters
        self.labels = labels
        self._finish(kwargs)


class Metrics(PredefinedArtifact):
    """How well a model does on a data set."""

    ARTIFACT_TYPE_NAME = "kubeflow.org/alpha/metrics"
    _PROPERTIES = ("name", "create_time", "description", "metrics_type", "data_set_id", "model_id", "owner")
    _MAPPINGS = ("labels", "values")

    TRAINING = "training"
    VALIDATION = "validation"
    TESTING = "testing"
    PRODUCTION = "production"

    def __init__(
        self,
        workspace: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        owner: Optional[str] = None,
        uri: Optional[str] = None,
        data_set_id: Optional[str] = None,
        model_id: Optional[str] = None,
        metrics_type: Optional[str] = None,
        values: Optional[Mapping[str, Any]] = None,
        labels: Optional[Mapping[str, str]] = None,
        **kwargs: Any,
    ) -> None:
        """Describe metrics; ``Execution.log_input`` or ``log_output`` sends them.

        Args:
            workspace: name of the workspace.
            name: name of the metrics. Required.
            description: what they tell.
            owner: whose they are.
            uri: where they are. Required.
            data_set_id: id of the data set that the model was measured on.
            model_id: id of the model that was measured.
            metrics_type: such as ``Metrics.VALIDATION``.
            values: the metrics themselves, by name.
            labels: labels of the metrics.
            **kwargs: anything else worth keeping: plain Python values, or what plainly means one.
        """
        self.workspace = workspace
        self.name = name
        self.description = description
        self.owner = owner
        self.uri = uri
        self.data_set_id = data_set_id
        self.model_id = model_id
        self.metrics_type = metrics_type
        self.values = values
        self.labels = labels
        self._finish(kwargs)
