"""Requests of all calls, with few types, names and ids, so that they meet each other's results.

They keep away from what differs on purpose: `docs/mlmd-compatibility.md`.
"""

import re

from hypothesis import strategies as st

from mlmd_proto import metadata_store_pb2 as pb
from mlmd_proto import metadata_store_service_pb2 as rpc

# Node ids 1 and 2 are stored from the start.
IDS = st.integers(1, 4)
STORED_IDS = st.integers(1, 2)
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
EVENT_TYPES = st.sampled_from([pb.Event.UNKNOWN, pb.Event.INPUT, pb.Event.OUTPUT, pb.Event.DECLARED_INPUT])


def some(message, **fields):
    """A message with any of these fields set or left out."""
    drawn = st.fixed_dictionaries({}, optional=fields)
    return drawn.map(lambda chosen: message(**chosen))


def few(strategy, largest=2):
    return st.lists(strategy, max_size=largest)


# Types

TYPE_FIELDS = {
    "name": st.sampled_from(["A", "E", "C", "new"]),
    "version": st.sampled_from(["", "v1"]),
    "external_id": EXTERNAL_IDS,
    "properties": st.dictionaries(st.sampled_from(["i", "s", "zz"]), PROPERTY_TYPES, max_size=2),
}
ARTIFACT_TYPES = some(pb.ArtifactType, base_type=st.sampled_from([0, 1, 2]), **TYPE_FIELDS)
EXECUTION_TYPES = some(pb.ExecutionType, base_type=st.sampled_from([0, 1, 2]), **TYPE_FIELDS)
CONTEXT_TYPES = some(pb.ContextType, **TYPE_FIELDS)
PUT_TYPE_OPTIONS = {
    "can_add_fields": st.booleans(),
    "can_omit_fields": st.booleans(),
    "all_fields_match": st.sampled_from([True, True, True, False]),
}
TYPE_AND_NAME = {"type_name": st.sampled_from(["A", "E", "C", "no"]), "type_version": st.sampled_from(["", "v1"])}


# Nodes


def node_fields(type_id):
    properties = st.dictionaries(st.sampled_from(["i", "s", "zz"]), VALUES, max_size=2)
    return {
        "id": IDS,
        # Mostly one that fits: what is stored makes the next requests interesting.
        "type_id": st.one_of(st.just(type_id), st.just(type_id), TYPE_IDS),
        "name": NAMES,
        "external_id": EXTERNAL_IDS,
        "properties": st.one_of(st.just({"i": pb.Value(int_value=1)}), properties),
        "custom_properties": properties,
    }


ARTIFACTS = some(
    pb.Artifact,
    uri=NAMES,
    state=st.sampled_from([pb.Artifact.UNKNOWN, pb.Artifact.LIVE]),
    **node_fields(ARTIFACT_TYPE),
)
EXECUTIONS = some(pb.Execution, last_known_state=st.sampled_from([0, 2]), **node_fields(EXECUTION_TYPE))
CONTEXTS = some(pb.Context, **node_fields(CONTEXT_TYPE))
STEPS = st.one_of(
    st.builds(lambda x: pb.Event.Path.Step(index=x), st.integers(0, 2)),
    st.builds(lambda x: pb.Event.Path.Step(key=x), NAMES),
)
PATHS = st.builds(lambda steps: pb.Event.Path(steps=steps), few(STEPS))
EVENTS = some(pb.Event, artifact_id=IDS, execution_id=IDS, type=EVENT_TYPES, path=PATHS)
STORED_EVENTS = some(pb.Event, artifact_id=STORED_IDS, execution_id=STORED_IDS, type=EVENT_TYPES, path=PATHS)


def mask(*own):
    paths = ["external_id", "name", "properties", "properties.i", "custom_properties", "custom_properties.zz", *own]
    return few(st.sampled_from(paths)).map(lambda chosen: {"paths": chosen})


# Filter queries


def quoted(text):
    return "'{}'".format(text.replace("'", "\\'"))


