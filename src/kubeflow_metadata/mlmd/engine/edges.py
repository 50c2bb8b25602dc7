"""Edges: the events that lead on from artifacts to executions and back, read a hop at a time or all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import cast

from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.db.values import batches, placeholders
from kubeflow_metadata.mlmd.engine.events import COLUMNS, EventRow
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, EXECUTION, AnyKind
from kubeflow_metadata.proto import metadata_store_pb2 as pb

OTHER: dict[AnyKind, AnyKind] = {ARTIFACT: EXECUTION, EXECUTION: ARTIFACT}

_Options = pb.LineageSubgraphQueryOptions
_INPUTS = (pb.Event.INPUT, pb.Event.DECLARED_INPUT, pb.Event.INTERNAL_INPUT)
_OUTPUTS = (pb.Event.OUTPUT, pb.Event.DECLARED_OUTPUT, pb.Event.INTERNAL_OUTPUT, pb.Event.PENDING_OUTPUT)
# The types of the events to follow from a node of each kind; all if there is no entry.
_FOLLOWED: dict[tuple[_Options.Direction, AnyKind], tuple[pb.Event.Type, ...]] = {
    (_Options.UPSTREAM, ARTIFACT): _OUTPUTS,
    (_Options.UPSTREAM, EXECUTION): _INPUTS,
    (_Options.DOWNSTREAM, ARTIFACT): _INPUTS,
    (_Options.DOWNSTREAM, EXECUTION): _OUTPUTS,
}

# The id of the artifact or the execution of an event.
END: dict[AnyKind, Callable[[EventRow], int]] = {ARTIFACT: itemgetter(1), EXECUTION: itemgetter(2)}

# The index by which a node's events are found, for databases that must be told.
_INDEX: dict[AnyKind, str] = {ARTIFACT: "UniqueEvent", EXECUTION: "idx_event_execution_id"}

# A whole neighbourhood is read at once only if it has fewer events: the rest then costs little.
_FEW = 256


class Edges:
    """The events that a walk follows, in one session."""

    def __init__(self, session: Session, direction: _Options.Direction = _Options.BIDIRECTIONAL) -> None:
        self._session = session
        self._followed = {kind: _FOLLOWED.get((direction, kind)) for kind in OTHER}
        self._known: dict[AnyKind, dict[int, list[EventRow]]] | None = None

    def read_ahead(self, kind: AnyKind, ids: Sequence[int]) -> None:
        """Reads all that a walk from these artifacts or executions can come to, if the database can and it is little.

        A statement for each of many hops costs more than the few events that most walks find.
        """
        dialect = self._session.dialect
        if not dialect.limits_recursion or not 0 < len(ids) < _FEW:
            return
        steps = "".join(
            f" UNION SELECT {dialect.use_index('e', _INDEX[each])}{COLUMNS} FROM near"
            f" JOIN Event e ON e.{each.id_column} = near.{each.id_column}{self._condition(each)}"
            for each in OTHER
        )
        start = f"SELECT {COLUMNS} FROM Event e WHERE e.{kind.id_column} IN {placeholders(ids)}{self._condition(kind)}"
        names = COLUMNS.replace("e.", "")
        sql = f"WITH RECURSIVE near ({names}) AS ({start}{steps} LIMIT {_FEW}) SELECT {names} FROM near"
        types = [number for each in (kind, *OTHER) for number in self._followed[each] or ()]
        found = cast("list[EventRow]", self._session.fetch(sql, (*ids, *types)))
        if len(found) < _FEW:
            self._known = {each: {} for each in OTHER}
            for each, by_id in self._known.items():
                for event in found:
                    by_id.setdefault(END[each](event), []).append(event)

    def of(self, kind: AnyKind, ids: Iterable[int]) -> list[EventRow]:
        """Returns the events that lead on from these artifacts or executions."""
        return list(self._read(kind, ids) if self._known is None else self._recall(self._known[kind], kind, ids))

    def _read(self, kind: AnyKind, ids: Iterable[int]) -> Iterator[EventRow]:
        for batch in batches(ids):
            condition = f"e.{kind.id_column} IN {placeholders(batch)}{self._condition(kind)}"
            sql = f"SELECT {COLUMNS} FROM Event e WHERE {condition}"
            yield from cast("list[EventRow]", self._session.fetch(sql, (*batch, *(self._followed[kind] or ()))))

    def _recall(self, known: dict[int, list[EventRow]], kind: AnyKind, ids: Iterable[int]) -> Iterator[EventRow]:
        followed = self._followed[kind]
        for node_id in ids:
            for event in known.get(node_id, ()):
                if followed is None or event[3] in followed:
                    yield event

    def _condition(self, kind: AnyKind) -> str:
        types = self._followed[kind]
        return f" AND e.type IN {placeholders(types)}" if types else ""
