"""Log the artifacts and executions of machine-learning workflows, and the events between them.

    workspace = Workspace("127.0.0.1:8080", name="mnist")
    execution = Execution("train", workspace=workspace, run=Run(workspace, name="first run"))
    execution.log_input(DataSet(name="digits", uri="gs://bucket/digits"))
    execution.log_output(Model(name="MNIST", uri="gs://bucket/model", hyperparameters={"layers": [10, 3, 1]}))

Threads may share any of these objects. What is missing or cannot be saved raises ValueError or TypeError
before anything is sent; whatever goes wrong after that raises ``kfmd.openapi_client.ApiException``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Optional, Protocol, TypeVar

from kfmd import openapi_client
from kfmd._checks import require_text
from kfmd.artifacts import (
    ALL_META_PROPERTY_NAME,
    DataSet,
    Metrics,
    Model,
    get_rfc3339_time,
    text_properties,
)
from kfmd.openapi_client import ApiClient, Configuration, MetadataServiceApi
from kfmd.openapi_client.configuration import normalize_url

WORKSPACE_PROPERTY_NAME = "__kf_workspace__"
RUN_PROPERTY_NAME = "__kf_run__"

__all__ = [
    "ALL_META_PROPERTY_NAME",
    "RUN_PROPERTY_NAME",
    "WORKSPACE_PROPERTY_NAME",
    "DataSet",
    "Execution",
    "Loggable",
    "Metrics",
    "Model",
    "Run",
    "Workspace",
    "get_rfc3339_time",
    "openapi_client",
]

_Properties = dict[str, openapi_client.MlMetadataValue]


class Workspace:
    """Groups the runs of one piece of work, their executions and artifacts."""

    def __init__(
        self,
        backend_url_prefix: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Name a workspace of a backend; nothing is sent yet.

        Args:
            backend_url_prefix: address of the REST backend, such as ``127.0.0.1:8080`` or
                ``https://host/prefix``. Required.
            name: name of the workspace. Required.
            description: what it is about; kept in this object only.
            labels: labels of the workspace; kept in this object only.
        """
        self.backend_url_prefix = require_text("Workspace", "backend_url_prefix", backend_url_prefix)
        self.name = require_text("Workspace", "name", name)
        self.description = description
        self.labels = labels
        self.client = MetadataServiceApi(ApiClient(Configuration(normalize_url(self.backend_url_prefix))))

    def list(self, artifact_type_name: Optional[str] = None) -> list[dict[str, Any]]:
        """The artifacts of one type that were logged in this workspace, oldest first.

        Args:
            artifact_type_name: name of the type, such as ``DataSet.ARTIFACT_TYPE_NAME``; by default models.

        Returns:
            One dict for each artifact: id, workspace, run, properties and whatever else it was logged with.
        """
        type_name = Model.ARTIFACT_TYPE_NAME if artifact_type_name is None else artifact_type_name
        found = self.client.list_artifacts(type_name).artifacts or []
        flat = (_flatten(artifact) for artifact in found)
        return [fields for fields in flat if fields.get("workspace") == self.name]


class Run:
    """One run of a workflow: the executions of a pipeline or a notebook that belong together."""

    def __init__(
        self,
        workspace: Optional[Workspace] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
    ) -> None:
        """Name a run; nothing is sent.

        Args:
            workspace: the workspace that it belongs to. Required.
            name: name of the run. Required.
            description: what it is about; kept in this object only.
        """
        self.workspace = _require_workspace("Run", workspace)
        self.name = require_text("Run", "name", name)
        self.description = description


