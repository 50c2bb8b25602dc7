"""PutExecution: an execution, its artifacts, events and contexts in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from mlmd_proto import metadata_store_pb2 as pb
from mlmd_proto import metadata_store_service_pb2 as rpc
from mlmd_server.db.base import Session
from mlmd_server.engine.events import put_events
from mlmd_server.engine.kinds import ARTIFACT, EXECUTION
from mlmd_server.engine.links import put_links
from mlmd_server.engine.nodes import Nodes, UpdateOptions
from mlmd_server.errors import InvalidArgumentError, NotFoundError

_Pair = rpc.PutExecutionRequest.ArtifactAndEvent

# What the official server answers for a pair with neither an artifact nor an event.
_NO_ARTIFACT = -1


@dataclass(frozen=True)
class Stores:
    """The nodes of each kind, in one session."""

    artifacts: Nodes[pb.Artifact]
    executions: Nodes[pb.Execution]
    contexts: Nodes[pb.Context]


def put_execution(session: Session, stores: Stores, request: rpc.PutExecutionRequest) -> rpc.PutExecutionResponse:
    """Stores everything that the request says, or nothing.

    Raises:
        InvalidArgumentError: something is missing, unknown, or does not fit together.
        NotFoundError: there is no such type, or a context to be reused is not stored.
        AlreadyExistsError: a name or external id is taken, or an event is stored with other contents.
    """
    if not request.HasField("execution"):
        raise InvalidArgumentError("No execution is found.")
    update = UpdateOptions(force_update_time=request.options.force_update_time)
    (execution_id,) = stores.executions.put([request.execution], update)
    artifact_ids = _put_artifacts(stores.artifacts, request)
    put_events(session, _events(request, execution_id, artifact_ids))
    context_ids = _put_contexts(stores.contexts, request)
    put_links(session, EXECUTION, [(execution_id, context_id) for context_id in context_ids])
    stored_artifacts = [artifact_id for artifact_id in artifact_ids if artifact_id != _NO_ARTIFACT]
    put_links(
        session,
        ARTIFACT,
        [(artifact_id, context_id) for artifact_id in stored_artifacts for context_id in context_ids],
    )
    return rpc.PutExecutionResponse(execution_id=execution_id, artifact_ids=artifact_ids, context_ids=context_ids)


def _put_artifacts(artifacts: Nodes[pb.Artifact], request: rpc.PutExecutionRequest) -> list[int]:
    """Stores the artifacts; returns an id for each pair."""
    update = UpdateOptions(force_update_time=request.options.force_update_time)
    reuse = request.options.reuse_artifact_if_already_exist_by_external_id
    external_ids = {
        pair.artifact.external_id for pair in request.artifact_event_pairs if reuse and pair.artifact.external_id
    }
    known = {stored.external_id: stored.id for stored in artifacts.matching_any("external_id", external_ids)}
    ids = []
    for pair in request.artifact_event_pairs:
        if not pair.HasField("artifact"):
            ids.append(_id_from_event(pair))
            continue
        artifact = pair.artifact
        if not artifact.HasField("id") and artifact.external_id in known:
            artifact.id = known[artifact.external_id]
        (artifact_id,) = artifacts.put([artifact], update)
        if reuse and artifact.external_id:
            known[artifact.external_id] = artifact_id
        ids.append(artifact_id)
    return ids


def _id_from_event(pair: _Pair) -> int:
    if not pair.HasField("event"):
        return _NO_ARTIFACT
    if not pair.event.HasField("artifact_id"):
        raise InvalidArgumentError("If no artifact is present, given event must have an artifact_id.")
    return pair.event.artifact_id


def _events(request: rpc.PutExecutionRequest, execution_id: int, artifact_ids: list[int]) -> list[pb.Event]:
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


def _put_contexts(contexts: Nodes[pb.Context], request: rpc.PutExecutionRequest) -> list[int]:
    options = request.options
    update = UpdateOptions(force_update_time=options.force_update_time)
    ids: list[int] = []
    for context in request.contexts:
        if options.force_reuse_context and context.HasField("id"):
            if not contexts.by_ids([context.id]):
                raise NotFoundError(f"No context with the given id {context.id}")
            ids.append(context.id)
            continue
        if not context.HasField("type_id"):
            raise InvalidArgumentError("Context is missing a type_id.")
        if not context.HasField("name"):
            raise InvalidArgumentError("Context is missing a name.")
        stored = (
            contexts.by_type_and_name(context.type_id, context.name)
            if options.reuse_context_if_already_exist and not context.HasField("id")
            else None
        )
        ids += [stored.id] if stored else contexts.put([context], update)
    return ids
