"""The routes of ``/api/v1alpha1``, in the order in which they are tried.

The swagger document is made from this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.store import ARTIFACT, EXECUTION
from kubeflow_metadata.rest.v1alpha1.handlers import events
from kubeflow_metadata.rest.v1alpha1.handlers.call import Handler, not_implemented
from kubeflow_metadata.rest.v1alpha1.handlers.nodes import NodeHandlers
from kubeflow_metadata.rest.v1alpha1.handlers.types import TypeHandlers

PREFIX = "/api/v1alpha1"

Verb = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Result:
    """A field of a response: one message, a list of them, or a map from ids to them."""

    name: str
    message: type[Message]
    shape: Literal["one", "list", "map"] = "one"


@dataclass(frozen=True)
class Route:
    """A verb and a path, the name of the operation in the published document, and what carries it out."""

    verb: Verb
    template: str
    operation: str
    handler: Handler
    body: type[Message] | None = None
    results: Sequence[Result] = ()
    query: Sequence[str] = ()


_artifacts, _executions = NodeHandlers(ARTIFACT), NodeHandlers(EXECUTION)
_artifact_types, _execution_types = TypeHandlers(ARTIFACT), TypeHandlers(EXECUTION)

_ARTIFACT = [Result("artifact", mlmd.Artifact)]
_ARTIFACTS = [Result("artifacts", mlmd.Artifact, "list")]
_EXECUTION = [Result("execution", mlmd.Execution)]
_EXECUTIONS = [Result("executions", mlmd.Execution, "list")]
_ARTIFACT_TYPE = [Result("artifact_type", mlmd.ArtifactType)]
_ARTIFACT_TYPES = [Result("artifact_types", mlmd.ArtifactType, "list")]
_EXECUTION_TYPE = [Result("execution_type", mlmd.ExecutionType)]
_EXECUTION_TYPES = [Result("execution_types", mlmd.ExecutionType, "list")]
_EVENTS = [
    Result("events", mlmd.Event, "list"),
    Result("artifacts", mlmd.Artifact, "map"),
    Result("executions", mlmd.Execution, "map"),
]

# Types of one name may have several versions; most have none.
_OF_TYPE = ["version"]

# fmt: off
ROUTES: Sequence[Route] = (
    Route("POST", "/artifact_types/{parent**}/artifacts", "CreateArtifact",
          _artifacts.create, mlmd.Artifact, _ARTIFACT, _OF_TYPE),
    Route("GET", "/artifact_types/{name**}/artifacts/{id}", "GetArtifact", _artifacts.get, None, _ARTIFACT),
    Route("GET", "/artifact_types/{name**}/artifacts", "ListArtifacts", _artifacts.list_of_type, None, _ARTIFACTS,
          _OF_TYPE),
    Route("GET", "/artifacts", "ListArtifacts2", _artifacts.list_all, None, _ARTIFACTS, ["name", "version"]),
    Route("DELETE", "/artifact_types/{name**}/artifacts/{id}", "DeleteArtifact", not_implemented),
    Route("POST", "/execution_types/{parent**}/executions", "CreateExecution",
          _executions.create, mlmd.Execution, _EXECUTION, _OF_TYPE),
    Route("GET", "/execution_types/{name**}/executions/{id}", "GetExecution", _executions.get, None, _EXECUTION),
    Route("GET", "/execution_types/{name**}/executions", "ListExecutions",
          _executions.list_of_type, None, _EXECUTIONS, _OF_TYPE),
    Route("GET", "/executions", "ListExecutions2", _executions.list_all, None, _EXECUTIONS, ["name", "version"]),
    Route("DELETE", "/execution_types/{name**}/executions/{id}", "DeleteExecution", not_implemented),
    Route("PATCH", "/artifact_types", "UpdateArtifactType",
          _artifact_types.update, mlmd.ArtifactType, _ARTIFACT_TYPE),
    Route("POST", "/artifact_types", "CreateArtifactType", _artifact_types.create, mlmd.ArtifactType, _ARTIFACT_TYPE),
    Route("GET", "/artifact_types", "ListArtifactTypes", _artifact_types.list, None, _ARTIFACT_TYPES),
    Route("GET", "/artifact_types/{name**}", "GetArtifactType", _artifact_types.get, None, _ARTIFACT_TYPE, _OF_TYPE),
    Route("DELETE", "/artifact_types/{name**}", "DeleteArtifactType", not_implemented),
    Route("PATCH", "/execution_types", "UpdateExecutionType",
          _execution_types.update, mlmd.ExecutionType, _EXECUTION_TYPE),
    Route("POST", "/execution_types", "CreateExecutionType",
          _execution_types.create, mlmd.ExecutionType, _EXECUTION_TYPE),
    Route("GET", "/execution_types", "ListExecutionTypes", _execution_types.list, None, _EXECUTION_TYPES),
    Route("GET", "/execution_types/{name**}", "GetExecutionType", _execution_types.get, None, _EXECUTION_TYPE,
          _OF_TYPE),
    Route("DELETE", "/execution_types/{name**}", "DeleteExecutionType", not_implemented),
    Route("POST", "/events", "CreateEvent", events.create, mlmd.Event),
    Route("GET", "/events/executions/{id}", "ListEvents", events.list_of_execution, None, _EVENTS),
    Route("GET", "/events/artifacts/{id}", "ListEvents2", events.list_of_artifact, None, _EVENTS),
)
# fmt: on
