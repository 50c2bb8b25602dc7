"""Nodes read with their properties, in one query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any, Generic, cast

from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.db.values import Row, SqlValue, batches, placeholders
from kubeflow_metadata.mlmd.engine import reading
from kubeflow_metadata.mlmd.engine.filtering.cache import compiled
from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import N, NodeKind
from kubeflow_metadata.mlmd.engine.listing import Page
from kubeflow_metadata.mlmd.engine.types import TypeCatalog
from kubeflow_metadata.proto import metadata_store_pb2 as pb


class NodeReader(Generic[N]):
    """The nodes of one kind, read in one session."""

    def __init__(
        self, session: Session, catalog: TypeCatalog, kind: NodeKind[N, Any], make: Callable[[], N] | None = None
    ) -> None:
        """Reads nothing yet.

        Args:
            session: the transaction.
            catalog: the names of types.
            kind: whose nodes.
            make: makes the message of each node that is read: ``add`` of a response's list, which saves a copy, in
                place of the kind's class.
        """
        self._session = session
        self._catalog = catalog
        self._kind = kind
        self._make = make or kind.message

    def by_ids(self, ids: Iterable[int]) -> list[N]:
        """Returns the stored nodes among these ids, each once, in the order of their ids."""
        return self.matching_any("id", ids)

    def matching_any(self, column: str, wanted: Iterable[SqlValue]) -> list[N]:
        """Returns the nodes whose ``column`` has one of the wanted values, by id."""
        found: list[N] = []
        for batch in batches(dict.fromkeys(wanted)):
            found += self._select(Filter(condition=f"n.{column} IN {placeholders(batch)}", params=tuple(batch)))
        return found

    def by_type_and_name(self, type_id: int, name: str) -> N | None:
        """Returns the node of this type and name; None if there is none."""
        found = self._select(Filter(condition="n.type_id = ? AND n.name = ?", params=(type_id, name)))
        return found[0] if found else None

    def ids_by_names(self, names: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Returns the ids of the stored nodes among these (type id, name)."""
        found: dict[tuple[int, str], int] = {}
        for batch in batches(names, width=2):
            type_ids, wanted = [*{type_id for type_id, _ in batch}], [*{name for _, name in batch}]
            rows = self._session.fetch(
                f"SELECT type_id, name, id FROM {self._kind.table} "
                f"WHERE type_id IN {placeholders(type_ids)} AND name IN {placeholders(wanted)}",
                (*type_ids, *wanted),
            )
            found.update(((type_id, name), node_id) for type_id, name, node_id in cast("list[Any]", rows))
        return {key: node_id for key, node_id in found.items() if key in names}

    def linked(self, link: str, own_column: str, other_column: str, other_ids: Iterable[int]) -> list[N]:
        """Returns the nodes that table ``link`` ties to one of ``other_ids``, each once, by id."""
        found: list[N] = []
        for batch in batches(dict.fromkeys(other_ids)):
            tied = f"SELECT {own_column} FROM {link} WHERE {other_column} IN {placeholders(batch)}"
            found += self._select(Filter(condition=f"n.id IN ({tied})", params=tuple(batch)))
        return found

    def page(
        self, options: pb.ListOperationOptions | None, condition: str = "", params: Sequence[SqlValue] = ()
    ) -> tuple[list[N], str]:
        """Returns a page of the nodes ``n`` that meet ``condition``, and the token of the next one ("" after the last).

        Without ``options`` all of them come at once, by id.

        Raises:
            InvalidArgumentError: an option is wrong.
        """
        if options is None:
            return self._select(Filter(condition=condition, params=tuple(params))), ""
        page = Page.from_options(options)
        selected = compiled(self._kind, options.filter_query).where(condition, tuple(params)).where(*page.condition())
        sql, bound = reading.select(self._kind, selected, f" ORDER BY {page.order_by()} LIMIT {page.size + 1}")
        read = self._session.fetch(sql, bound)
        key = itemgetter(reading.columns(self._kind).index(page.order_column), 0)
        found = self._messages(read, key=key, reverse=not page.ascending, most=page.size)
        more = bool(read) and read[-1][0] != found[-1].id
        return found, page.next_token(found[-1]) if more else ""

    def _select(self, chosen: Filter) -> list[N]:
        """Returns the nodes ``n`` that a filter chooses, by id."""
        return self._messages(self._session.fetch(*reading.select(self._kind, chosen)), key=itemgetter(0))

    def _messages(
        self, found: list[Row], *, key: Callable[[Row], Any], reverse: bool = False, most: int | None = None
    ) -> list[N]:
        # Sorted here: databases would sort every node once more for each of its properties.
        found.sort(key=key, reverse=reverse)
        return reading.messages(found, self._kind, self._make, self._type_name, most)

    def _type_name(self, type_id: int) -> str:
        return self._catalog.name(self._session, self._kind, type_id)
