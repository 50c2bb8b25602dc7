"""The predefined types of artifacts, as they are logged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, Optional

from kfmd._checks import optional_text, require_text, to_json
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


class _Artifact:
    """What the predefined types share. What is saved are the attributes, in the order they were set."""

    ARTIFACT_TYPE_NAME: ClassVar[str]
    _PROPERTIES: ClassVar[tuple[str, ...]]

    name: Optional[str]
    uri: Optional[str]

    def _finish(self, additional: Mapping[str, Any]) -> None:
        self.id: Optional[str] = None
        self.create_time = get_rfc3339_time()
        for key, value in additional.items():
            if hasattr(self, key):
                raise ValueError(f"{type(self).__name__}: {key!r} is taken and cannot be an additional property")
            setattr(self, key, value)

    def __repr__(self) -> str:
        fields = ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if value is not None)
        return f"{type(self).__name__}({fields})"

    def serialization(self) -> MlMetadataArtifact:
        """This artifact as it is sent.

        Raises:
            ValueError: when its name or uri is missing.
            TypeError: when a field has the wrong type or no JSON form.
        """
        kind = type(self).__name__
        name = require_text(kind, "name", self.name)
        owner = f"{kind} {name!r}"
        uri = require_text(owner, "uri", self.uri)
        properties = text_properties(self, self._PROPERTIES)
        properties[ALL_META_PROPERTY_NAME] = MlMetadataValue(string_value=to_json(owner, vars(self)))
        return MlMetadataArtifact(uri=uri, properties=properties)


class DataSet(_Artifact):
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
            **kwargs: anything else worth keeping; must be plain Python values.
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


class Model(_Artifact):
    """A machine-learning model."""

    ARTIFACT_TYPE_NAME = "kubeflow.org/alpha/model"
    _PROPERTIES = ("name", "create_time", "description", "model_type", "version", "owner")

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
            **kwargs: anything else worth keeping; must be plain Python values.
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


class Metrics(_Artifact):
    """How well a model does on a data set."""

    ARTIFACT_TYPE_NAME = "kubeflow.org/alpha/metrics"
    _PROPERTIES = ("name", "create_time", "description", "metrics_type", "data_set_id", "model_id", "owner")

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
            **kwargs: anything else worth keeping; must be plain Python values.
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
