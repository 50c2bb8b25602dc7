"""Strategies for messages of the store: values of every kind, with any text."""

from __future__ import annotations

from google.protobuf import any_pb2, json_format, struct_pb2
from hypothesis import strategies as st

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd

TEXT = st.text(max_size=20)

# What a struct stands for. JSON has neither NaN nor infinities.
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def _struct(given: dict[str, object]) -> struct_pb2.Struct:
    return json_format.ParseDict(given, struct_pb2.Struct())


VALUES = st.one_of(
    st.builds(mlmd.Value, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(mlmd.Value, double_value=st.floats(allow_nan=False)),
    st.builds(mlmd.Value, string_value=TEXT),
    st.builds(mlmd.Value, bool_value=st.booleans()),
    st.builds(mlmd.Value, struct_value=st.dictionaries(TEXT, _JSON, max_size=3).map(_struct)),
    st.builds(mlmd.Value, proto_value=st.builds(any_pb2.Any, type_url=TEXT, value=st.binary(max_size=20))),
)
