"""Events, attributions, associations, parent contexts, and PutExecution, which puts them all at once."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from kubeflow_metadata.proto import metadata_store_pb2 as pb


@pytest.fixture
def nodes(call, type_ids):
    """Two artifacts, an execution and three contexts."""
    artifacts = call("PutArtifacts", f"artifacts {{ type_id: {type_ids['artifact']} }}" * 2).artifact_ids
    executions = call("PutExecutions", f"executions {{ type_id: {type_ids['execution']} }}").execution_ids
    names = "".join(f'contexts {{ type_id: {type_ids["context"]} name: "{name}" }}' for name in "abc")
    return {"a": list(artifacts), "e": list(executions), "c": list(call("PutContexts", names).context_ids)}


def event(nodes, extra="", kind="INPUT"):
    return f"events {{ artifact_id: {nodes['a'][0]} execution_id: {nodes['e'][0]} type: {kind} {extra} }}"


class TestEvents:
    def test_an_event_comes_back_from_both_sides(self, call, nodes):
        call("PutEvents", event(nodes, 'milliseconds_since_epoch: 7 path { steps { index: 1 } steps { key: "k" } }'))
        by_artifact = call("GetEventsByArtifactIDs", f"artifact_ids: {nodes['a'][0]}").events
        by_execution = call("GetEventsByExecutionIDs", f"execution_ids: {nodes['e'][0]}").events
        assert by_artifact == by_execution
        assert by_artifact[0].milliseconds_since_epoch == 7
        assert [step.WhichOneof("value") for step in by_artifact[0].path.steps] == ["index", "key"]

    def test_an_event_without_time_gets_the_servers(self, call, nodes):
        call("PutEvents", event(nodes))
        (stored,) = call("GetEventsByArtifactIDs", f"artifact_ids: {nodes['a'][0]}").events
        assert stored.milliseconds_since_epoch > 1_500_000_000_000

    def test_the_same_event_again_changes_nothing(self, call, nodes):
        call("PutEvents", event(nodes, "milliseconds_since_epoch: 7"))
        call("PutEvents", event(nodes) * 2)
        (stored,) = call("GetEventsByArtifactIDs", f"artifact_ids: {nodes['a'][0]}").events
        assert stored.milliseconds_since_epoch == 7

    @pytest.mark.parametrize("other", ["milliseconds_since_epoch: 8", "path { steps { index: 1 } }"])
    def test_an_event_that_says_something_else_is_refused(self, call, nodes, other):
        call("PutEvents", event(nodes, "milliseconds_since_epoch: 7"))
        with pytest.raises(AlreadyExistsError):
            call("PutEvents", event(nodes, other))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "No artifact id is specified"),
            ("artifact_id: 1", "No execution id is specified"),
            ("artifact_id: 1 execution_id: 1", "No event type is specified"),
            ("artifact_id: 999 execution_id: 1 type: INPUT", "No artifact with the given id 999"),
            ("artifact_id: 1 execution_id: 999 type: INPUT", "No execution with the given id 999"),
        ],
    )
    def test_an_event_that_leads_nowhere_is_refused(self, call, nodes, text, message):
        with pytest.raises(InvalidArgumentError, match=message):
            call("PutEvents", f"events {{ {text} }}")


class TestContexts:
    def test_links_are_followed_both_ways_and_may_be_put_again(self, call, nodes):
        (context_id, *_), (artifact_id, _), (execution_id,) = nodes["c"], nodes["a"], nodes["e"]
        links = (
            f"attributions {{ artifact_id: {artifact_id} context_id: {context_id} }}"
            f"associations {{ execution_id: {execution_id} context_id: {context_id} }}"
        )
        for _ in range(2):
            call("PutAttributionsAndAssociations", links)
        assert [c.name for c in call("GetContextsByArtifact", f"artifact_id: {artifact_id}").contexts] == ["a"]
        assert [c.name for c in call("GetContextsByExecution", f"execution_id: {execution_id}").contexts] == ["a"]
        assert [a.id for a in call("GetArtifactsByContext", f"context_id: {context_id}").artifacts] == [artifact_id]
        found = call("GetExecutionsByContext", f"context_id: {context_id}").executions
        assert [e.id for e in found] == [execution_id]

    def test_a_node_without_contexts_is_told_as_not_found(self, call, nodes):
        with pytest.raises(NotFoundError):
            call("GetContextsByArtifact", f"artifact_id: {nodes['a'][0]}")

    def test_a_link_to_nothing_is_refused(self, call, nodes):
        for link in ("artifact_id: 999 context_id: 1", "artifact_id: 1 context_id: 999", "artifact_id: 1"):
            with pytest.raises(InvalidArgumentError, match="id not found"):
                call("PutAttributionsAndAssociations", f"attributions {{ {link} }}")

    def test_parents_and_children_of_many_contexts_at_once(self, call, nodes):
        a, b, c = nodes["c"]
        links = "".join(
            f"parent_contexts {{ child_id: {child} parent_id: {up} }}" for child, up in [(a, b), (a, c), (b, c)]
        )
        call("PutParentContexts", links)
        ids = f"context_ids: {a} context_ids: {b} context_ids: {c} context_ids: 999"
        parents = call("GetParentContextsByContexts", ids).contexts
        children = call("GetChildrenContextsByContexts", ids).contexts
        assert {i: [x.id for x in found.parent_contexts] for i, found in parents.items()} == {a: [b, c], b: [c]}
        assert {i: [x.id for x in found.children_contexts] for i, found in children.items()} == {b: [a], c: [a, b]}

    def test_parents_and_children(self, call, nodes):
        a, b, _ = nodes["c"]
        call("PutParentContexts", f"parent_contexts {{ child_id: {a} parent_id: {b} }}")
        assert [c.id for c in call("GetParentContextsByContext", f"context_id: {a}").contexts] == [b]
        assert [c.id for c in call("GetChildrenContextsByContext", f"context_id: {b}").contexts] == [a]
        with pytest.raises(AlreadyExistsError):
            call("PutParentContexts", f"parent_contexts {{ child_id: {a} parent_id: {b} }}")

    @pytest.mark.parametrize("cycle", [[(0, 0)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 0)]])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_no_context_becomes_its_own_ancestor(self, call, nodes, cycle, at_once):
        ids = nodes["c"]
        links = [f"parent_contexts {{ child_id: {ids[child]} parent_id: {ids[up]} }}" for child, up in cycle]
        if not at_once:
            for link in links[:-1]:
                call("PutParentContexts", link)
            links = links[-1:]
        with pytest.raises(InvalidArgumentError, match="cycle"):
            call("PutParentContexts", "".join(links))


class TestPutExecution:
    def test_everything_is_stored_and_tied_together(self, call, type_ids):
        stored = call(
            "PutExecution",
            f"""
            execution {{ type_id: {type_ids["execution"]} name: "train" }}
            artifact_event_pairs {{ artifact {{ type_id: {type_ids["artifact"]} uri: "in" }} event {{ type: INPUT }} }}
            artifact_event_pairs {{ artifact {{ type_id: {type_ids["artifact"]} uri: "o" }} event {{ type: OUTPUT }} }}
            contexts {{ type_id: {type_ids["context"]} name: "run" }}
            """,
        )
        events = call("GetEventsByExecutionIDs", f"execution_ids: {stored.execution_id}").events
        assert [(e.artifact_id, e.type) for e in events] == [
            (stored.artifact_ids[0], pb.Event.INPUT),
            (stored.artifact_ids[1], pb.Event.OUTPUT),
        ]
        in_context = call("GetArtifactsByContext", f"context_id: {stored.context_ids[0]}").artifacts
        assert [artifact.uri for artifact in in_context] == ["in", "o"]

    def test_a_wrong_event_keeps_the_execution_and_artifacts_out(self, call, type_ids):
        text = f"""
            execution {{ type_id: {type_ids["execution"]} name: "train" }}
            artifact_event_pairs {{ artifact {{ type_id: {type_ids["artifact"]} }} event {{ type: UNKNOWN }} }}
        """
        with pytest.raises(InvalidArgumentError):
            call("PutExecution", text)
        assert not call("GetExecutions").executions
        assert not call("GetArtifacts").artifacts

    def test_a_stored_context_is_reused_only_when_asked(self, call, type_ids, nodes):
        text = (
            f'execution {{ type_id: {type_ids["execution"]} }}contexts {{ type_id: {type_ids["context"]} name: "a" }}'
        )
        with pytest.raises(AlreadyExistsError):
            call("PutExecution", text)
        stored = call("PutExecution", f"{text} options {{ reuse_context_if_already_exist: true }}")
        assert list(stored.context_ids) == nodes["c"][:1]

    def test_a_new_context_named_twice_is_made_once_when_it_may_be_reused(self, call, type_ids):
        context = f'contexts {{ type_id: {type_ids["context"]} name: "new" }}'
        text = f"execution {{ type_id: {type_ids['execution']} }} {context} {context}"
        stored = call("PutExecution", f"{text} options {{ reuse_context_if_already_exist: true }}")
        assert stored.context_ids[0] == stored.context_ids[1]

    def test_a_context_with_an_id_stays_as_it_is_when_its_reuse_is_forced(self, call, type_ids, nodes):
        text = f"execution {{ type_id: {type_ids['execution']} }} options {{ force_reuse_context: true }}"
        stored = call("PutExecution", f"{text} contexts {{ id: {nodes['c'][0]} }}")
        assert list(stored.context_ids) == nodes["c"][:1]
        with pytest.raises(NotFoundError):
            call("PutExecution", f"{text} contexts {{ id: 999 }}")

    def test_an_artifact_is_reused_by_its_external_id_when_asked(self, call, type_ids):
        artifact = f'artifact {{ type_id: {type_ids["artifact"]} external_id: "x" }}'
        text = (
            f"execution {{ type_id: {type_ids['execution']} }}"
            f"artifact_event_pairs {{ {artifact} event {{ type: INPUT }} }}"
            f"artifact_event_pairs {{ {artifact} event {{ type: OUTPUT }} }}"
            "options { reuse_artifact_if_already_exist_by_external_id: true }"
        )
        first, second = call("PutExecution", text), call("PutExecution", text)
        assert len({*first.artifact_ids, *second.artifact_ids}) == 1

    @pytest.mark.parametrize(
        "pair",
        [
            "event { type: INPUT }",
            "event { artifact_id: 999 type: INPUT }",
            "artifact { id: 1 } event { artifact_id: 2 type: INPUT }",
            "artifact { id: 1 } event { execution_id: 999 type: INPUT }",
        ],
    )
    def test_an_event_that_does_not_fit_its_pair_is_refused(self, call, type_ids, nodes, pair):
        with pytest.raises(InvalidArgumentError):
            call("PutExecution", f"execution {{ type_id: {type_ids['execution']} }} artifact_event_pairs {{ {pair} }}")

    def test_without_an_execution_it_is_refused(self, call):
        with pytest.raises(InvalidArgumentError):
            call("PutExecution", "")
