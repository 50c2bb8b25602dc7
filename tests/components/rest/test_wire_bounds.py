"""How much a body may hold is known before it is parsed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.rest.v1alpha1.wire.bounds import excess_of

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def values_in(value) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(values_in, children))


def depth_of(value) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


@given(JSON, st.booleans())
def test_what_exceeds_the_bounds_is_never_let_through(value, only_ascii):
    text = json.dumps(value, ensure_ascii=only_ascii)
    values, depth = values_in(value), depth_of(value)
    # An empty array or object may be counted as one more than it is.
    assert excess_of(text, depth, 2 * values) == ""
    if values > 1:
        assert "values (--max_json_values)" in excess_of(text, depth, values - 1)
    if depth:
        assert "nested deeper" in excess_of(text, depth - 1, 2 * values)


@pytest.mark.parametrize("text", ["," * 10**6, "[{" * 10**6, '\\"[,' * 10**6, "\\" * 10**6, "a, [b], {c}\n" * 10**5])
def test_what_strings_hold_does_not_count(text):
    assert excess_of(json.dumps({"s": text}), 3, 10) == ""


@pytest.mark.parametrize("piece", ["0,", "[],", '"",', '"":"",', "{},"])
def test_millions_of_values_are_refused(piece):
    assert "values" in excess_of('{"zz":[' + piece * 3 * 10**6, 100, 100_000)


def test_a_deep_body_is_refused():
    assert excess_of('{"x":' + "[" * 10**6, 100, 100_000) == "nested deeper than 100 levels"
