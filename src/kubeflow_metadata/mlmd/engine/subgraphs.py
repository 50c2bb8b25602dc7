"""PutLineageSubgraph: executions, artifacts and contexts, with the events between them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.engine.events import put_events
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, EXECUTION
from kubeflow_metadata.mlmd.engine.links import put_links
from kubeflow_metadata.mlmd.engine.node_writer import NodeWriter, Writers
from kubeflow_metadata.mlmd.engine.reuse import put_contexts, with_id
from kubeflow_metadata.mlmd.errors import InvalidArgumentError, OutOfRangeError
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

_Edge = rpc.PutLineageSubgraphRequest.EventEdge


def put_lineage_subgraph(
    session: Session, writers: Writers, request: rpc.PutLineageSubgraphRequest
) -> rpc.PutLineageSubgraphResponse:
    """Stores everything that the request says, or nothing; every context gets every execution and artifact.

    Raises:
        InvalidArgumentError: something is missing, unknown, or does not fit together.
        OutOfRangeError: an edge's index is not one of the request's lists.
        NotFoundError: there is no such type.
        AlreadyExistsError: a name or external id is taken, or an event is stored with other contents.
    """
    for edge in request.event_edges:
        _check_end(edge, "execution", request.executions)
        _check_end(edge, "artifact", request.artifacts)
    writers.artifacts.check_types(request.artifacts)
    writers.executions.check_types(request.executions)
    writers.contexts.check_types(request.contexts)
    context_ids = put_contexts(writers.contexts, request.contexts, reuse=request.options.reuse_context_if_already_exist)
    artifact_ids = writers.artifacts.put(_artifacts(writers.artifacts, request))
    execution_ids = writers.executions.put(request.executions)
    put_links(
        session,
        EXECUTION,
        [(execution, context) for context in context_ids for execution in execution_ids],
        check=False,
    )
    put_links(
        session, ARTIFACT, [(artifact, context) for context in context_ids for artifact in artifact_ids], check=False
    )
    events = [_event(edge, execution_ids, artifact_ids) for edge in request.event_edges]
    put_events(session, events, artifacts=artifact_ids, executions=execution_ids)
    return rpc.PutLineageSubgraphResponse(
        execution_ids=execution_ids, artifact_ids=artifact_ids, context_ids=context_ids
    )


def _check_end(edge: _Edge, end: str, nodes: Sequence[pb.Artifact] | Sequence[pb.Execution]) -> None:
    """Checks that an edge says once, and rightly, which artifact or execution it leads to."""
    if not edge.HasField("event"):
        raise InvalidArgumentError("No event found for event_edge.")
    has_index, has_id = edge.HasField(f"{end}_index"), edge.event.HasField(f"{end}_id")
    index, node_id = getattr(edge, f"{end}_index"), getattr(edge.event, f"{end}_id")
    if not has_index and not has_id:
        raise InvalidArgumentError(f"An event_edge has neither an {end}_index nor an event.{end}_id.")
    if has_index and not 0 <= index < len(nodes):
        raise OutOfRangeError(f"{end}_index {index} of an event_edge is out of range: {len(nodes)} {end}s are given.")
    if has_index and has_id and not (nodes[index].HasField("id") and nodes[index].id == node_id):
        raise InvalidArgumentError(f"An event_edge has {end}_index {index} and event.{end}_id {node_id}, which differ.")


def _artifacts(artifacts: NodeWriter[pb.Artifact], request: rpc.PutLineageSubgraphRequest) -> list[pb.Artifact]:
    """Returns the artifacts to put; those whose external id is stored get its id if the request wants that."""
    given = list(request.artifacts)
    if not request.options.reuse_artifact_if_already_exist_by_external_id:
        return given
    wanted = {artifact.external_id for artifact in given if artifact.external_id and not artifact.HasField("id")}
    known = {stored.external_id: stored.id for stored in artifacts.stored.matching_any("external_id", wanted)}
    return [
        with_id(artifact, known[artifact.external_id])
        if not artifact.HasField("id") and artifact.external_id in known
        else artifact
        for artifact in given
    ]


def _event(edge: _Edge, execution_ids: list[int], artifact_ids: list[int]) -> pb.Event:
    event = pb.Event()
    event.CopyFrom(edge.event)
    if not event.HasField("execution_id"):
        event.execution_id = execution_ids[edge.execution_index]
    if not event.HasField("artifact_id"):
        event.artifact_id = artifact_ids[edge.artifact_index]
    return event
