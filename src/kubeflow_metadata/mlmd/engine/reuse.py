"""Nodes that a call may give again instead of making them: contexts by their name, artifacts by their external id.

The official library puts the nodes of a call one by one and looks each up before it does. Here they are looked up
and put together, and one by one only if the result depends on that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from kubeflow_metadata.mlmd.engine.kinds import N
from kubeflow_metadata.mlmd.engine.node_writer import NodeWriter, UpdateOptions
from kubeflow_metadata.mlmd.errors import AbortedError, AlreadyExistsError, InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

K = TypeVar("K", bound=Hashable)


def put_contexts(contexts: NodeWriter[pb.Context], given: Sequence[pb.Context], *, reuse: bool) -> list[int]:
    """Stores contexts; with ``reuse``, one without id that is stored already by type and name stays as it is.

    Raises:
        InvalidArgumentError: a type or name is missing, or what ``NodeWriter.put`` says.
        AbortedError: a context to be reused could not be stored because of another one; the official clients try
            again, which finds the one that another writer made meanwhile.
    """
    for context in given:
        if not context.HasField("type_id"):
            raise InvalidArgumentError("Context is missing a type_id.")
        if not context.HasField("name"):
            raise InvalidArgumentError("Context is missing a name.")
    if not reuse:
        return contexts.put(given)
    try:
        return _reuse_contexts(contexts, given)
    except AlreadyExistsError as error:
        raise AbortedError(f"{error} Try again to reuse the stored context.") from error


def put_artifacts(artifacts: NodeWriter[pb.Artifact], given: Sequence[pb.Artifact], update: UpdateOptions) -> list[int]:
    """Stores artifacts; one without id updates the stored one of its external id, or that of one before it here."""
    wanted = {artifact.external_id for artifact in given if artifact.external_id and not artifact.HasField("id")}
    known = {stored.external_id: stored.id for stored in artifacts.stored.matching_any("external_id", wanted)}
    if _order_matters(given, lambda artifact: artifact.external_id, wanted, known):
        return [put_artifacts(artifacts, [artifact], update)[0] for artifact in given]
    first: dict[str, int] = {}  # where an external id that is not stored yet comes first
    repeats: dict[int, str] = {}
    to_put: list[pb.Artifact] = []
    for place, artifact in enumerate(given):
        external_id = "" if artifact.HasField("id") else artifact.external_id
        if external_id in known:
            to_put.append(with_id(artifact, known[external_id]))
        elif external_id and first.setdefault(external_id, place) != place:
            repeats[place] = external_id
        else:
            to_put.append(artifact)
    put = iter(artifacts.put(to_put, update))
    ids = [0 if place in repeats else next(put) for place in range(len(given))]
    for place, external_id in repeats.items():
        ids[place] = ids[first[external_id]]
    artifacts.put([with_id(given[place], ids[place]) for place in repeats], update)
    return ids


def with_id(node: N, node_id: int) -> N:
    """Returns a copy of a node that has this id: requests stay as they are, because a call may be run again."""
    copy = type(node)()
    copy.CopyFrom(node)  # type: ignore[arg-type]
    copy.id = node_id
    return copy


def _reuse_contexts(contexts: NodeWriter[pb.Context], given: Sequence[pb.Context]) -> list[int]:
    wanted = {_name(context) for context in given if not context.HasField("id")}
    known = contexts.stored.ids_by_names(wanted)
    if _order_matters(given, _name, wanted, known):
        return [_reuse_contexts(contexts, [context])[0] for context in given]
    new: dict[tuple[int, str], pb.Context] = {}
    for context in given:
        if not context.HasField("id") and _name(context) not in known:
            new.setdefault(_name(context), context)
    named = [context for context in given if context.HasField("id")]
    ids = dict(zip(new, contexts.put([*new.values(), *named]), strict=False))
    ids.update(known)
    return [context.id if context.HasField("id") else ids[_name(context)] for context in given]


def _name(context: pb.Context) -> tuple[int, str]:
    return context.type_id, context.name


def _order_matters(given: Sequence[N], key: Callable[[N], K], wanted: Collection[K], known: Mapping[K, int]) -> bool:
    """Returns whether a node that is named by its id takes or gives up what another one is looked up by."""
    if len(given) == 1:
        return False
    stored_key = {node_id: stored for stored, node_id in known.items()}
    for node in given:
        if node.HasField("id"):
            before, after = stored_key.get(node.id), key(node)
            if before != after and (before is not None or after in wanted):
                return True
    return False