STRINGS = st.sampled_from(["", "a", "A", "b", "it's", "C", "x"]).map(quoted)
PATTERNS = st.sampled_from(["a%", "%", "_", "%'%", "A", "%x%"]).map(quoted)
NUMBERS = st.sampled_from(["0", "1", "2", "10", "-1", "0.5", "1e0", "0x2", "9223372036854775807"])
COMPARISONS = st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="])
INTEGER_ATTRIBUTES = ["id", "type_id", "properties.i.int_value", "custom_properties.i.int_value"]
NUMBER_ATTRIBUTES = ["properties.i.double_value", "custom_properties.`zz`.double_value"]
STRING_ATTRIBUTES = ["name", "type", "external_id", "properties.s.string_value", "custom_properties.s.string_value"]
BOOLEAN_ATTRIBUTES = ["custom_properties.zz.bool_value", "properties.zz.bool_value"]


def states(attribute, names, operators=("=", "!=", "IN", "NOT IN")):
    def predicate(operator, chosen):
        value = f"({', '.join(chosen)})" if "IN" in operator else chosen[0]
        return f"{attribute} {operator} {value}"

    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=2)
    return st.builds(predicate, st.sampled_from(operators), chosen)


def queries(integers, strings, *state_predicates):
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


def _names_each_state_once(query):
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


def options(filter_queries=None):
    """List options; wrong ones only for lists that hold something."""
    return some(
        pb.ListOperationOptions,
        max_result_size=st.sampled_from([1, 2, 100]),
        order_by_field=some(
            pb.ListOperationOptions.OrderByField,
            # Not by the last update: the two may need different milliseconds for the same calls.
            field=st.sampled_from(
                [pb.ListOperationOptions.OrderByField.ID, pb.ListOperationOptions.OrderByField.CREATE_TIME]
            ),
            is_asc=st.booleans(),
        ),
        **({"filter_query": filter_queries} if filter_queries is not None else {}),
    )


def options_of_all(filter_queries):
    wrong = some(
        pb.ListOperationOptions, max_result_size=st.sampled_from([-1, 0, 1, 2, 100]), filter_query=WRONG_QUERIES
    )
    return st.one_of(options(filter_queries), options(filter_queries), wrong)


# Lineage

_Subgraph = pb.LineageSubgraphQueryOptions


def _ending(filter_queries):
    return some(_Subgraph.EndingNodes, filter_query=filter_queries, include_ending_nodes=st.booleans())


_STARTS = st.one_of(
    some(_Subgraph.StartingNodes, filter_query=ARTIFACT_QUERIES).map(lambda start: {"starting_artifacts": start}),
    some(_Subgraph.StartingNodes, filter_query=EXECUTION_QUERIES).map(lambda start: {"starting_executions": start}),
    st.just({}),
)
LINEAGE_OPTIONS = st.builds(
    lambda start, rest: _Subgraph(**start, **rest),
    _STARTS,
    st.fixed_dictionaries(
        {},
        optional={
            "max_num_hops": st.integers(-1, 4),
            "direction": st.sampled_from([0, 1, 2, 3]),
            "ending_artifacts": _ending(ARTIFACT_QUERIES),
            "ending_executions": _ending(EXECUTION_QUERIES),
        },
    ),
)
GRAPH_MASK = few(st.sampled_from([*(field.name for field in pb.LineageGraph.DESCRIPTOR.fields), "no"]), 3)

_Execution = rpc.PutExecutionRequest
_Lineage = rpc.PutLineageSubgraphRequest
_EDGES = some(
    _Lineage.EventEdge,
    execution_index=st.integers(-1, 2),
    artifact_index=st.integers(0, 2),
    event=STORED_EVENTS,
)

