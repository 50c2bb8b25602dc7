"""Log the artifacts and executions of machine-learning workflows, and the events between them.

    workspace = Workspace("127.0.0.1:8080", name="mnist")
    execution = Execution("train", workspace=workspace, run=Run(workspace, name="first run"))
    execution.log_input(DataSet(name="digits", uri="gs://bucket/digits"))
    execution.log_output(Model(name="MNIST", uri="gs://bucket/model", hyperparameters={"layers": [10, 3, 1]}))

What has an id is referred to, and not stored again: ``other.log_input(model)`` continues the lineage of a model that
``execution.log_output(model)`` stored.

Threads may share any of these objects, and other processes may have them, forked or pickled. What is missing or
cannot be saved raises ValueError or TypeError before anything is sent; whatever goes wrong after that raises
``kfmd.openapi_client.ApiException``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NoReturn, Optional, TypeVar, Union, overload

from kfmd import openapi_client
from kfmd._checks import check_mapping, optional_text, refuse_unknown, require_text
from kfmd._loggable import Loggable, check_loggable, reference, require_id, serialize, type_name_of
from kfmd._lookup import EXECUTION_TYPE_NAME, Lookup, StoredArtifact
from kfmd._one_at_a_time import OneAtATime
from kfmd._showing import call_text, shown, type_name
from kfmd._stored import RUN_PROPERTY_NAME, WORKSPACE_PROPERTY_NAME, Artifact, custom_text, flatten, text
from kfmd.artifacts import (
    ALL_META_PROPERTY_NAME,
    DataSet,
    Metrics,
    Model,
    PredefinedArtifact,
    get_rfc3339_time,
    text_properties,
)
from kfmd.openapi_client import ApiClient, Configuration, MetadataServiceApi, NotFoundException
from kfmd.openapi_client.configuration import normalize_url

__all__ = [
    "ALL_META_PROPERTY_NAME",
    "RUN_PROPERTY_NAME",
    "WORKSPACE_PROPERTY_NAME",
    "Artifact",
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

Id = Union[str, int]
_A = TypeVar("_A", bound=Loggable)
_STORING = OneAtATime()


class Workspace:
    """Groups the runs of one piece of work, their executions and artifacts."""

    def __init__(
        self,
        backend_url_prefix: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        **unknown: NoReturn,
    ) -> None:
        """Names a workspace of a backend; nothing is sent yet.

        Args:
            backend_url_prefix: address of the REST backend, such as ``127.0.0.1:8080`` or
                ``https://host/prefix``. Required.
            name: name of the workspace. Required.
            description: what it is about; kept in this object only.
            labels: labels of the workspace; kept in this object only.
            **unknown: not accepted; for a misspelt argument, the error suggests the likely name.
        """
        refuse_unknown("Workspace", unknown, ("backend_url_prefix", "name", "description", "labels"))
        check_mapping("Workspace", "labels", labels)
        address = optional_text("Workspace", "backend_url_prefix", backend_url_prefix)
        if not address:
            raise ValueError("Workspace: 'backend_url_prefix' must be set")
        self.backend_url_prefix = address
        self.name = require_text("Workspace", "name", name)
        self.description = description
        self.labels = labels
        normalize_url(address)  # says what is wrong with it now, not at the first call
        self.client = MetadataServiceApi(ApiClient(Configuration(address)))

    def __repr__(self) -> str:
        return f"Workspace({shown(self._base_url)}, name={shown(self.name)})"

    @property
    def _base_url(self) -> str:
        return self.client.api_client.configuration.base_url

    @property
    def _lookup(self) -> Lookup:
        # Users may set another client.
        return Lookup(self.client, self.name)

    def list(self, artifact_type_name: Union[str, type[Loggable], None] = None) -> list[dict[str, Any]]:
        """The artifacts of one type that were logged in this workspace, oldest first.

        Args:
            artifact_type_name: name of the type, such as ``DataSet.ARTIFACT_TYPE_NAME``, or its class, such as
                ``DataSet``; by default models.

        Returns:
            One dict for each artifact: id, workspace, run, properties and whatever else it was logged with.

        Raises:
            ValueError: when the backend has no such type.
        """
        return [flatten(artifact) for artifact in self._lookup.artifacts(type_name_of(artifact_type_name))]

    def artifact(
        self,
        id: Optional[Id] = None,  # noqa: A002 - what the store calls it
        *,
        name: Optional[str] = None,
        type: Union[str, type[Loggable], None] = None,  # noqa: A002
        version: Optional[str] = None,
    ) -> StoredArtifact:
        """Fetches a stored artifact, to refer to it in ``Execution.log_input`` or ``log_output``.

        Args:
            id: its id, whichever workspace it was logged in.
            name: or its name in this workspace; of several with that name, the one logged last.
            type: with a name: its type, as in ``list``; by default models.
            version: with a name: its version.

        Returns:
            A ``DataSet``, ``Model`` or ``Metrics``; an ``Artifact`` for any other type.

        Raises:
            NotFoundException: when there is none.
            ValueError: when neither an id nor a name is given, or both.
        """
        _require_one("artifact", id, name)
        if id is not None:
            return self._lookup.artifact(require_id("artifact", id))
        label = require_text("artifact", "name", name)
        return self._lookup.artifact_named(label, type_name_of(type), optional_text("artifact", "version", version))

    def execution(
        self,
        id: Optional[Id] = None,  # noqa: A002
        *,
        name: Optional[str] = None,
        run: Union[str, Run, None] = None,
    ) -> Execution:
        """Fetches a stored execution, to log more of what it reads and makes.

        Args:
            id: its id.
            name: or its name in this workspace; of several with that name, the one recorded last.
            run: with a name: the run that it is a step of, or the name of that run.

        Raises:
            NotFoundException: when there is none.
            ValueError: when neither an id nor a name is given, or both; or when it belongs to another workspace.
        """
        _require_one("execution", id, name)
        if id is not None:
            return Execution._restore(self, self._lookup.execution(require_id("execution", id)))
        label = require_text("execution", "name", name)
        run_name = run.name if isinstance(run, Run) else optional_text("execution", "run", run)
        return Execution._restore(self, self._lookup.execution_named(label, run_name))

    def run(self, name: str) -> Run:
        """Fetches a run that has executions in this workspace, by its name.

        Raises:
            NotFoundException: when there is none.
        """
        taken = Run(self, name)
        self._lookup.require_run(taken.name)
        return taken


class Run:
    """One run of a workflow: the executions of a pipeline or a notebook that belong together."""

    def __init__(
        self,
        workspace: Optional[Workspace] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        **unknown: NoReturn,
    ) -> None:
        """Names a run; nothing is sent.

        Args:
            workspace: the workspace that it belongs to. Required.
            name: name of the run. Required.
            description: what it is about; kept in this object only.
            **unknown: not accepted; for a misspelt argument, the error suggests the likely name.
        """
        refuse_unknown("Run", unknown, ("workspace", "name", "description"))
        self.workspace = _require_workspace("Run", workspace)
        self.name = require_text("Run", "name", name)
        self.description = description

    def __repr__(self) -> str:
        return call_text(Run, {"name": self.name, "workspace": self.workspace.name})


class Execution:
    """One step of a run. Log what it reads and what it makes."""

    EXECUTION_TYPE_NAME: ClassVar[str] = EXECUTION_TYPE_NAME

    def __init__(
        self,
        name: Optional[str] = None,
        workspace: Optional[Workspace] = None,
        run: Union[Run, str, None] = None,
        description: Optional[str] = None,
        **unknown: NoReturn,
    ) -> None:
        """Records an execution in the backend; ``Workspace.execution`` fetches one that is recorded.

        Args:
            name: name of the execution. Required.
            workspace: the workspace to record it in. Required.
            run: the run that it is a step of, or the name of that run.
            description: what it does.
            **unknown: not accepted; for a misspelt argument, the error suggests the likely name.
        """
        refuse_unknown("Execution", unknown, ("name", "workspace", "run", "description"))
        self.id: Optional[str] = None
        self.name = require_text("Execution", "name", name)
        self.workspace = _require_workspace("Execution", workspace)
        self.run = _optional_run(self.workspace, run)
        self.description = description
        self.create_time: Optional[str] = get_rfc3339_time()
        answer = self.workspace.client.create_execution(self.EXECUTION_TYPE_NAME, self.serialized())
        self.id = _assigned_id("execution", answer.execution)

    @classmethod
    def _restore(cls, workspace: Workspace, stored: openapi_client.MlMetadataExecution) -> Execution:
        execution = cls.__new__(cls)
        execution.id = _assigned_id("execution", stored)
        execution.name = text(stored, "name") or ""
        execution.workspace = workspace
        run_name = custom_text(stored, RUN_PROPERTY_NAME)
        execution.run = Run(workspace, run_name) if run_name else None
        execution.description = text(stored, "description")
        execution.create_time = text(stored, "create_time")
        return execution

    def __repr__(self) -> str:
        run = None if self.run is None else self.run.name
        return call_text(Execution, {"id": self.id, "name": self.name, "run": run, "workspace": self.workspace.name})

    def serialized(self) -> openapi_client.MlMetadataExecution:
        """This execution as it is sent."""
        return openapi_client.MlMetadataExecution(
            properties=text_properties(self, ("name", "create_time", "description")),
            custom_properties=self._grouping(),
        )

    @overload
    def log_input(self, artifact: Union[Id, Mapping[str, Any]]) -> StoredArtifact: ...
    @overload
    def log_input(self, artifact: _A) -> _A: ...
    def log_input(self, artifact: Any) -> Any:
        """Records that this execution read an artifact; one that has no id yet is stored first.

        Args:
            artifact: a ``DataSet``, ``Model`` or ``Metrics``; or any object with ``ARTIFACT_TYPE_NAME``, ``id`` and a
                method ``serialization()`` that returns an ``openapi_client.MlMetadataArtifact``; or the id of a stored
                artifact; or its dict, as ``Workspace.list`` has it.

        Returns:
            The same object, with its ``id``; for an id or a dict, the stored artifact.

        Raises:
            ValueError: when it was changed after it was stored: stored artifacts are immutable.
        """
        return self._log(artifact, openapi_client.MlMetadataEventType.INPUT)

    @overload
    def log_output(self, artifact: Union[Id, Mapping[str, Any]]) -> StoredArtifact: ...
    @overload
    def log_output(self, artifact: _A) -> _A: ...
    def log_output(self, artifact: Any) -> Any:
        """Records that this execution made an artifact; otherwise as ``log_input``."""
        return self._log(artifact, openapi_client.MlMetadataEventType.OUTPUT)

    def _log(self, given: Any, event_type: str) -> Any:
        stored_id = reference(given)
        artifact = given if stored_id is None else self.workspace._lookup.artifact(stored_id)
        # Threads may share what they log, too: one of them stores it.
        with _STORING(artifact):
            if getattr(artifact, "id", None) is None:
                self._store(artifact)
            else:
                self._check_reference(artifact)
        self.workspace.client.create_event(
            openapi_client.MlMetadataEvent(artifact_id=artifact.id, execution_id=self.id, type=event_type)
        )
        return artifact

    def _store(self, artifact: Any) -> None:
        type_name, message = serialize(artifact)
        own = message.custom_properties or {}
        for reserved in (WORKSPACE_PROPERTY_NAME, RUN_PROPERTY_NAME):
            if reserved in own:
                raise ValueError(f"custom_properties contains reserved key {reserved}: the execution sets it")
        answer = self.workspace.client.create_artifact(
            type_name, replace(message, custom_properties={**own, **self._grouping()})
        )
        artifact.id = _assigned_id("artifact", answer.artifact)
        if isinstance(artifact, PredefinedArtifact):
            artifact.mark_stored(self.workspace._base_url)

    def _check_reference(self, artifact: Any) -> None:
        check_loggable(artifact)
        kind = type(artifact).__name__
        artifact_id = require_id(f"{kind}.id", artifact.id)
        if not isinstance(artifact, PredefinedArtifact):
            return
        again = "Set its id to None to store it as a new artifact."
        if artifact.was_changed():
            raise ValueError(
                f"the {kind} {shown(artifact.name)} was changed after it was stored as artifact {artifact_id}, "
                f"and stored artifacts are immutable. {again}"
            )
        base_url = self.workspace._base_url
        # One backend may have two addresses; and ids are small numbers: another backend has an artifact with the same
        # id.
        if artifact.stored_elsewhere_than(base_url) and not self._is_here(artifact, artifact_id):
            raise ValueError(
                f"the {kind} {shown(artifact.name)} is artifact {artifact_id} of a backend other than {base_url}. "
                f"{again}"
            )

    def _is_here(self, artifact: PredefinedArtifact, artifact_id: str) -> bool:
        try:
            here = self.workspace._lookup.artifact(artifact_id)
        except NotFoundException:
            return False
        created = here.properties.get("create_time") if isinstance(here, Artifact) else here.create_time
        return (here.ARTIFACT_TYPE_NAME, here.uri, created) == (
            artifact.ARTIFACT_TYPE_NAME,
            artifact.serialization().uri,
            artifact.create_time,
        )

    def _grouping(self) -> _Properties:
        names = {WORKSPACE_PROPERTY_NAME: self.workspace.name}
        if self.run is not None:
            names[RUN_PROPERTY_NAME] = self.run.name
        return {key: openapi_client.MlMetadataValue(string_value=name) for key, name in names.items()}


def _require_workspace(owner: str, workspace: object) -> Workspace:
    if workspace is None:
        raise ValueError(f"{owner}: 'workspace' must be set")
    if not isinstance(workspace, Workspace):
        hint = ": write Workspace(address, name=...)" if isinstance(workspace, (str, type)) else ""
        raise TypeError(
            f"{owner}: 'workspace' must be a Workspace, not the {type_name(type(workspace))} {shown(workspace)}{hint}"
        )
    return workspace


def _optional_run(workspace: Workspace, run: object) -> Optional[Run]:
    if run is None or isinstance(run, Run):
        return run
    if isinstance(run, str):
        return Run(workspace, require_text("Execution", "run", run))
    raise TypeError(f"Execution: 'run' must be a Run or the name of one, not the {type_name(type(run))} {shown(run)}")


def _require_one(what: str, given_id: object, name: object) -> None:
    if (given_id is None) == (name is None):
        raise ValueError(f"Workspace.{what}: write either {what}(id) or {what}(name=...)")


def _assigned_id(what: str, record: Any) -> str:
    if record is None or not record.id:
        raise openapi_client.ApiException(
            200, "invalid response", message=f"the response of the backend lacks the id of the new {what}"
        )
    return str(record.id)
