"""filter_query: which nodes a query finds, how a wrong one is answered, and that no text of it gets into SQL."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.mlmd.engine.filtering.cache import compiled
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, KINDS
from kubeflow_metadata.mlmd.errors import InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

LISTS = {
    "artifacts": ("GetArtifacts", rpc.GetArtifactsRequest),
    "executions": ("GetExecutions", rpc.GetExecutionsRequest),
    "contexts": ("GetContexts", rpc.GetContextsRequest),
}


@pytest.fixture
def find(call, type_ids):
    """The ids that a query finds among four artifacts, three executions and three contexts, tied to each other."""
    artifact, execution, context = type_ids["artifact"], type_ids["execution"], type_ids["context"]
    other = call("PutArtifactType", 'artifact_type { name: "Other" } all_fields_match: true').type_id
    call(
        "PutArtifacts",
        f"""
        artifacts {{ type_id: {artifact} uri: "s3://a" name: "first" state: LIVE external_id: "x"
          properties {{ key: "rows" value {{ int_value: 1 }} }}
          properties {{ key: "share" value {{ double_value: 0.5 }} }}
          properties {{ key: "split" value {{ string_value: "Train" }} }}
          properties {{ key: "public" value {{ bool_value: true }} }}
          custom_properties {{ key: "rows" value {{ int_value: 10 }} }}
          custom_properties {{ key: "any name" value {{ string_value: "it's" }} }} }}
        artifacts {{ type_id: {artifact} uri: "s3://b" name: "second" state: PENDING
          properties {{ key: "rows" value {{ int_value: 2 }} }}
          properties {{ key: "public" value {{ bool_value: false }} }} }}
        artifacts {{ type_id: {other} uri: "100%" name: "FIRST" }}
        artifacts {{ type_id: {other} uri: "100x" custom_properties {{ key: "rows" value {{ string_value: "ten" }} }} }}
        """,
    )
    call(
        "PutExecutions",
        f"""executions {{ type_id: {execution} name: "e1" last_known_state: RUNNING
          properties {{ key: "steps" value {{ int_value: 7 }} }} }}
        executions {{ type_id: {execution} name: "e2" last_known_state: COMPLETE }}
        executions {{ type_id: {execution} }}""",
    )
    call("PutContexts", "".join(f'contexts {{ type_id: {context} name: "{name}" }}' for name in ("c1", "c2", "c3")))
    call(
        "PutAttributionsAndAssociations",
        "attributions { artifact_id: 1 context_id: 1 } attributions { artifact_id: 1 context_id: 2 }"
        "attributions { artifact_id: 2 context_id: 1 }"
        "associations { execution_id: 1 context_id: 1 } associations { execution_id: 2 context_id: 2 }",
    )
    call(
        "PutEvents",
        "events { artifact_id: 1 execution_id: 1 type: INPUT milliseconds_since_epoch: 5 }"
        "events { artifact_id: 2 execution_id: 1 type: OUTPUT } events { artifact_id: 2 execution_id: 2 type: INPUT }",
    )
    call(
        "PutParentContexts", "parent_contexts { child_id: 1 parent_id: 2 } parent_contexts { child_id: 3 parent_id: 2 }"
    )

    def find(query, of="artifacts"):
        method, request_class = LISTS[of]
        request: Any = request_class()
        request.options.filter_query = query
        return [node.id for node in getattr(call(method, request), of)]

    return find


class TestArtifacts:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("id = 1", [1]),
            ("ID != 1 AND Type = 'DataSet'", [2]),
            ("type_id > 0 AND id IN (1, 3)", [1, 3]),
            ("id NOT IN (1, 3)", [2, 4]),
            ("id BETWEEN 2 AND 3 OR id = 0x1", [1, 2, 3]),
            ("name = 'first'", [1]),
            ("name IS NULL", [4]),
            ("name IS NOT NULL AND NOT name = 'second'", [1, 3]),
            ("external_id = 'x'", [1]),
            ('uri = "s3://a"', [1]),
            ("`name` = 'first'", [1]),
            ("id <= 2.5 AND id < 1e1", [1, 2]),
            ("(((id = 1)))", [1]),
            ("id = 1 OR id = 2 AND id = 3", [1]),
            ("true", [1, 2, 3, 4]),
            ("id + 1 = 2 * 1 -- a comment", [1]),
            ("id / 2 = 0.5", [1]),
            ("id = -(-1)", [1]),
            ("(id = 1) IS FALSE", [2, 3, 4]),
            ("LOWER(name) = 'first'", [1, 3]),
            ("IFNULL(name, 'none') = COALESCE(external_id, 'none', 'x')", [4]),
            (
                "create_time_since_epoch > 1500000000000 AND last_update_time_since_epoch >= create_time_since_epoch",
                [1, 2, 3, 4],
            ),
            ("id < 9223372036854775808 AND id > -9223372036854775808", [1, 2, 3, 4]),
        ],
    )
    def test_attributes(self, find, query, found):
        assert find(query) == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("uri LIKE 's3://%'", [1, 2]),
            ("name LIKE 'f_rst'", [1, 3]),
            ("uri NOT LIKE 's3%'", [3, 4]),
            (r"uri LIKE '100\\%'", [3]),
            (r"uri LIKE r'100\%'", [3]),
            ("uri LIKE '100%'", [3, 4]),
        ],
    )
    def test_like_ignores_the_case_of_ascii_letters(self, find, query, found):
        assert find(query) == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state = LIVE", [1]),
            ("state IN (LIVE, PENDING)", [1, 2]),
            ("state = 2", [1]),
            ("state IS NULL", [3, 4]),
            ("state != LIVE", [2, 3, 4]),
            ("state NOT IN (LIVE)", [2, 3, 4]),
        ],
    )
    def test_a_state_that_is_not_set_differs_from_every_name(self, find, query, found):
        assert find(query) == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("properties.rows.int_value > 1", [2]),
            ("properties.rows.int_value = 1.0", [1]),
            ("properties.share.double_value < 0.6", [1]),
            ("properties.split.string_value = 'Train'", [1]),
            ("properties.public.bool_value", [1]),
            ("properties.public.bool_value = false", [2]),
            ("NOT properties.public.bool_value", [2]),
            ("custom_properties.rows.int_value = properties.rows.int_value * 10", [1]),
            ("custom_properties.rows.string_value = 'ten'", [4]),
            ("custom_properties.`any name`.string_value = 'it\\'s'", [1]),
            # What a query names must be there: the official library's way.
            ("properties.rows.int_value IS NULL", []),
            ("custom_properties.rows.int_value IS NULL", [4]),
        ],
    )
    def test_properties(self, find, query, found):
        assert find(query) == found

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("contexts_a.name = 'c1'", [1, 2]),
            ("contexts_a.name = 'c1' AND contexts_b.name = 'c2'", [1]),
            ("contexts_a.name = 'c1' AND contexts_a.name = 'c2'", []),
            ("contexts_a.type = 'Run' AND contexts_a.id > 0", [1, 2]),
            ("contexts_a.id < contexts_b.id", [1]),
            ("events_0.type = INPUT", [1, 2]),
            ("events_0.type IN (OUTPUT) AND events_0.execution_id = 1", [2]),
            ("events_0.milliseconds_since_epoch = 5", [1]),
        ],
    )
    def test_neighbours(self, find, query, found):
        assert find(query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("last_known_state = RUNNING", [1]),
        ("last_known_state != RUNNING", [2, 3]),
        ("properties.steps.int_value = 7", [1]),
        ("contexts_x.name = 'c2'", [2]),
        ("events_0.artifact_id = 2 AND events_0.type = INPUT", [2]),
    ],
)
def test_executions(find, query, found):
    assert find(query, "executions") == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("parent_contexts_p.name = 'c2'", [1, 3]),
        ("child_contexts_c.id = 1 AND child_contexts_c.create_time_since_epoch > 0", [2]),
        ("artifacts_a.uri = 's3://b'", [1]),
        ("artifacts_a.state != PENDING", [1, 2]),
        ("executions_e.last_known_state = COMPLETE", [2]),
        ("type = 'Run' AND artifacts_a.type = 'DataSet' AND executions_e.name = 'e1'", [1]),
    ],
)
def test_contexts(find, query, found):
    assert find(query, "contexts") == found


@pytest.mark.parametrize("order", ["", "order_by_field { field: CREATE_TIME is_asc: false }"])
def test_pages_of_a_filtered_list_hold_each_node_once(call, find, order):
    found, token = [], ""
    while True:
        text = f"""options {{ max_result_size: 1 {order} next_page_token: "{token}"
          filter_query: "contexts_a.id > 0 OR contexts_b.id > 0" }}"""
        page = call("GetArtifacts", text)
        found += [artifact.id for artifact in page.artifacts]
        token = page.next_page_token
        if not token:
            break
    assert found == (find("contexts_a.id > 0")[::-1] if order else [1, 2])


def test_lists_of_a_type_and_of_a_context_are_filtered_too(call, find):
    of_type = call("GetArtifactsByType", 'type_name: "DataSet" options { filter_query: "id > 1" }').artifacts
    of_context = call("GetArtifactsByContext", 'context_id: 1 options { filter_query: "state = LIVE" }').artifacts
    assert [[a.id for a in of_type], [a.id for a in of_context]] == [[2], [1]]


class TestWrongQueries:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("id = 1 AND", r"unexpected end of the query \[at 1:11\]"),
            ("id == 1", r"unexpected '=' \[at 1:5\]"),
            ("id = 1\nAND nam = 'x'", r"unknown attribute 'nam'; did you mean name\? \[at 2:5\]"),
            ("id", "must be a condition, not an integer"),
            ("id = 'a'", r"cannot compare an integer with a string \[at 1:6\]"),
            ("id IN (1, 'a')", r"cannot compare .* \[at 1:11\]"),
            ("name LIKE 1", "LIKE needs a string"),
            ("id AND true", "AND needs a boolean, not an integer"),
            ("name + 1 = 2", r"\+ needs a number, not a string"),
            ("id = NULL", "NULL can only be tested with IS NULL"),
            ("state = LIV", "unknown value 'LIV'; did you mean LIVE"),
            ("name = LIVE", "unknown attribute 'LIVE'"),
            ("uri = 'a", r"unexpected \"'\" \[at 1:7\]"),
            (r"uri = 'a\q'", r"unknown escape \\q in a string \[at 1:9\]"),
            (r"uri = '\ud800'", "unknown escape"),
            ("executions_0.name = 'e'", "artifacts have no executions_0, only contexts_..., events_..."),
            ("contexts_a.uri = 'e'", "unknown attribute 'uri'"),
            ("events_0.artifact_id = 1", "unknown attribute 'artifact_id'"),
            ("properties.rows.int = 1", "unknown kind of value 'int'"),
            (
                "properties.rows = 1",
                r"unexpected .* kind of the property's value is missing; write properties.rows.string_value",
            ),
            (
                "custom_properties.my-metric.int_value = 2",
                r"put the name in backquotes: custom_properties.`my-metric`.int_value \[at 1:19\]",
            ),
            ("id = 1 AND properties.a b.bool_value", r"backquotes: properties.`a b`.bool_value \[at 1:23\]"),
            ("properties.größe.double_value > 1", "backquotes: properties.`größe`.double_value"),
            ("properties.a.b.c.int_value = 1", "backquotes: properties.`a.b.c`.int_value"),
            ("properties.my-metric = 2", "backquotes: properties.`my-metric`.string_value"),
            ("properties.a/b.int_value = 1 AND properties.c.int_value = 1", "properties.`a/b`.int_value"),
            (f"properties.{'x-' * 500}.int_value = 1", r"backquotes: properties.`...`.int_value \[at 1:12\]"),
            ("contexts_my-run.name = 'r'", r"contexts_ is an alias .* write contexts_a \[at 1:10\]"),
            ("properties.rows.int_value == 1", r"unexpected '=' \[at 1:28\]"),
            (f"{'x' * 5000} = 1", r"unknown attribute 'x{60}\.\.\.'"),
            ("SLEEP(1) = 0", "unknown function 'SLEEP'"),
            ("LOWER(name, name) = 'a'", "LOWER takes 1 to 1 arguments, not 2"),
            ("id IN (SELECT 1)", "unexpected"),
            ("id = 1; DROP TABLE Artifact", "unexpected ';'"),
            ("id = 99999999999999999999", "the number is too large"),
            ("id < 1e999", "the number is too large"),
            ("   ", "unexpected end of the query"),
        ],
    )
    def test_the_error_says_what_and_where(self, find, query, message):
        with pytest.raises(InvalidArgumentError, match=message):
            find(query)

    def test_the_place_is_marked_in_a_long_query(self):
        with pytest.raises(InvalidArgumentError) as caught:
            compiled(ARTIFACT, f"{'id = 1 OR ' * 100} nam = 1")
        shown, mark = str(caught.value).splitlines()[1:]
        assert shown[mark.index("^") :] == "nam = 1"

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            (f"{'NOT ' * 5000}id = 1", "nested deeper"),
            (f"id = 1{' + 1' * 5000}", "nested deeper"),
            (f"{'(' * 10000}id = 1", "unexpected end of the query"),
            (" AND ".join(f"contexts_{i}.id = 1" for i in range(50)), "joins more than 16 tables"),
            (f"name = '{'a' * 40000}'", "40009 characters"),
        ],
        ids=["not", "sum", "parentheses", "joins", "length"],
    )
    def test_what_would_be_too_much_for_a_database_is_refused(self, find, query, message):
        with pytest.raises(InvalidArgumentError, match=message):
            find(query)

    def test_long_lists_and_many_parentheses_are_none_of_that(self, find):
        assert find(" OR ".join(f"id = {i}" for i in range(1, 1500))) == [1, 2, 3, 4]
        assert find(f"id IN ({', '.join(str(i) for i in range(3, 5000))})") == [3, 4]
        assert find(f"{'(' * 5000}id = 1{')' * 5000}") == [1]
        assert find(f"{'NOT ' * 38}id = 1") == [1]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


class TestInjection:
    @given(text=TEXT)
    def test_text_of_a_query_is_bound_and_never_part_of_the_sql(self, text):
        marked = f"<{text}>"
        literal = marked.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        name = marked.replace("`", "")
        query = f"uri = '{literal}' OR name LIKE '{literal}' OR properties.`{name}`.string_value = '{literal}'"
        chosen = compiled(ARTIFACT, query)
        assert chosen.params[0] == chosen.params[2] == marked
        assert chosen.join_params == (name,)
        assert "<" not in chosen.condition + chosen.joins

    @given(kind=st.sampled_from(KINDS), query=st.text(max_size=60))
    def test_any_text_is_a_filter_or_an_invalid_argument(self, kind, query):
        try:
            chosen = compiled(kind, query)
        except InvalidArgumentError:
            return
        assert chosen.condition.count("?") == len(chosen.params)

    WORDS = (
        *(
            "id",
            "name",
            "state",
            "LIVE",
            "type",
            "properties.a.int_value",
            "contexts_a.name",
            "events_0.type",
            "`name`",
        ),
        *(
            "AND",
            "OR",
            "NOT",
            "LIKE",
            "IN",
            "IS",
            "BETWEEN",
            "LOWER",
            "(",
            ")",
            ",",
            "=",
            "!=",
            "<",
            "-",
            "/",
            "--",
            ";",
        ),
        *("1", "2.5", "'a'", "true", "NULL"),
    )

    @given(words=st.lists(st.sampled_from(WORDS), max_size=12))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_words_of_the_language_find_something_or_are_an_invalid_argument(self, find, words):
        with contextlib.suppress(InvalidArgumentError):
            find(" ".join(words))


def test_a_server_without_filter_queries_does_not_load_the_parser():
    code = "import sys, kubeflow_metadata.mlmd.server; print('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
