"""Requests of all calls, with few types, names and ids, so that they meet each other's results.

They keep away from what differs on purpose: `docs/mlmd-compatibility.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

Strategy = st.SearchStrategy[Any]
Fields = dict[str, Strategy]

# Node ids 1 and 2 are stored from the start.
IDS = st.integers(1, 4)
STORED_IDS = st.integers(1, 2)
STORED_OR_NOT = st.sampled_from([1, 2, 1, 2, 1, 2, 1, 2, 3, 4, None])
NAMES = st.sampled_from(["", "a", "b", "it's"])
EXTERNAL_IDS = st.sampled_from(["x", "y", "z"])
FOUND_EXTERNAL_IDS = st.sampled_from(["", "x", "y", "no"])
KINDS = ("Artifact", "Execution", "Context")
ARTIFACT_TYPE, EXECUTION_TYPE, CONTEXT_TYPE = 10, 11, 12
TYPE_IDS = st.sampled_from([1, 10, 11, 12, 13, 99])
VALUES = st.one_of(
    st.builds(lambda x: pb.Value(int_value=x), st.sampled_from([0, 1, -(2**63), 2**63 - 1])),
    st.builds(lambda x: pb.Value(double_value=x), st.sampled_from([0.0, 0.5, -3.0])),
    st.builds(lambda x: pb.Value(string_value=x), st.sampled_from(["", "x", "%'\"", "漢"])),
    st.builds(lambda x: pb.Value(bool_value=x), st.booleans()),
)
PROPERTY_TYPES = st.sampled_from([pb.INT, pb.DOUBLE, pb.STRING, pb.BOOLEAN, pb.UNKNOWN])
EVENT_TYPES = st.sampled_from([pb.Event.INPUT, pb.Event.OUTPUT, pb.Event.DECLARED_INPUT, pb.Event.UNKNOWN])


def often(strategy: Strategy) -> Strategy:
    """Mostly one of these; else the field is left out."""
    return st.sampled_from([True, True, True, False]).flatmap(lambda given: strategy if given else st.none())


def rarely(strategy: Strategy) -> Strategy:
    """Sometimes one of these; mostly the field is left out."""
    return st.sampled_from([False, False, False, True]).flatmap(lambda given: strategy if given else st.none())


def mostly(right: Strategy, wrong: Strategy) -> Strategy:
    """What is right, and now and then something else: a call of many parts succeeds only if all of them are right."""
    return st.sampled_from([True] * 14 + [False]).flatmap(lambda is_right: right if is_right else wrong)


def some(message: Callable[..., Any], **fields: Strategy) -> Strategy:
    """A message with these fields, but for those that are drawn to be left out."""
    return st.fixed_dictionaries(fields).map(
        lambda chosen: message(**{name: value for name, value in chosen.items() if value is not None})
    )


def few(strategy: Strategy, largest: int = 2) -> Strategy:
    return st.lists(strategy, min_size=1, max_size=largest)


# Types


def type_fields(name: str) -> Fields:
    properties = st.dictionaries(st.sampled_from(["i", "s", "zz"]), PROPERTY_TYPES, max_size=2)
    return {
        "name": often(st.sampled_from([name, name, "new"])),
        "version": rarely(st.sampled_from(["", "v1"])),
        "external_id": rarely(EXTERNAL_IDS),
        "properties": st.one_of(st.just({"i": pb.INT}), st.just({"i": pb.INT, "s": pb.STRING}), properties),
    }


ARTIFACT_TYPES = some(pb.ArtifactType, base_type=rarely(st.sampled_from([0, 1, 2])), **type_fields("A"))
EXECUTION_TYPES = some(pb.ExecutionType, base_type=rarely(st.sampled_from([0, 1, 2])), **type_fields("E"))
CONTEXT_TYPES = some(pb.ContextType, **type_fields("C"))
PUT_TYPE_OPTIONS = {
    "can_add_fields": st.booleans(),
    "can_omit_fields": st.booleans(),
    "all_fields_match": st.sampled_from([True] * 9 + [False]),
}
NAMES_OF_TYPES = {"Artifact": "A", "Execution": "E", "Context": "C"}
TYPE_AND_NAME = {
    kind: {
        "type_name": st.sampled_from([name, name, name, "new", "no"]),
        "type_version": rarely(st.sampled_from(["", "v1"])),
    }
    for kind, name in NAMES_OF_TYPES.items()
}


# Nodes


def node_fields(type_id: int) -> Fields:
    fitting = st.fixed_dictionaries({}, optional={"i": st.just(pb.Value(int_value=1))})
    other = st.dictionaries(st.sampled_from(["i", "s", "zz"]), VALUES, max_size=2)
    # Of other names: the official library loses a property when a custom property of its name changes.
    custom = st.dictionaries(st.sampled_from(["ci", "cs", "any name"]), VALUES, max_size=2)
    return {
        "id": rarely(st.sampled_from([1, 2, 1, 2, 1, 2, 99])),
        "type_id": mostly(st.just(type_id), st.one_of(st.none(), TYPE_IDS)),
        "name": often(NAMES),
        "external_id": rarely(EXTERNAL_IDS),
        "properties": mostly(fitting, other),
        "custom_properties": custom,
    }


ARTIFACTS = some(
    pb.Artifact,
    uri=often(NAMES),
    state=often(st.sampled_from([pb.Artifact.UNKNOWN, pb.Artifact.LIVE])),
    **node_fields(ARTIFACT_TYPE),
)
EXECUTIONS = some(pb.Execution, last_known_state=often(st.sampled_from([0, 2])), **node_fields(EXECUTION_TYPE))
CONTEXTS = some(
    pb.Context, **{**node_fields(CONTEXT_TYPE), "name": mostly(st.sampled_from(["a", "b", "c", "d"]), NAMES)}
)
STEPS = st.one_of(
    st.builds(lambda x: pb.Event.Path.Step(index=x), st.integers(0, 2)),
    st.builds(lambda x: pb.Event.Path.Step(key=x), NAMES),
)
PATHS = st.builds(lambda steps: pb.Event.Path(steps=steps), few(STEPS))
EVENTS = some(pb.Event, artifact_id=often(IDS), execution_id=often(IDS), type=often(EVENT_TYPES), path=often(PATHS))
# Of a pair or an edge, which mostly say themselves what the event is between.
PART_EVENTS = some(
    pb.Event,
    artifact_id=mostly(st.none(), STORED_IDS),
    execution_id=mostly(st.none(), STORED_IDS),
    type=mostly(st.sampled_from([pb.Event.INPUT, pb.Event.OUTPUT, pb.Event.DECLARED_INPUT]), st.none()),
    path=rarely(PATHS),
)


def mask(*own: str) -> Strategy:
    paths = ["external_id", "name", "properties", "properties.i", "custom_properties", "custom_properties.ci", *own]
    return rarely(few(st.sampled_from(paths)).map(lambda chosen: {"paths": chosen}))


# Filter queries


def quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "\\'"))


STRINGS = st.sampled_from(["", "a", "A", "b", "it's", "C", "x"]).map(quoted)
PATTERNS = st.sampled_from(["a%", "%", "_", "%'%", "A", "%x%"]).map(quoted)
NUMBERS = st.sampled_from(["0", "1", "2", "10", "-1", "0.5", "1e0", "0x2", "9223372036854775807"])
COMPARISONS = st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="])
INTEGER_ATTRIBUTES = ["id", "type_id", "properties.i.int_value", "custom_properties.ci.int_value"]
NUMBER_ATTRIBUTES = ["properties.i.double_value", "custom_properties.`any name`.double_value"]
STRING_ATTRIBUTES = ["name", "type", "external_id", "properties.s.string_value", "custom_properties.cs.string_value"]
BOOLEAN_ATTRIBUTES = ["custom_properties.ci.bool_value", "properties.zz.bool_value"]


def states(attribute: str, names: list[str], operators: Sequence[str] = ("=", "!=", "IN", "NOT IN")) -> Strategy:
    def predicate(operator: str, chosen: list[str]) -> str:
        value = f"({', '.join(chosen)})" if "IN" in operator else chosen[0]
        return f"{attribute} {operator} {value}"

    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=2)
    return st.builds(predicate, st.sampled_from(operators), chosen)


def queries(integers: list[str], strings: list[str], *state_predicates: Strategy) -> Strategy:
    integer = st.sampled_from(INTEGER_ATTRIBUTES + integers)
    number = st.one_of(integer, st.sampled_from(NUMBER_ATTRIBUTES), st.builds("{} + {}".format, integer, NUMBERS))
    string = st.sampled_from(STRING_ATTRIBUTES + strings)
    negation = st.sampled_from(["", "NOT "])
    predicate = st.one_of(
        st.builds("{} {} {}".format, number, COMPARISONS, st.one_of(NUMBERS, integer)),
        st.builds("{} {}IN ({})".format, integer, negation, few(NUMBERS, 3).filter(bool).map(", ".join)),
        st.builds("{} {}BETWEEN {} AND {}".format, integer, negation, NUMBERS, NUMBERS),
        st.builds("{} / 2 {} {}".format, integer, COMPARISONS, NUMBERS),
        st.builds("{} {} {}".format, string, COMPARISONS, st.one_of(STRINGS, string)),
        st.builds("{} {}IN ({}, {})".format, string, negation, STRINGS, STRINGS),
        st.builds("{} {}LIKE {}".format, string, negation, PATTERNS),
        st.builds("{} IS {}NULL".format, st.one_of(integer, string), negation),
        st.builds("LOWER({}) = {}".format, string, STRINGS),
        st.builds("IFNULL({}, {}) = {}".format, string, STRINGS, STRINGS),
        st.sampled_from(BOOLEAN_ATTRIBUTES),
        st.builds("{} = {}".format, st.sampled_from(BOOLEAN_ATTRIBUTES), st.sampled_from(["true", "FALSE"])),
        *state_predicates,
    )
    return st.recursive(
        predicate,
        lambda inner: st.one_of(
            st.builds("{} AND {}".format, inner, inner),
            st.builds("({} OR {})".format, inner, inner),
            st.builds("NOT ({})".format, inner),
            st.builds("({}) IS {}".format, inner, st.sampled_from(["TRUE", "FALSE", "NOT TRUE"])),
        ),
        max_leaves=4,
    ).filter(_names_each_state_once)


def _names_each_state_once(query: str) -> bool:
    """The official library refuses most queries that compare a state or an event type twice."""
    found = re.findall(r"([\w.]*(?:state|events_0\.type)) ", query)
    return len(found) == len(set(found))


CONTEXTS_OF_NODES = (["contexts_a.id", "contexts_b.id"], ["contexts_a.name", "contexts_b.name", "contexts_a.type"])
EVENT_PREDICATE = states("events_0.type", ["INPUT", "OUTPUT", "DECLARED_INPUT"])
ARTIFACT_QUERIES = queries(
    [*CONTEXTS_OF_NODES[0], "events_0.execution_id", "events_1.execution_id"],
    [*CONTEXTS_OF_NODES[1], "uri"],
    EVENT_PREDICATE,
    states("state", ["LIVE", "UNKNOWN"]),
)
EXECUTION_QUERIES = queries(
    [*CONTEXTS_OF_NODES[0], "events_0.artifact_id"],
    CONTEXTS_OF_NODES[1],
    EVENT_PREDICATE,
    states("last_known_state", ["RUNNING", "UNKNOWN"]),
)
CONTEXT_QUERIES = queries(
    ["parent_contexts_p.id", "child_contexts_c.id", "artifacts_a.id", "executions_e.id"],
    ["parent_contexts_p.name", "child_contexts_c.type", "artifacts_a.uri", "artifacts_a.name", "executions_e.type"],
    states("artifacts_a.state", ["LIVE", "UNKNOWN"], ["="]),
    states("executions_e.last_known_state", ["RUNNING", "UNKNOWN"], ["="]),
)
WRONG_QUERIES = st.sampled_from(
    ["id", "id = 'a'", "nam = 'a'", "id = 1 AND", "events_0.name = 'a'", "(id = 1", "state = A"]
)


_ORDER = pb.ListOperationOptions.OrderByField


def options(filter_queries: Strategy, sizes: Sequence[int] = (1, 2, 100)) -> Strategy:
    return often(
        some(
            pb.ListOperationOptions,
            max_result_size=often(st.sampled_from(sizes)),
            # Not by the last update: the two may need different milliseconds for the same calls.
            order_by_field=rarely(
                some(_ORDER, field=often(st.sampled_from([_ORDER.ID, _ORDER.CREATE_TIME])), is_asc=often(st.booleans()))
            ),
            filter_query=often(filter_queries),
        )
    )


def options_of_all(filter_queries: Strategy) -> Strategy:
    """As ``options``, and wrong ones now and then, which are only refused by both where there is something to list."""
    return st.one_of(options(filter_queries), options(filter_queries), options(WRONG_QUERIES, (-1, 0, 1, 2, 100)))


# Lineage

_Subgraph = pb.LineageSubgraphQueryOptions


def _ending(filter_queries: Strategy) -> Strategy:
    return rarely(some(_Subgraph.EndingNodes, filter_query=often(filter_queries), include_ending_nodes=st.booleans()))


def _starts(filter_queries: Strategy, fields: str) -> Strategy:
    queries = st.one_of(st.just("id > 0"), st.sampled_from(["id = 1", "id = 2"]), filter_queries)
    return some(
        _Subgraph,
        **{fields: often(some(_Subgraph.StartingNodes, filter_query=queries))},
        max_num_hops=often(st.sampled_from([0, 1, 2, 3, 4, -1])),
        direction=often(st.sampled_from([0, 1, 2, 3])),
        ending_artifacts=_ending(ARTIFACT_QUERIES),
        ending_executions=_ending(EXECUTION_QUERIES),
    )


LINEAGE_OPTIONS = st.one_of(
    _starts(ARTIFACT_QUERIES, "starting_artifacts"), _starts(EXECUTION_QUERIES, "starting_executions")
)
GRAPH_MASK = few(st.sampled_from([*(field.name for field in pb.LineageGraph.DESCRIPTOR.fields), "no"]), 3)

_Execution = rpc.PutExecutionRequest
_Lineage = rpc.PutLineageSubgraphRequest
_INDICES = mostly(st.just(0), st.sampled_from([1, 2, -1, None]))
_STORED_EVENTS = some(pb.Event, artifact_id=STORED_IDS, execution_id=STORED_IDS, type=EVENT_TYPES)
_EDGES = st.one_of(
    some(_Lineage.EventEdge, execution_index=_INDICES, artifact_index=_INDICES, event=mostly(PART_EVENTS, st.none())),
    some(_Lineage.EventEdge, event=_STORED_EVENTS),
)

CALLS: dict[str, Fields] = {
    "PutArtifactType": {"artifact_type": ARTIFACT_TYPES, **PUT_TYPE_OPTIONS},
    "PutExecutionType": {"execution_type": EXECUTION_TYPES, **PUT_TYPE_OPTIONS},
    "PutContextType": {"context_type": CONTEXT_TYPES, **PUT_TYPE_OPTIONS},
    "PutTypes": {
        "artifact_types": few(ARTIFACT_TYPES),
        "execution_types": few(EXECUTION_TYPES),
        "context_types": few(CONTEXT_TYPES),
        **PUT_TYPE_OPTIONS,
    },
    "PutArtifacts": {
        "artifacts": few(ARTIFACTS, 3),
        "update_mask": mask("uri", "state"),
        "options": rarely(some(rpc.PutArtifactsRequest.Options, abort_if_latest_updated_time_changed=st.booleans())),
    },
    "PutExecutions": {"executions": few(EXECUTIONS, 3), "update_mask": mask("last_known_state")},
    "PutContexts": {"contexts": few(CONTEXTS, 3), "update_mask": mask()},
    "PutEvents": {"events": few(EVENTS, 1)},
    "PutExecution": {
        "execution": mostly(EXECUTIONS, st.none()),
        "artifact_event_pairs": few(
            some(_Execution.ArtifactAndEvent, artifact=mostly(ARTIFACTS, st.none()), event=often(PART_EVENTS)), 3
        ),
        "contexts": often(few(CONTEXTS, 3)),
        "options": some(
            _Execution.Options,
            reuse_context_if_already_exist=st.booleans(),
            reuse_artifact_if_already_exist_by_external_id=st.booleans(),
            force_update_time=st.booleans(),
            force_reuse_context=st.booleans(),
        ),
    },
    "PutLineageSubgraph": {
        "executions": mostly(few(EXECUTIONS), st.none()),
        "artifacts": mostly(few(ARTIFACTS, 3), st.none()),
        "contexts": often(few(CONTEXTS)),
        "event_edges": often(few(_EDGES)),
        "options": some(
            _Lineage.Options,
            reuse_context_if_already_exist=st.booleans(),
            reuse_artifact_if_already_exist_by_external_id=st.booleans(),
        ),
    },
    "PutAttributionsAndAssociations": {
        "attributions": few(some(pb.Attribution, artifact_id=STORED_OR_NOT, context_id=STORED_OR_NOT)),
        "associations": few(some(pb.Association, execution_id=STORED_OR_NOT, context_id=STORED_OR_NOT)),
    },
    "PutParentContexts": {
        "parent_contexts": few(some(pb.ParentContext, child_id=STORED_OR_NOT, parent_id=STORED_OR_NOT), 2)
    },
    **{f"Get{kind}Type": TYPE_AND_NAME[kind] for kind in KINDS},
    **{f"Get{kind}Types": {} for kind in KINDS},
    **{f"Get{kind}TypesByID": {"type_ids": few(TYPE_IDS, 4)} for kind in KINDS},
    **{f"Get{kind}TypesByExternalIds": {"external_ids": few(FOUND_EXTERNAL_IDS)} for kind in KINDS},
    "GetArtifacts": {"options": options_of_all(ARTIFACT_QUERIES)},
    "GetExecutions": {"options": options_of_all(EXECUTION_QUERIES)},
    "GetContexts": {"options": options_of_all(CONTEXT_QUERIES)},
    "GetArtifactsByID": {"artifact_ids": few(IDS, 3), "populate_artifact_types": st.booleans()},
    "GetExecutionsByID": {"execution_ids": few(IDS, 3)},
    "GetContextsByID": {"context_ids": few(IDS, 3)},
    "GetArtifactsByType": {**TYPE_AND_NAME["Artifact"], "options": options(ARTIFACT_QUERIES)},
    "GetExecutionsByType": {**TYPE_AND_NAME["Execution"], "options": options(EXECUTION_QUERIES)},
    "GetContextsByType": {**TYPE_AND_NAME["Context"], "options": options(CONTEXT_QUERIES)},
    "GetArtifactByTypeAndName": {**TYPE_AND_NAME["Artifact"], "artifact_name": NAMES},
    "GetExecutionByTypeAndName": {**TYPE_AND_NAME["Execution"], "execution_name": NAMES},
    "GetContextByTypeAndName": {**TYPE_AND_NAME["Context"], "context_name": NAMES},
    "GetArtifactsByURI": {"uris": few(NAMES, 2)},
    **{f"Get{kind}sByExternalIds": {"external_ids": few(FOUND_EXTERNAL_IDS)} for kind in KINDS},
    "GetEventsByArtifactIDs": {"artifact_ids": few(IDS)},
    "GetEventsByExecutionIDs": {"execution_ids": few(IDS)},
    "GetContextsByArtifact": {"artifact_id": IDS},
    "GetContextsByExecution": {"execution_id": IDS},
    "GetArtifactsByContext": {"context_id": IDS, "options": options(ARTIFACT_QUERIES)},
    "GetExecutionsByContext": {"context_id": IDS, "options": options(EXECUTION_QUERIES)},
    "GetParentContextsByContext": {"context_id": IDS},
    "GetChildrenContextsByContext": {"context_id": IDS},
    "GetParentContextsByContexts": {"context_ids": few(IDS)},
    "GetChildrenContextsByContexts": {"context_ids": few(IDS)},
    "GetLineageSubgraph": {
        "lineage_subgraph_query_options": LINEAGE_OPTIONS,
        "read_mask": rarely(GRAPH_MASK.map(lambda paths: {"paths": paths})),
    },
    "GetLineageGraph": {
        "options": some(
            pb.LineageGraphQueryOptions,
            artifacts_options=options(ARTIFACT_QUERIES),
            max_node_size=st.integers(0, 4),
            stop_conditions=some(
                pb.LineageGraphQueryOptions.BoundaryConstraint,
                max_num_hops=often(st.integers(-1, 3)),
                boundary_artifacts=rarely(ARTIFACT_QUERIES),
                boundary_executions=rarely(EXECUTION_QUERIES),
            ),
        )
    },
}
_WRITES = [method for method in CALLS if method.startswith("Put")]


def _requests(method: str) -> Strategy:
    return some(getattr(rpc, f"{method}Request"), **CALLS[method]).map(lambda message: (method, message))


REQUESTS = st.one_of(st.sampled_from(_WRITES), st.sampled_from([*CALLS])).flatmap(_requests)