CALLS = {
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
        "options": some(rpc.PutArtifactsRequest.Options, abort_if_latest_updated_time_changed=st.booleans()),
    },
    "PutExecutions": {"executions": few(EXECUTIONS, 3), "update_mask": mask("last_known_state")},
    "PutContexts": {"contexts": few(CONTEXTS, 3), "update_mask": mask()},
    "PutEvents": {"events": few(EVENTS, 1)},
    "PutExecution": {
        "execution": EXECUTIONS,
        "artifact_event_pairs": few(some(_Execution.ArtifactAndEvent, artifact=ARTIFACTS, event=STORED_EVENTS), 3),
        "contexts": few(CONTEXTS, 3),
        "options": some(
            _Execution.Options,
            reuse_context_if_already_exist=st.booleans(),
            reuse_artifact_if_already_exist_by_external_id=st.booleans(),
            force_update_time=st.booleans(),
            force_reuse_context=st.booleans(),
        ),
    },
    "PutLineageSubgraph": {
        "executions": few(EXECUTIONS),
        "artifacts": few(ARTIFACTS, 3),
        "contexts": few(CONTEXTS),
        "event_edges": few(_EDGES),
        "options": some(
            _Lineage.Options,
            reuse_context_if_already_exist=st.booleans(),
            reuse_artifact_if_already_exist_by_external_id=st.booleans(),
        ),
    },
    "PutAttributionsAndAssociations": {
        "attributions": few(some(pb.Attribution, artifact_id=IDS, context_id=IDS)),
        "associations": few(some(pb.Association, execution_id=IDS, context_id=IDS)),
    },
    "PutParentContexts": {"parent_contexts": few(some(pb.ParentContext, child_id=IDS, parent_id=IDS), 2)},
    **{f"Get{kind}Type": TYPE_AND_NAME for kind in KINDS},
    **{f"Get{kind}Types": {} for kind in KINDS},
    **{f"Get{kind}TypesByID": {"type_ids": few(TYPE_IDS, 4)} for kind in KINDS},
    **{f"Get{kind}TypesByExternalIds": {"external_ids": few(FOUND_EXTERNAL_IDS)} for kind in KINDS},
    "GetArtifacts": {"options": options_of_all(ARTIFACT_QUERIES)},
    "GetExecutions": {"options": options_of_all(EXECUTION_QUERIES)},
    "GetContexts": {"options": options_of_all(CONTEXT_QUERIES)},
    "GetArtifactsByID": {"artifact_ids": few(IDS, 3), "populate_artifact_types": st.booleans()},
    "GetExecutionsByID": {"execution_ids": few(IDS, 3)},
    "GetContextsByID": {"context_ids": few(IDS, 3)},
    "GetArtifactsByType": {**TYPE_AND_NAME, "options": options(ARTIFACT_QUERIES)},
    "GetExecutionsByType": {**TYPE_AND_NAME, "options": options(EXECUTION_QUERIES)},
    "GetContextsByType": {**TYPE_AND_NAME, "options": options(CONTEXT_QUERIES)},
    "GetArtifactByTypeAndName": {**TYPE_AND_NAME, "artifact_name": NAMES},
    "GetExecutionByTypeAndName": {**TYPE_AND_NAME, "execution_name": NAMES},
    "GetContextByTypeAndName": {**TYPE_AND_NAME, "context_name": NAMES},
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
        "read_mask": GRAPH_MASK.map(lambda paths: {"paths": paths}),
    },
    "GetLineageGraph": {
        "options": some(
            pb.LineageGraphQueryOptions,
            artifacts_options=options(ARTIFACT_QUERIES),
            max_node_size=st.integers(0, 4),
            stop_conditions=some(
                pb.LineageGraphQueryOptions.BoundaryConstraint,
                max_num_hops=st.integers(-1, 3),
                boundary_artifacts=ARTIFACT_QUERIES,
                boundary_executions=EXECUTION_QUERIES,
            ),
        )
    },
}
_WRITES = [method for method in CALLS if method.startswith("Put")]


def _requests(method):
    fields = st.fixed_dictionaries({}, optional=CALLS[method])
    return fields.map(lambda chosen: (method, getattr(rpc, f"{method}Request")(**chosen)))


REQUESTS = st.one_of(st.sampled_from(_WRITES), st.sampled_from(sorted(CALLS))).flatmap(_requests)
