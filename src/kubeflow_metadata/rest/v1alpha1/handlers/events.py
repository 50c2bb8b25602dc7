"""Events: what an execution read and wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable

import grpc

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.store import ARTIFACT, EXECUTION, Kind, Node, Store, Type
from kubeflow_metadata.rest.v1alpha1.handlers.call import Answer, Call, invalid
from kubeflow_metadata.rest.v1alpha1.wire.decode import INT64
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode

_INTEGER = re.compile("[+-]?[0-9]+")
# Ids asked for in one call: one statement in every database, and an answer of bounded size.
_BATCH = 500


async def create(call: Call) -> Answer:
    """Creates an event."""
    event = call.message(mlmd.Event)
    try:
        await call.store.put_event(event)
    except StoreError as error:
        # The published SDK logs the same input or output twice and relies on that being no error.
        if error.code != grpc.StatusCode.ALREADY_EXISTS or not await _is_stored(call.store, event):
            raise
    return b"{}"


async def list_of_execution(call: Call) -> Answer:
    """Lists the events of an execution."""
    return await _list(call, EXECUTION)


async def list_of_artifact(call: Call) -> Answer:
    """Lists the events of an artifact."""
    return await _list(call, ARTIFACT)


async def _is_stored(store: Store, event: mlmd.Event) -> bool:
    same_execution = await store.nodes(EXECUTION).get_events(event.execution_id)
    return any(_tells_the_same(event, stored) for stored in same_execution)


async def _list(call: Call, kind: Kind[Node, Type]) -> Answer:
    store = call.store
    events = await store.nodes(kind).get_events(_node_id(kind.noun, call.parameters["id"]))
    if not events:
        return b"{}"
    artifacts = await _nodes(store, ARTIFACT, {event.artifact_id for event in events})
    executions = await _nodes(store, EXECUTION, {event.execution_id for event in events})
    return b'{"events":[%b]%b%b}' % (b",".join(map(encode, events)), artifacts, executions)


def _tells_the_same(event: mlmd.Event, stored: mlmd.Event) -> bool:
    """Returns whether storing the event again would say nothing new; the store set its time if it had none."""
    return (
        (event.artifact_id, event.execution_id, event.type) == (stored.artifact_id, stored.execution_id, stored.type)
        and event.path == stored.path
        and (
            not event.HasField("milliseconds_since_epoch")
            or event.milliseconds_since_epoch == stored.milliseconds_since_epoch
        )
    )


def _node_id(noun: str, number: str) -> int:
    if not _INTEGER.fullmatch(number) or len(number) > 20 or int(number) not in INT64:
        # Upstream says Artifact for executions, too.
        raise invalid(f'failed to parse Artifact id from "{noun}s/{number}": not a 64-bit integer')
    return int(number)


async def _nodes(store: Store, kind: Kind[Node, Type], ids: Iterable[int]) -> bytes:
    """Returns the member that maps the ids to their nodes, with its comma; nothing if no node is left."""
    ordered = sorted(ids)
    nodes = [
        node
        for start in range(0, len(ordered), _BATCH)
        for node in await store.nodes(kind).get(ordered[start : start + _BATCH])
    ]
    if not nodes:
        return b""
    entries = (b'"%d":%b' % (node.id, encode(node)) for node in sorted(nodes, key=lambda node: node.id))
    return b',"%bs":{%b}' % (kind.noun.encode(), b",".join(entries))
