"""The 23 routes of `/api/v1alpha1`, in the order in which they are tried.

The swagger document is made from this table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd

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
    verb: Verb
    template: str
    operation: str
    body: type[Message] | None = None
    results: Sequence[Result] = ()
    query: Sequence[str] = ()


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

# fmt: off
ROUTES: Sequence[Route] = (
    Route("POST", "/artifact_types/{parent**}/artifacts", "CreateArtifact", mlmd.Artifact, _ARTIFACT),
    Route("GET", "/artifact_types/{name**}/artifacts/{id}", "GetArtifact", None, _ARTIFACT),
    Route("GET", "/artifact_types/{name**}/artifacts", "ListArtifacts", None, _ARTIFACTS),
    Route("GET", "/artifacts", "ListArtifacts2", None, _ARTIFACTS, query=["name"]),
    Route("DELETE", "/artifact_types/{name**}/artifacts/{id}", "DeleteArtifact"),
    Route("POST", "/execution_types/{parent**}/executions", "CreateExecution", mlmd.Execution, _EXECUTION),
    Route("GET", "/execution_types/{name**}/executions/{id}", "GetExecution", None, _EXECUTION),
    Route("GET", "/execution_types/{name**}/executions", "ListExecutions", None, _EXECUTIONS),
    Route("GET", "/executions", "ListExecutions2", None, _EXECUTIONS, query=["name"]),
    Route("DELETE", "/execution_types/{name**}/executions/{id}", "DeleteExecution"),
    Route("PATCH", "/artifact_types", "UpdateArtifactType", mlmd.ArtifactType, _ARTIFACT_TYPE),
    Route("POST", "/artifact_types", "CreateArtifactType", mlmd.ArtifactType, _ARTIFACT_TYPE),
    Route("GET", "/artifact_types", "ListArtifactTypes", None, _ARTIFACT_TYPES),
    Route("GET", "/artifact_types/{name**}", "GetArtifactType", None, _ARTIFACT_TYPE),
    Route("DELETE", "/artifact_types/{name**}", "DeleteArtifactType"),
    Route("PATCH", "/execution_types", "UpdateExecutionType", mlmd.ExecutionType, _EXECUTION_TYPE),
    Route("POST", "/execution_types", "CreateExecutionType", mlmd.ExecutionType, _EXECUTION_TYPE),
    Route("GET", "/execution_types", "ListExecutionTypes", None, _EXECUTION_TYPES),
    Route("GET", "/execution_types/{name**}", "GetExecutionType", None, _EXECUTION_TYPE),
    Route("DELETE", "/execution_types/{name**}", "DeleteExecutionType"),
    Route("POST", "/events", "CreateEvent", mlmd.Event),
    Route("GET", "/events/executions/{id}", "ListEvents", None, _EVENTS),
    Route("GET", "/events/artifacts/{id}", "ListEvents2", None, _EVENTS),
)
# fmt: on