class Execution:
    """One step of a run. Log what it reads and what it makes."""

    EXECUTION_TYPE_NAME: ClassVar[str] = "kubeflow.org/alpha/execution"

    def __init__(
        self,
        name: Optional[str] = None,
        workspace: Optional[Workspace] = None,
        run: Optional[Run] = None,
        description: Optional[str] = None,
    ) -> None:
        """Record an execution in the backend.

        Args:
            name: name of the execution. Required.
            workspace: the workspace to record it in. Required.
            run: the run that it is a step of.
            description: what it does.
        """
        self.id: Optional[str] = None
        self.name = require_text("Execution", "name", name)
        self.workspace = _require_workspace("Execution", workspace)
        if run is not None and not isinstance(run, Run):
            raise TypeError(f"Execution: 'run' must be a Run, not the {type(run).__name__} {run!r:.80}")
        self.run = run
        self.description = description
        self.create_time = get_rfc3339_time()
        answer = self.workspace.client.create_execution(self.EXECUTION_TYPE_NAME, self.serialized())
        self.id = _assigned_id("execution", answer.execution)

    def serialized(self) -> openapi_client.MlMetadataExecution:
        """This execution as it is sent."""
        return openapi_client.MlMetadataExecution(
            properties=text_properties(self, ("name", "create_time", "description")),
            custom_properties=self._grouping(),
        )

    def log_input(self, artifact: _A) -> _A:
        """Record an artifact, and that this execution read it.

        Args:
            artifact: a ``DataSet``, ``Model`` or ``Metrics``; or any object with ``ARTIFACT_TYPE_NAME`` and a
                method ``serialization()`` that answers an ``openapi_client.MlMetadataArtifact``.

        Returns:
            The same object; its ``id`` is now set.
        """
        return self._log(artifact, openapi_client.MlMetadataEventType.INPUT)

    def log_output(self, artifact: _A) -> _A:
        """Record an artifact, and that this execution made it; otherwise as ``log_input``."""
        return self._log(artifact, openapi_client.MlMetadataEventType.OUTPUT)

    def _log(self, artifact: _A, event_type: str) -> _A:
        type_name, message = _serialize(artifact)
        own = message.custom_properties or {}
        for reserved in (WORKSPACE_PROPERTY_NAME, RUN_PROPERTY_NAME):
            if reserved in own:
                raise ValueError(f"custom_properties contains reserved key {reserved}: the execution sets it")
        answer = self.workspace.client.create_artifact(
            type_name, replace(message, custom_properties={**own, **self._grouping()})
        )
        artifact.id = _assigned_id("artifact", answer.artifact)
        self.workspace.client.create_event(
            openapi_client.MlMetadataEvent(artifact_id=artifact.id, execution_id=self.id, type=event_type)
        )
        return artifact

    def _grouping(self) -> _Properties:
        names = {WORKSPACE_PROPERTY_NAME: self.workspace.name}
        if self.run is not None:
            names[RUN_PROPERTY_NAME] = self.run.name
        return {key: openapi_client.MlMetadataValue(string_value=name) for key, name in names.items()}


class Loggable(Protocol):
    """What ``Execution.log_input`` and ``log_output`` take."""

    ARTIFACT_TYPE_NAME: ClassVar[str]
    id: Optional[str]

    def serialization(self) -> openapi_client.MlMetadataArtifact:
        """The artifact as it is sent."""
        ...


_A = TypeVar("_A", bound=Loggable)


def _require_workspace(owner: str, workspace: object) -> Workspace:
    if workspace is None:
        raise ValueError(f"{owner}: 'workspace' must be set")
    if not isinstance(workspace, Workspace):
        raise TypeError(
            f"{owner}: 'workspace' must be a Workspace, not the {type(workspace).__name__} {workspace!r:.80}"
        )
    return workspace


def _serialize(artifact: Loggable) -> tuple[str, openapi_client.MlMetadataArtifact]:
    type_name = getattr(artifact, "ARTIFACT_TYPE_NAME", None)
    if not isinstance(type_name, str) or not hasattr(artifact, "serialization"):
        raise TypeError(
            f"cannot log the {type(artifact).__name__} {artifact!r:.80}: it must be a DataSet, Model or "
            "Metrics, or have ARTIFACT_TYPE_NAME and serialization()"
        )
    message: object = artifact.serialization()
    if not isinstance(message, openapi_client.MlMetadataArtifact):
        raise TypeError(
            f"{type(artifact).__name__}.serialization() must answer an openapi_client.MlMetadataArtifact, "
            f"not a {type(message).__name__}"
        )
    return type_name, message


def _assigned_id(what: str, record: Any) -> str:
    if record is None or not record.id:
        raise openapi_client.ApiException(
            200, "not understood", message=f"the backend answered without the id of the new {what}"
        )
    return str(record.id)


def _flatten(artifact: openapi_client.MlMetadataArtifact) -> dict[str, Any]:
    properties = artifact.properties or {}
    custom = artifact.custom_properties or {}
    fields: dict[str, Any] = {"id": artifact.id}
    for field, key in (("workspace", WORKSPACE_PROPERTY_NAME), ("run", RUN_PROPERTY_NAME)):
        if key in custom:
            fields[field] = custom[key].string_value
    fields.update({key: _plain(value) for key, value in properties.items() if key != ALL_META_PROPERTY_NAME})
    for key, saved in _all_meta(properties).items():
        fields.setdefault(key, saved)
    return fields


def _plain(value: openapi_client.MlMetadataValue) -> Any:
    set_values = (value.string_value, value.int_value, value.double_value)
    return next((item for item in set_values if item is not None), None)


def _all_meta(properties: Mapping[str, openapi_client.MlMetadataValue]) -> dict[str, Any]:
    """What an artifact was logged with; nothing when another client wrote something else there."""
    value = properties.get(ALL_META_PROPERTY_NAME)
    try:
        saved = json.loads(value.string_value or "{}") if value is not None else {}
    except ValueError:
        return {}
    return saved if isinstance(saved, dict) else {}
