"""Links: which artifacts and executions belong to which contexts, and which context to which other one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, Session
from kubeflow_metadata.mlmd.db.values import batches, placeholders
from kubeflow_metadata.mlmd.engine.kinds import CONTEXT, LINK_TABLES, AnyKind
from kubeflow_metadata.mlmd.engine.lookups import existing_ids
from kubeflow_metadata.mlmd.engine.node_reader import NodeReader
from kubeflow_metadata.mlmd.errors import AlreadyExistsError, InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb


def put_links(session: Session, kind: AnyKind, pairs: Iterable[tuple[int, int]], *, check: bool = True) -> None:
    """Ties artifacts or executions to contexts, as (node id, context id); what is tied already stays so.

    Without ``check`` the caller knows that all of them are stored.

    Raises:
        InvalidArgumentError: there is no such node or context.
    """
    rows = list(dict.fromkeys(pairs))
    if check:
        _require(session, kind, {node_id for node_id, _ in rows})
        _require(session, CONTEXT, {context_id for _, context_id in rows})
    if rows:
        session.insert_rows(LINK_TABLES[kind], (kind.id_column, "context_id"), rows, keep_existing=True)


def put_parent_contexts(session: Session, given: Sequence[pb.ParentContext]) -> None:
    """Makes contexts the parents of others.

    Raises:
        InvalidArgumentError: an id is missing or unknown, or a context would become its own ancestor.
        AlreadyExistsError: the one is the other's parent already.
    """
    pairs = [(link.child_id, link.parent_id) for link in given]
    for link in given:
        if not (link.HasField("child_id") and link.HasField("parent_id")):
            raise InvalidArgumentError("Missing parent / child id in the parent_context.")
    ids = {context_id for pair in pairs for context_id in pair}
    if missing := ids - existing_ids(session, CONTEXT, ids):
        raise InvalidArgumentError(f"Given parent / child id in the parent_context cannot be found: {min(missing)}")
    session.queue_up()  # two links, each harmless alone, could close a circle
    _refuse_cycles(session, pairs)
    try:
        session.insert_rows("ParentContext", ("context_id", "parent_context_id"), pairs)
    except DuplicateKeyError as error:
        raise AlreadyExistsError("Given parent_context already exists.") from error


def related_contexts(
    session: Session, contexts: NodeReader[pb.Context], ids: Iterable[int], *, own_column: str, other_column: str
) -> dict[int, list[pb.Context]]:
    """Returns the parents or children of each of the contexts with these ids that has any."""
    related: list[tuple[int, int]] = []
    for batch in batches(dict.fromkeys(ids)):
        sql = f"SELECT {own_column}, {other_column} FROM ParentContext WHERE {own_column} IN {placeholders(batch)}"
        related += cast("list[tuple[int, int]]", session.fetch(sql, batch))
    found = {context.id: context for context in contexts.by_ids(other_id for _, other_id in related)}
    by_id: dict[int, list[pb.Context]] = {}
    for own_id, other_id in sorted(related):
        if other_id in found:
            by_id.setdefault(own_id, []).append(found[other_id])
    return by_id


def _refuse_cycles(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Walks up from the new parents, a level a query, to see whether a new child is among its own ancestors."""
    parents: dict[int, set[int]] = {}
    for child, parent in pairs:
        parents.setdefault(child, set()).add(parent)
    level = {parent for _, parent in pairs}
    seen: set[int] = set()
    while level := level - seen:
        seen |= level
        above: set[int] = set()
        for batch in batches(level):
            sql = f"SELECT context_id, parent_context_id FROM ParentContext WHERE context_id IN {placeholders(batch)}"
            for row in session.fetch(sql, batch):
                child, parent = cast("tuple[int, int]", row)
                parents.setdefault(child, set()).add(parent)
        for child in level:
            above |= parents.get(child, set())
        level = above
    for start in {child for child, _ in pairs}:
        deadlines.check()
        if start in _ancestors(start, parents):
            raise InvalidArgumentError("There is a cycle detected of the given relationship.")


def _ancestors(start: int, parents: dict[int, set[int]]) -> set[int]:
    found: set[int] = set()
    to_visit = [*parents.get(start, ())]
    while to_visit:
        context_id = to_visit.pop()
        if context_id not in found:
            found.add(context_id)
            to_visit += parents.get(context_id, ())
    return found


def _require(session: Session, kind: AnyKind, ids: set[int]) -> None:
    if ids - existing_ids(session, kind, ids):
        raise InvalidArgumentError(f"{kind.table} id not found.")
