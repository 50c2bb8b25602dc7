"""Lineage: the graph around nodes, in each direction, up to where it ends; and graphs put in one call."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.mlmd.engine import edges
from kubeflow_metadata.mlmd.errors import (
    AbortedError,
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
)
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc


@pytest.fixture
def statements(monkeypatch, database):
    """The statements that calls run, as (method of the session, its first argument)."""
    seen = []

    def recorded(name, original):
        def run(self, first, *args, **kwargs):
            seen.append((name, first))
            return original(self, first, *args, **kwargs)

        return run

    with database.read() as session:
        kind = type(session)
    for name in ("fetch", "insert", "insert_rows", "update_rows", "delete_rows"):
        monkeypatch.setattr(kind, name, recorded(name, getattr(kind, name)))
    return seen


def chain(call, type_ids, length):
    """Artifact 1 -> execution 1 -> artifact 2 -> ... -> artifact ``length + 1``, the first of each in a context."""
    request = rpc.PutLineageSubgraphRequest()
    for _ in range(length + 1):
        request.artifacts.add(type_id=type_ids["artifact"])
    for index in range(length):
        request.executions.add(type_id=type_ids["execution"])
        request.event_edges.add(execution_index=index, artifact_index=index).event.type = pb.Event.INPUT
        request.event_edges.add(execution_index=index, artifact_index=index + 1).event.type = pb.Event.OUTPUT
    call("PutLineageSubgraph", request)
    call("PutContexts", f'contexts {{ type_id: {type_ids["context"]} name: "c" }}')
    links = "attributions { artifact_id: 1 context_id: 1 } associations { execution_id: 1 context_id: 1 }"
    call("PutAttributionsAndAssociations", links)


@pytest.fixture
def graph(call, type_ids):
    """The ids of artifacts and executions, and the events, around the starting nodes in a chain of three executions."""
    chain(call, type_ids, 3)

    def graph(options):
        found = call("GetLineageSubgraph", f"lineage_subgraph_query_options {{ {options} }}").lineage_subgraph
        return [a.id for a in found.artifacts], [e.id for e in found.executions], len(found.events)

    return graph


EVENT_TYPES = [number for number in pb.Event.Type.values() if number]
MIDDLE = 'starting_artifacts { filter_query: "id = 2" }'


class TestSubgraph:
    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ("max_num_hops: 0", ([2], [], 0)),
            ("max_num_hops: 1", ([2], [1, 2], 2)),
            ("max_num_hops: 2", ([1, 2, 3], [1, 2], 4)),
            ("", ([1, 2, 3, 4], [1, 2, 3], 6)),
            ("direction: BIDIRECTIONAL", ([1, 2, 3, 4], [1, 2, 3], 6)),
            ("direction: UPSTREAM", ([1, 2], [1], 2)),
            ("direction: DOWNSTREAM", ([2, 3, 4], [2, 3], 4)),
            ("direction: DOWNSTREAM max_num_hops: 1", ([2], [2], 1)),
        ],
    )
    def test_hops_and_directions(self, graph, options, found):
        assert graph(f"{MIDDLE} {options}") == found

    def test_it_may_start_from_executions_and_from_many_nodes(self, graph):
        assert graph('starting_executions { filter_query: "id > 2" } direction: UPSTREAM max_num_hops: 1') == (
            [3],
            [3],
            1,
        )
        assert graph('starting_artifacts { filter_query: "id IN (1, 4)" } max_num_hops: 1') == ([1, 4], [1, 3], 2)

    @pytest.mark.parametrize(
        ("ending", "found"),
        [
            ('ending_artifacts { filter_query: "id = 3" }', ([2], [2], 1)),
            ('ending_artifacts { filter_query: "id = 3" include_ending_nodes: true }', ([2, 3], [2], 2)),
            ('ending_executions { filter_query: "id = 2" }', ([2], [], 0)),
            ('ending_executions { filter_query: "id = 2" include_ending_nodes: true }', ([2], [2], 1)),
            ('ending_artifacts { filter_query: "id = 2" }', ([], [], 0)),
        ],
    )
    def test_ending_nodes_end_it(self, graph, ending, found):
        assert graph(f"{MIDDLE} direction: DOWNSTREAM {ending}") == found

    def test_nodes_come_by_id_alone_with_their_contexts_links_and_all_types(self, call, graph):
        found = call(
            "GetLineageSubgraph",
            'lineage_subgraph_query_options { starting_artifacts { filter_query: "id = 1" } max_num_hops: 1 }',
        ).lineage_subgraph
        assert list(found.artifacts) == [pb.Artifact(id=1)]
        assert list(found.contexts) == [pb.Context(id=1)]
        assert list(found.attributions) == [pb.Attribution(artifact_id=1, context_id=1)]
        assert list(found.associations) == [pb.Association(execution_id=1, context_id=1)]
        assert {"mlmd.Model", "DataSet"} <= {found_type.name for found_type in found.artifact_types}
        assert [found_type.name for found_type in found.context_types] == ["Run"]

    def test_a_mask_leaves_the_rest_out(self, call, graph):
        found = call(
            "GetLineageSubgraph",
            'lineage_subgraph_query_options { starting_artifacts { filter_query: "id = 1" } }'
            'read_mask { paths: "executions" paths: "contexts" }',
        ).lineage_subgraph
        assert [field.name for field, _ in found.ListFields()] == ["executions", "contexts"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ("", "Missing arguments"),
            ("starting_artifacts { }", "filter_query"),
            ('starting_artifacts { filter_query: "nam = 1" }', "unknown attribute"),
            (f"{MIDDLE} max_num_hops: -1", "cannot be negative"),
            (f"{MIDDLE} ending_executions {{ filter_query: \"uri = 'a'\" }}", "unknown attribute 'uri'"),
        ],
    )
    def test_wrong_options_are_refused(self, graph, options, message):
        with pytest.raises(InvalidArgumentError, match=message):
            graph(options)

    def test_no_node_to_start_from_is_not_found(self, graph):
        with pytest.raises(NotFoundError):
            graph('starting_artifacts { filter_query: "id = 99" }')

    def test_a_hop_takes_the_same_statements_however_wide(self, call, type_ids, statements):
        chain(call, type_ids, 4)
        counts = []
        for starting in ("id = 1", "id > 0"):
            statements.clear()
            options = f'starting_artifacts {{ filter_query: "{starting}" }} max_num_hops: 2'
            options += ' ending_artifacts { filter_query: "id = 99" }'
            call("GetLineageSubgraph", f"lineage_subgraph_query_options {{ {options} }}")
            counts.append(len(statements))
        assert counts[0] == counts[1] + 1  # from all artifacts at once there is no new one to ask about

    def test_a_hundred_hops_are_the_most(self, call, type_ids):
        chain(call, type_ids, 60)
        options = 'starting_artifacts { filter_query: "id = 1" } direction: DOWNSTREAM max_num_hops: 1000'
        found = call("GetLineageSubgraph", f"lineage_subgraph_query_options {{ {options} }}").lineage_subgraph
        assert (len(found.artifacts), len(found.executions)) == (51, 50)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        events=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from(EVENT_TYPES)), unique=True),
        direction=st.sampled_from(pb.LineageSubgraphQueryOptions.Direction.keys()),
        hops=st.integers(0, 9),
        ending=st.none() | st.integers(0, 3),
    )
    def test_reading_ahead_changes_nothing(self, call, type_ids, events, direction, hops, ending):
        request = rpc.PutLineageSubgraphRequest()
        for _ in range(5):
            request.artifacts.add(type_id=type_ids["artifact"])
        for _ in range(4):
            request.executions.add(type_id=type_ids["execution"])
        for artifact, execution, event_type in events:
            request.event_edges.add(artifact_index=artifact, execution_index=execution).event.type = event_type
        stored = call("PutLineageSubgraph", request)
        options = f'starting_artifacts {{ filter_query: "id = {stored.artifact_ids[0]}" }} direction: {direction}'
        if ending is not None:
            options += f' ending_executions {{ filter_query: "id = {stored.execution_ids[ending]}" }}'
        found = []
        for few in (1, 4, 256):  # read nothing ahead, too little, all
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(edges, "_FEW", few)
                text = f"lineage_subgraph_query_options {{ {options} max_num_hops: {hops} }}"
                found.append(call("GetLineageSubgraph", text).lineage_subgraph)

        assert found[0] == found[1] == found[2]

    def test_many_hops_of_a_small_graph_take_one_statement(self, call, type_ids, statements):
        chain(call, type_ids, 10)
        statements.clear()
        options = 'starting_artifacts { filter_query: "id = 1" }'
        call("GetLineageSubgraph", f"lineage_subgraph_query_options {{ {options} }}")
        assert sum("FROM Event e" in sql for _, sql in statements) == 1


class TestOlderGraph:
    def graph(self, call, options):
        found = call("GetLineageGraph", f"options {{ {options} }}").subgraph
        return [a.id for a in found.artifacts], [e.id for e in found.executions], len(found.events)

    def test_nodes_come_as_they_are_stored(self, call, type_ids):
        chain(call, type_ids, 2)
        found = call("GetLineageGraph", 'options { artifacts_options { filter_query: "id = 1" } }').subgraph
        assert list(found.artifacts) == list(call("GetArtifacts").artifacts)
        assert list(found.executions) == list(call("GetExecutions").executions)
        assert [found_type.name for found_type in found.artifact_types] == ["DataSet"]

    @pytest.mark.parametrize(
        ("stop", "found"),
        [
            ("stop_conditions { max_num_hops: 0 }", ([1], [], 0)),
            ("stop_conditions { max_num_hops: 2 }", ([1, 2], [1], 2)),
            ('stop_conditions { boundary_executions: "id = 2" }', ([1, 2], [1], 2)),
            ('stop_conditions { boundary_artifacts: "id = 2" }', ([1], [1], 1)),
            ("max_node_size: 4", ([1, 2], [1, 2], 3)),
        ],
    )
    def test_where_it_stops(self, call, type_ids, stop, found):
        chain(call, type_ids, 3)
        assert self.graph(call, f'artifacts_options {{ filter_query: "id = 1" }} {stop}') == found

    @pytest.mark.parametrize("options", ["", "artifacts_options { } max_node_size: 0"])
    def test_wrong_options_are_refused(self, call, options):
        with pytest.raises(InvalidArgumentError):
            self.graph(call, options)


class TestPutLineageSubgraph:
    def text(self, type_ids, more=""):
        return f"""
            executions {{ type_id: {type_ids["execution"]} name: "train" }}
            artifacts {{ type_id: {type_ids["artifact"]} uri: "in" external_id: "x" }}
            artifacts {{ type_id: {type_ids["artifact"]} uri: "out" }}
            contexts {{ type_id: {type_ids["context"]} name: "run" }}
            event_edges {{ execution_index: 0 artifact_index: 0 event {{ type: INPUT }} }}
            event_edges {{ execution_index: 0 artifact_index: 1 event {{ type: OUTPUT }} }}
            {more}"""

    def test_everything_is_stored_and_tied_together(self, call, type_ids):
        stored = call("PutLineageSubgraph", self.text(type_ids))
        events = call("GetEventsByExecutionIDs", f"execution_ids: {stored.execution_ids[0]}").events
        assert [(e.artifact_id, e.type) for e in events] == [
            (stored.artifact_ids[0], pb.Event.INPUT),
            (stored.artifact_ids[1], pb.Event.OUTPUT),
        ]
        context = f"context_id: {stored.context_ids[0]}"
        assert [a.uri for a in call("GetArtifactsByContext", context).artifacts] == ["in", "out"]
        assert [e.name for e in call("GetExecutionsByContext", context).executions] == ["train"]

    def test_contexts_and_artifacts_are_reused_only_when_asked(self, call, type_ids):
        first = call("PutLineageSubgraph", self.text(type_ids))
        again = self.text(type_ids).replace("train", "other")
        with pytest.raises(AlreadyExistsError):
            call("PutLineageSubgraph", again)
        both = "reuse_context_if_already_exist: true reuse_artifact_if_already_exist_by_external_id: true"
        second = call("PutLineageSubgraph", f"{again} options {{ {both} }}")
        assert second.context_ids == first.context_ids
        assert second.artifact_ids[0] == first.artifact_ids[0]
        assert second.artifact_ids[1] != first.artifact_ids[1]

    def test_a_stored_node_may_be_named_by_its_id_and_by_an_edge(self, call, type_ids):
        first = call("PutLineageSubgraph", self.text(type_ids))
        (execution_id,), artifact_id = first.execution_ids, first.artifact_ids[0]
        call(
            "PutLineageSubgraph",
            f"""executions {{ id: {execution_id} type_id: {type_ids["execution"]} last_known_state: COMPLETE }}
            event_edges {{ execution_index: 0 event {{ artifact_id: {artifact_id} type: DECLARED_INPUT }} }}
            event_edges {{ event {{ execution_id: {execution_id} artifact_id: {artifact_id} type: OUTPUT }} }}""",
        )
        events = call("GetEventsByArtifactIDs", f"artifact_ids: {artifact_id}").events
        assert sorted(e.type for e in events) == [pb.Event.DECLARED_INPUT, pb.Event.INPUT, pb.Event.OUTPUT]

    @pytest.mark.parametrize(
        ("more", "error"),
        [
            ("event_edges { }", InvalidArgumentError),
            ("event_edges { event { type: INPUT } }", InvalidArgumentError),
            ("event_edges { execution_index: 0 event { type: INPUT } }", InvalidArgumentError),
            ("event_edges { execution_index: 1 artifact_index: 0 event { type: INPUT } }", OutOfRangeError),
            ("event_edges { execution_index: 0 artifact_index: -1 event { type: INPUT } }", OutOfRangeError),
            ("event_edges { execution_index: 0 artifact_index: 0 event { } }", InvalidArgumentError),
            ("event_edges { execution_index: 0 artifact_index: 0 event { artifact_id: 1 } }", InvalidArgumentError),
            ("event_edges { execution_index: 0 event { artifact_id: 999 type: INPUT } }", InvalidArgumentError),
            ("artifacts { id: 1 }", InvalidArgumentError),
            ("artifacts { type_id: 999 }", NotFoundError),
            ('contexts { name: "x" }', InvalidArgumentError),
        ],
    )
    def test_what_does_not_fit_together_keeps_everything_out(self, call, type_ids, more, error):
        with pytest.raises(error):
            call("PutLineageSubgraph", self.text(type_ids, more))
        assert not call("GetArtifacts").artifacts
        assert not call("GetContexts").contexts

    def test_a_context_that_could_not_be_reused_is_to_be_tried_again(self, call, type_ids):
        context = f'contexts {{ type_id: {type_ids["context"]} external_id: "c" name: '
        call("PutContexts", f'{context} "a" }}')
        with pytest.raises(AbortedError):
            call("PutLineageSubgraph", f'{context} "b" }} options {{ reuse_context_if_already_exist: true }}')


@pytest.mark.parametrize("reuse", ["", "reuse_artifact_if_already_exist_by_external_id: true"])
def test_put_execution_takes_the_same_statements_for_any_number_of_pairs(call, type_ids, statements, reuse):
    counts = []
    for size in (1, 2, 40):
        request = rpc.PutExecutionRequest()
        request.options.reuse_artifact_if_already_exist_by_external_id = bool(reuse)
        request.options.reuse_context_if_already_exist = True
        request.execution.type_id = type_ids["execution"]
        for index in range(size):
            pair = request.artifact_event_pairs.add()
            pair.artifact.type_id = type_ids["artifact"]
            pair.artifact.external_id = f"{size}-{index}"
            pair.event.type = pb.Event.OUTPUT
            request.contexts.add(type_id=type_ids["context"], name=f"{size}-{index}")
        statements.clear()
        call("PutExecution", request)
        counts.append(len(statements))
    assert counts[1] == counts[2] <= 12
