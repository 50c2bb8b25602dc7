"""PutExecution: an execution, its artifacts, events and contexts in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.engine.events import put_events
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION
from kubeflow_metadata.mlmd.engine.links import put_links
from kubeflow_metadata.mlmd.engine.lookups import existing_ids
from kubeflow_metadata.mlmd.engine.node_writer import NodeWriter, UpdateOptions, Writers
from kubeflow_metadata.mlmd.engine.reuse import put_artifacts, put_contexts
from kubeflow_metadata.mlmd.errors import InvalidArgumentError, NotFoundError
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

_Pair = rpc.PutExecutionRequest.ArtifactAndEvent

# What the official server answers for a pair with neither an artifact nor an event.
_NO_ARTIFACT = -1


def put_execution(session: Session, writers: Writers, request: rpc.PutExecutionRequest) -> rpc.PutExecutionResponse:
    """Stores everything that the request says, or nothing.

    Raises:
        InvalidArgumentError: something is missing, unknown, or does not fit together.
        NotFoundError: there is no such type, or a context to be reused is not stored.
        AlreadyExistsError: a name or external id is taken, or an event is stored with other contents.
    """
    if not request.HasField("execution"):
        raise InvalidArgumentError("No execution is found.")
    update = UpdateOptions(force_update_time=request.options.force_update_time)
    artifact_ids = _put_artifacts(writers.artifacts, request)
    (execution_id,) = writers.executions.put([request.execution], update)
    given = [i for i, pair in zip(artifact_ids, request.artifact_event_pairs, strict=True) if pair.HasField("artifact")]
    put_events(session, _events(request, execution_id, artifact_ids), artifacts=given, executions=[execution_id])
    context_ids = _put_contexts(session, writers.contexts, request)
    put_links(session, EXECUTION, [(execution_id, context_id) for context_id in context_ids], check=False)
    stored = [artifact_id for artifact_id in artifact_ids if artifact_id != _NO_ARTIFACT]
    put_links(session, ARTIFACT, [(artifact, context) for artifact in stored for context in context_ids], check=False)
    return rpc.PutExecutionResponse(execution_id=execution_id, artifact_ids=artifact_ids, context_ids=context_ids)


def _put_artifacts(artifacts: NodeWriter[pb.Artifact], request: rpc.PutExecutionRequest) -> list[int]:
    """Stores the artifacts; returns an id for each pair."""
    given = [pair.artifact for pair in request.artifact_event_pairs if pair.HasField("artifact")]
    if request.options.reuse_artifact_if_already_exist_by_external_id:
        put = iter(put_artifacts(artifacts, given, UpdateOptions()))
    else:
        put = iter(artifacts.put(given))
    return [next(put) if pair.HasField("artifact") else _id_from_event(pair) for pair in request.artifact_event_pairs]


def _id_from_event(pair: _Pair) -> int:
    if not pair.HasField("event"):
        return _NO_ARTIFACT
    if not pair.event.HasField("artifact_id"):
        raise InvalidArgumentError("If no artifact is present, given event must have an artifact_id.")
    return pair.event.artifact_id


def _events(request: rpc.PutExecutionRequest, execution_id: int, artifact_ids: Sequence[int]) -> list[pb.Event]:
    events = []
    for pair, artifact_id in zip(request.artifact_event_pairs, artifact_ids, strict=True):
        if not pair.HasField("event"):
            continue
        if pair.event.HasField("artifact_id") and pair.event.artifact_id != artifact_id:
            raise InvalidArgumentError("Given event.artifact_id is not aligned with the artifact.")
        if pair.event.HasField("execution_id") and pair.event.execution_id != execution_id:
            raise InvalidArgumentError("Request's event.execution_id does not match with the given execution.")
        event = pb.Event()
        event.CopyFrom(pair.event)
        event.artifact_id = artifact_id
        event.execution_id = execution_id
        events.append(event)
    return events


def _put_contexts(session: Session, contexts: NodeWriter[pb.Context], request: rpc.PutExecutionRequest) -> list[int]:
    """Stores the contexts; with ``force_reuse_context`` those that have an id stay as they are."""
    options = request.options
    untouched = {c.id for c in request.contexts if c.HasField("id")} if options.force_reuse_context else set()
    if missing := untouched - existing_ids(session, CONTEXT, untouched):
        raise NotFoundError(f"Context with ID {min(missing)} was not found.")
    to_put = [c for c in request.contexts if not (c.HasField("id") and c.id in untouched)]
    put = iter(put_contexts(contexts, to_put, reuse=options.reuse_context_if_already_exist))
    return [c.id if c.HasField("id") and c.id in untouched else next(put) for c in request.contexts]
