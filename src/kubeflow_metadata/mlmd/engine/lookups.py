"""Which nodes there are, by id alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.db.values import batches, placeholders
from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import AnyKind


def existing_ids(session: Session, kind: AnyKind, ids: set[int]) -> set[int]:
    """Returns those of the ids that stored nodes of this kind have."""
    found: set[int] = set()
    for batch in batches(ids):
        sql = f"SELECT id FROM {kind.table} WHERE id IN {placeholders(batch)}"
        found.update(cast(int, row[0]) for row in session.fetch(sql, batch))
    return found


def ids_matching(
    session: Session, kind: AnyKind, chosen: Filter, *, among: Iterable[int] | None = None, limit: int | None = None
) -> list[int]:
    """Returns the ids of the nodes that a filter chooses, in order; of those ``among`` the given ones if any."""
    if among is None:
        return _ids_matching(session, kind, chosen, limit)
    found: list[int] = []
    for batch in batches(among, width=2):  # leaves room for what the filter binds
        found += _ids_matching(session, kind, chosen.where(f"n.id IN {placeholders(batch)}", tuple(batch)), limit)
    return found


def _ids_matching(session: Session, kind: AnyKind, chosen: Filter, limit: int | None) -> list[int]:
    where = f" WHERE {chosen.condition}" if chosen.condition else ""
    page = "" if limit is None else f" LIMIT {limit}"
    rows = session.fetch(
        f"SELECT DISTINCT n.id FROM {kind.table} n{chosen.joins}{where} ORDER BY n.id{page}",
        (*chosen.join_params, *chosen.params),
    )
    return [cast(int, row[0]) for row in rows]
