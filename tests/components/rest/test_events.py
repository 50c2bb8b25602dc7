"""Events over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Graph:
    a1: str
    a2: str
    e1: str
    e2: str


@pytest.fixture
def graph(backend, name):
    """Two artifacts and two executions."""
    backend.post("/artifact_types", {"name": name})
    backend.post("/execution_types", {"name": name})
    artifacts = [backend.post(f"/artifact_types/{name}/artifacts", {})["artifact"]["id"] for _ in range(2)]
    executions = [backend.post(f"/execution_types/{name}/executions", {})["execution"]["id"] for _ in range(2)]
    return Graph(*artifacts, *executions)


def event(artifact, execution, **fields):
    return {"artifact_id": artifact, "execution_id": execution, "type": "INPUT", **fields}


class TestCreate:
    def test_answers_with_an_empty_object(self, backend, graph):
        response = backend.call("POST", "/events", event(graph.a1, graph.e1))
        assert (response.status_code, response.content) == (200, b"{}")

    def test_sets_the_time_if_none_is_given(self, backend, graph):
        before = int(time.time() * 1000)
        backend.post("/events", event(graph.a1, graph.e1))
        backend.post("/events", event(graph.a2, graph.e1, milliseconds_since_epoch="5"))
        first, second = backend.get(f"/events/executions/{graph.e1}")["events"]
        assert before <= int(first["milliseconds_since_epoch"]) <= time.time() * 1000
        assert second["milliseconds_since_epoch"] == "5"

    def test_keeps_the_path(self, backend, graph):
        path = {"steps": [{"key": "model"}, {"index": "2"}]}
        backend.post("/events", event(graph.a1, graph.e1, path=path))
        assert backend.get(f"/events/artifacts/{graph.a1}")["events"][0]["path"] == path

    def test_of_the_same_event_again_is_a_success(self, backend, graph):
        for body in (event(graph.a1, graph.e1), event(graph.a2, graph.e1, path={"steps": [{"index": "1"}]})):
            assert [backend.post("/events", body) for _ in range(3)] == [{}, {}, {}]
        assert len(backend.get(f"/events/executions/{graph.e1}")["events"]) == 2

    @pytest.mark.parametrize("difference", [{"path": {"steps": [{"index": "1"}]}}, {"milliseconds_since_epoch": "1"}])
    def test_that_the_store_cannot_keep_beside_another_is_a_conflict(self, backend, graph, difference):
        backend.post("/events", event(graph.a1, graph.e1))
        response = backend.call("POST", "/events", event(graph.a1, graph.e1, **difference))
        assert (response.status_code, response.json()["code"]) == (409, 6)
        assert "Given event already exists" in response.json()["error"]

    @pytest.mark.parametrize(
        ("field", "message"),
        [
            ("artifact_id", "No artifact id is specified."),
            ("execution_id", "No execution id is specified."),
            ("type", "No event type is specified."),
        ],
    )
    def test_needs_both_ends_and_a_type(self, backend, graph, field, message):
        complete = event(graph.a1, graph.e1)
        for body in ({**complete, field: None}, {key: complete[key] for key in complete if key != field}):
            response = backend.call("POST", "/events", body)
            assert response.status_code == 400
            assert response.json() == {"error": message, "message": message, "code": 3}

    def test_needs_a_type_that_says_something(self, backend, graph):
        response = backend.call("POST", "/events", event(graph.a1, graph.e1, type="UNKNOWN"))
        assert (response.status_code, response.json()["error"]) == (400, "No event type is specified.")

    @pytest.mark.parametrize("end", ["artifact", "execution"])
    def test_needs_nodes_that_exist(self, backend, graph, end):
        body = {**event(graph.a1, graph.e1), f"{end}_id": "4611686018427387904"}
        response = backend.call("POST", "/events", body)
        assert response.status_code == 400
        assert response.json()["error"] == f"No {end} with the given id 4611686018427387904"


class TestList:
    def test_has_the_events_of_a_node_and_the_nodes_at_their_ends(self, backend, graph):
        backend.post("/events", event(graph.a1, graph.e1))
        backend.post("/events", event(graph.a1, graph.e2))
        backend.post("/events", event(graph.a2, graph.e1, type="OUTPUT"))

        of_artifact = backend.get(f"/events/artifacts/{graph.a1}")
        assert len(of_artifact["events"]) == 2
        assert list(of_artifact["artifacts"]) == [graph.a1]
        assert list(of_artifact["executions"]) == [graph.e1, graph.e2]

        of_execution = backend.get(f"/events/executions/{graph.e1}")
        assert [each["type"] for each in of_execution["events"]] == ["INPUT", "OUTPUT"]
        assert list(of_execution["artifacts"]) == [graph.a1, graph.a2]
        assert list(of_execution["executions"]) == [graph.e1]
        assert of_execution["artifacts"][graph.a1]["id"] == graph.a1
        assert list(of_execution) == ["events", "artifacts", "executions"]

    @pytest.mark.parametrize(
        "path", ["artifacts/4611686018427387904", "executions/4611686018427387904", "artifacts/-1"]
    )
    def test_of_a_missing_node_is_an_empty_object(self, backend, path):
        assert backend.call("GET", f"/events/{path}").content == b"{}"

    def test_of_a_node_without_events_is_an_empty_object(self, backend, graph):
        assert backend.call("GET", f"/events/artifacts/{graph.a1}").content == b"{}"

    @pytest.mark.parametrize("noun", ["artifact", "execution"])
    @pytest.mark.parametrize("number", ["x", "", "1.0", "9" * 30])
    def test_needs_a_number(self, backend, noun, number):
        response = backend.call("GET", f"/events/{noun}s/{number}")
        assert (response.status_code, response.json()["code"]) == (400, 3)
        assert response.json()["error"].startswith(f'failed to parse Artifact id from "{noun}s/{number}": ')
