"""Any calls have the same answers from our engine as from the official library, `ml-metadata` 1.17.1.

`OFFICIAL_EXAMPLES=5000` makes it a long run, over other examples each time. What differs on purpose is in
`docs/mlmd-compatibility.md`; the requests keep away from it, or `same` says where it shows.
"""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from kubeflow_metadata.mlmd.errors import Code
from tests.support.generated_requests import REQUESTS
from tests.support.official_library import Official, Ours, request

pytestmark = pytest.mark.contract

EXAMPLES = os.environ.get("OFFICIAL_EXAMPLES")

START = [
    (
        "PutTypes",
        'artifact_types { name: "A" properties { key: "i" value: INT } properties { key: "s" value: STRING } }'
        'execution_types { name: "E" properties { key: "i" value: INT } }'
        'context_types { name: "C" properties { key: "i" value: INT } } all_fields_match: true',
    ),
    ("PutArtifacts", 'artifacts { type_id: 10 name: "a" external_id: "x" } artifacts { type_id: 10 uri: "b" }'),
    ("PutExecutions", 'executions { type_id: 11 name: "a" external_id: "x" } executions { type_id: 11 }'),
    ("PutContexts", 'contexts { type_id: 12 name: "a" external_id: "x" } contexts { type_id: 12 name: "b" }'),
    (
        "PutEvents",
        "events { artifact_id: 1 execution_id: 1 type: INPUT } events { artifact_id: 1 execution_id: 2 type: INPUT }",
    ),
    (
        "PutAttributionsAndAssociations",
        "attributions { artifact_id: 1 context_id: 1 } associations { execution_id: 1 context_id: 1 }",
    ),
]
# The official library does not offer these.
ONLY_OURS = ("GetLineageGraph", "GetParentContextsByContexts", "GetChildrenContextsByContexts")
# Where several ids or URIs are asked for, the official library's order is that of its database.
UNORDERED = ("GetArtifactsByURI", "GetEventsByArtifactIDs", "GetEventsByExecutionIDs")
# With several faults in a request, either may name another one first.
MANY_AT_ONCE = (
    "PutTypes",
    "PutArtifacts",
    "PutExecutions",
    "PutContexts",
    "PutExecution",
    "PutLineageSubgraph",
    "PutParentContexts",
)
REFUSALS = {
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.ALREADY_EXISTS,
    Code.FAILED_PRECONDITION,
    Code.ABORTED,
    11,  # OUT_OF_RANGE
    Code.UNIMPLEMENTED,
}


@pytest.fixture(scope="module")
def official(official_python):
    official = Official(official_python)
    yield official
    official.close()


@(seed(20260101) if not EXAMPLES else lambda test: test)
@settings(
    max_examples=int(EXAMPLES or 150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(requests=st.lists(REQUESTS, min_size=6, max_size=12))
@pytest.mark.timeout(0 if EXAMPLES else 300)
def test_any_calls_have_the_same_answers(official, tmp_path_factory, requests):
    directory = tmp_path_factory.mktemp("stores")
    official.open(directory / "official.db")
    ours = Ours(directory / "ours.db")
    calls = [*((method, request(method, text)) for method, text in START), *requests]
    try:
        for number, (method, message) in enumerate(calls):
            note(f"{method} {message}")
            set_event_times(message, number)
            if method in ONLY_OURS:
                code, _ = ours(method, message)
                assert code == 0 or code in REFUSALS
            else:
                compare(official, ours, method, message)
    finally:
        ours.database.close()


def compare(official, ours, method, message):
    """Compares the answers, and those of the pages that follow."""
    theirs, our_answer = type(message)(), type(message)()
    theirs.CopyFrom(message)
    our_answer.CopyFrom(message)
    for _ in range(5):
        their_code, their_response = official(method, theirs)
        our_code, our_response = ours(method, our_answer)
        assert same(method, their_code, our_code), f"{method} {message}\ntheirs: {their_code}, ours: {our_code}"
        if our_code == their_code == 0:
            ours_is, theirs_is = comparable(method, our_response), comparable(method, their_response)
            assert ours_is == theirs_is, f"{method} {message}\ntheirs: {theirs_is}\nours: {ours_is}"
        if not getattr(our_response, "next_page_token", ""):
            return
        theirs.options.next_page_token = their_response.next_page_token
        our_answer.options.next_page_token = our_response.next_page_token


def same(method, theirs, ours):
    if theirs == ours:
        return True
    if theirs == Code.INTERNAL:
        return ours in REFUSALS
    if method == "PutEvents":  # the same event again changes nothing
        return (theirs, ours) == (Code.ALREADY_EXISTS, 0)
    return method in MANY_AT_ONCE and {theirs, ours} <= REFUSALS


def set_event_times(message, first):
    """Gives each event of a call a time of its own: the same event again is a difference on purpose."""
    times = itertools.count(first * 100)
    events = list(getattr(message, "events", ()))
    events += [pair.event for pair in getattr(message, "artifact_event_pairs", ()) if pair.HasField("event")]
    events += [edge.event for edge in getattr(message, "event_edges", ()) if edge.HasField("event")]
    for event in events:
        event.milliseconds_since_epoch = next(times)


def comparable(method, response):
    """A response without times and page tokens, lists of types without what only ours tells, graphs in one order."""
    copy = type(response)()
    copy.CopyFrom(response)
    if hasattr(copy, "lineage_subgraph"):
        copy = copy.lineage_subgraph
        for _, nodes in copy.ListFields():
            nodes.sort(key=lambda node: node.SerializeToString(deterministic=True))
    if method in UNORDERED:
        for _, found in copy.ListFields():
            found.sort(key=lambda node: node.SerializeToString(deterministic=True))
    if getattr(copy, "next_page_token", None) is not None:
        # The official library may set an empty token where a list ends; ours sets none.
        given = bool(copy.next_page_token)
        copy.ClearField("next_page_token")
        copy.next_page_token = "given" if given else ""
    for field, value in copy.ListFields():
        if field.message_type and not field.message_type.GetOptions().map_entry:
            for node in value if field.is_repeated else [value]:
                for name in unlike(method, field.name):
                    if name in node.DESCRIPTOR.fields_by_name:
                        node.ClearField(name)
    return copy


def unlike(method, field):
    times = ("create_time_since_epoch", "last_update_time_since_epoch", "milliseconds_since_epoch")
    return (*times, "external_id", "base_type") if field.endswith("_types") else times
