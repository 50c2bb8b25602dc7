"""Lineage: the artifacts and executions that events connect with the ones that a query starts from.

The graph is walked a hop at a time, from all artifacts reached last to their executions or back, in at most two
statements a hop whatever its width.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import Session
from kubeflow_metadata.mlmd.db.values import batches, placeholders
from kubeflow_metadata.mlmd.engine.edges import END, OTHER, Edges
from kubeflow_metadata.mlmd.engine.events import EventRow, event_messages
from kubeflow_metadata.mlmd.engine.filtering.cache import compiled
from kubeflow_metadata.mlmd.engine.filters import Filter
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, EXECUTION, KINDS, LINK_TABLES, AnyKind
from kubeflow_metadata.mlmd.engine.lookups import ids_matching
from kubeflow_metadata.mlmd.engine.node_reader import NodeReader
from kubeflow_metadata.mlmd.engine.types import all_types
from kubeflow_metadata.mlmd.errors import InvalidArgumentError, NotFoundError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

# The official server's limits: what lies beyond is left out without a word.
MAX_HOPS = 100
MAX_STARTING_NODES = 100

# From this many hops on, it is worth looking for everything reachable at once.
_MANY_HOPS = 4

_Options = pb.LineageSubgraphQueryOptions


@dataclass
class _Reached:
    """The nodes of one kind that a walk has come to."""

    kind: AnyKind
    ending: Filter | None  # which nodes end the walk
    keeps_ending: bool  # whether those belong to the graph
    visited: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)

    def enter(self, session: Session, ids: Collection[int]) -> list[int]:
        """Adds newly reached nodes; returns those from which the traversal continues."""
        new = {node_id for node_id in ids if node_id not in self.visited and node_id not in self.ended}
        if self.ending is not None and new:
            ended = ids_matching(session, self.kind, self.ending, among=sorted(new))
            self.ended.update(ended)
            new.difference_update(ended)
        self.visited |= new
        return sorted(new)

    def has(self, node_id: int) -> bool:
        return self.keeps_ending or node_id not in self.ended

    def ids(self) -> list[int]:
        return sorted(self.visited | self.ended if self.keeps_ending else self.visited)


def get_lineage_subgraph(session: Session, options: _Options, mask: Sequence[str]) -> pb.LineageGraph:
    """Returns the graph around the starting nodes: which nodes belong to it, by id alone, and what ties them.

    ``mask`` names the fields to fill; none means all.

    Raises:
        InvalidArgumentError: there is no query to start from, or something in the options is wrong.
        NotFoundError: no node starts the graph.
    """
    start, query = _start(options)
    hops = _hops(options)
    reached = {
        ARTIFACT: _reached(ARTIFACT, options.ending_artifacts),
        EXECUTION: _reached(EXECUTION, options.ending_executions),
    }
    starting = ids_matching(session, start, compiled(start, query), limit=MAX_STARTING_NODES)
    if not starting:
        raise NotFoundError("Cannot find qualified nodes to start the traversal.")
    events: set[EventRow] = set()
    kind, last = start, reached[start].enter(session, starting)
    edges = Edges(session, options.direction)
    if hops >= _MANY_HOPS:
        edges.read_ahead(kind, last)
    for _ in range(hops):
        if not last:
            break
        deadlines.check()
        there = reached[OTHER[kind]]
        found = edges.of(kind, last)
        kind, end = there.kind, END[there.kind]
        last = there.enter(session, {end(event) for event in found})
        events.update(event for event in found if there.has(end(event)))
    return _graph(session, reached[ARTIFACT].ids(), reached[EXECUTION].ids(), events, mask)


def get_lineage_graph(
    session: Session,
    artifacts: NodeReader[pb.Artifact],
    executions: NodeReader[pb.Execution],
    options: pb.LineageGraphQueryOptions,
) -> pb.LineageGraph:
    """Answers the older call: nodes as stored, at most ``max_node_size`` of them, and the events they were found by.

    Raises:
        InvalidArgumentError: there is no query to start from, or something in the options is wrong.
    """
    if not options.HasField("artifacts_options"):
        raise InvalidArgumentError("Missing query_nodes conditions: artifacts_options.")
    if options.max_node_size <= 0:
        raise InvalidArgumentError(f"max_node_size must be positive, not {options.max_node_size}.")
    stop = options.stop_conditions
    hops = _hops(stop)
    boundaries: dict[AnyKind, Filter | None] = {
        ARTIFACT: _boundary(ARTIFACT, stop.boundary_artifacts),
        EXECUTION: _boundary(EXECUTION, stop.boundary_executions),
    }
    starting, _ = artifacts.page(options.artifacts_options)
    reached = {kind: _Reached(kind, boundaries[kind], keeps_ending=False) for kind in boundaries}
    kind, last = ARTIFACT, [artifact.id for artifact in starting][: options.max_node_size]
    reached[ARTIFACT].visited.update(last)
    room = options.max_node_size - len(last)
    events: set[EventRow] = set()
    edges = Edges(session)
    for _ in range(hops):
        if not last or room <= 0:
            break
        deadlines.check()
        there = reached[OTHER[kind]]
        found = edges.of(kind, last)
        kind, end = there.kind, END[there.kind]
        entered = there.enter(session, {end(event) for event in found})
        last, kept = entered[:room], set(entered[:room])
        there.visited.difference_update(entered[room:])
        room -= len(last)
        events.update(event for event in found if end(event) in kept)
    graph = pb.LineageGraph(events=event_messages(session, sorted(events)))
    graph.artifacts.extend(artifacts.by_ids(reached[ARTIFACT].ids()))
    graph.executions.extend(executions.by_ids(reached[EXECUTION].ids()))
    _add_types(session, graph, ("artifact_types", "execution_types", "context_types"), built_in=False)
    return graph


def _start(options: _Options) -> tuple[AnyKind, str]:
    start: AnyKind
    if options.HasField("starting_artifacts"):
        start, query = ARTIFACT, options.starting_artifacts.filter_query
    elif options.HasField("starting_executions"):
        start, query = EXECUTION, options.starting_executions.filter_query
    else:
        raise InvalidArgumentError("Missing arguments for listing starting nodes.")
    if not query:
        raise InvalidArgumentError("Cannot list starting nodes if `filter_query` is unspecified.")
    return start, query


def _hops(options: _Options | pb.LineageGraphQueryOptions.BoundaryConstraint) -> int:
    if options.max_num_hops < 0:
        raise InvalidArgumentError(f"max_num_hops cannot be negative: max_num_hops = {options.max_num_hops}")
    return min(options.max_num_hops, MAX_HOPS) if options.HasField("max_num_hops") else MAX_HOPS


def _reached(kind: AnyKind, ending: _Options.EndingNodes) -> _Reached:
    query = compiled(kind, ending.filter_query) if ending.HasField("filter_query") else None
    return _Reached(kind, query, ending.include_ending_nodes)


def _boundary(kind: AnyKind, query: str) -> Filter | None:
    return compiled(kind, query) if query else None


def _graph(
    session: Session,
    artifact_ids: Sequence[int],
    execution_ids: Sequence[int],
    events: Iterable[EventRow],
    mask: Sequence[str],
) -> pb.LineageGraph:
    wanted = set(mask) if mask else {field.name for field in pb.LineageGraph.DESCRIPTOR.fields}
    graph = pb.LineageGraph()
    if "artifacts" in wanted:
        graph.artifacts.extend(pb.Artifact(id=node_id) for node_id in artifact_ids)
    if "executions" in wanted:
        graph.executions.extend(pb.Execution(id=node_id) for node_id in execution_ids)
    if "events" in wanted:
        graph.events.extend(event_messages(session, sorted(events)))
    attributions = _links(session, ARTIFACT, artifact_ids) if wanted & {"contexts", "attributions"} else []
    associations = _links(session, EXECUTION, execution_ids) if wanted & {"contexts", "associations"} else []
    if "contexts" in wanted:
        context_ids = {context_id for _, context_id in (*attributions, *associations)}
        graph.contexts.extend(pb.Context(id=context_id) for context_id in sorted(context_ids))
    if "attributions" in wanted:
        graph.attributions.extend(pb.Attribution(artifact_id=a, context_id=c) for a, c in attributions)
    if "associations" in wanted:
        graph.associations.extend(pb.Association(execution_id=e, context_id=c) for e, c in associations)
    _add_types(session, graph, wanted, built_in=True)
    return graph


def _links(session: Session, kind: AnyKind, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Returns (node id, context id) of all that ties these nodes to contexts, in order."""
    found: list[tuple[int, int]] = []
    for batch in batches(ids):
        column = kind.id_column
        sql = f"SELECT {column}, context_id FROM {LINK_TABLES[kind]} WHERE {column} IN {placeholders(batch)}"
        found += cast("list[tuple[int, int]]", session.fetch(sql, batch))
    return sorted(found)


def _add_types(session: Session, graph: pb.LineageGraph, wanted: Collection[str], *, built_in: bool) -> None:
    fields = {kind: f"{kind.name}_types" for kind in KINDS if f"{kind.name}_types" in wanted}
    if fields:
        for kind, types in all_types(session, built_in=built_in).items():
            if kind in fields:
                getattr(graph, fields[kind]).extend(types)
