"""Bodies as grpc-gateway 1.8.3 wrote them, byte for byte."""

from __future__ import annotations

import json
import math
import struct

import pytest
from google.protobuf import any_pb2, json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.v1alpha1.wire.decode import Decoder
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode, quote
from tests.support.messages import TEXT, VALUES

ANY = any_pb2.Any(type_url="a/b.C", value=b"\0\xff")


def value(**fields):
    return mlmd.Artifact(custom_properties={"v": mlmd.Value(**fields)})


def encoded_value(**fields):
    return encode(value(**fields)).decode().removeprefix('{"custom_properties":{"v":').removesuffix("}}")


class TestArtifact:
    def test_is_compact_with_fields_in_the_order_of_the_proto_and_maps_sorted(self):
        artifact = mlmd.Artifact(
            custom_properties={"b": mlmd.Value(int_value=-3), "a": mlmd.Value(double_value=0.5)},
            properties={"name": mlmd.Value(string_value="m"), "__ALL_META__": mlmd.Value(string_value="{}")},
            uri="gs://b/o",
            type_id=4,
            id=1,
        )
        assert encode(artifact) == (
            b'{"id":"1","type_id":"4","uri":"gs://b/o",'
            b'"properties":{"__ALL_META__":{"string_value":"{}"},"name":{"string_value":"m"}},'
            b'"custom_properties":{"a":{"double_value":0.5},"b":{"int_value":"-3"}}}'
        )

    def test_shows_what_came_after_2019_behind_what_was_there_before(self):
        artifact = mlmd.Artifact(
            id=1,
            name="n",
            type="t",
            uri="u",
            external_id="e",
            state=mlmd.Artifact.LIVE,
            create_time_since_epoch=5,
            last_update_time_since_epoch=6,
        )
        assert encode(artifact) == (
            b'{"id":"1","uri":"u","state":"LIVE","name":"n","type":"t",'
            b'"create_time_since_epoch":"5","last_update_time_since_epoch":"6","external_id":"e"}'
        )

    def test_shows_values_of_every_kind(self):
        assert encoded_value(bool_value=False) == '{"bool_value":false}'
        assert encoded_value(proto_value=ANY) == '{"proto_value":{"type_url":"a/b.C","value":"AP8="}}'
        assert encoded_value(struct_value=struct_pb2.Struct()) == '{"struct_value":{}}'
        given = {"z": None, "a": [True, 1, 0.5, "<", {}, []], "é": {"b": {"c": -1}}}
        struct = json_format.ParseDict(given, struct_pb2.Struct())
        assert encoded_value(struct_value=struct) == (
            r'{"struct_value":{"a":[true,1,0.5,"\u003c",{},[]],"z":null,"é":{"b":{"c":-1}}}}'
        )

    def test_shows_a_field_that_is_set_to_zero_and_none_that_is_unset(self):
        assert encode(mlmd.Artifact()) == b"{}"
        assert encode(mlmd.Artifact(id=0, uri="")) == b'{"id":"0","uri":""}'
        assert encoded_value(int_value=0) == '{"int_value":"0"}'
        assert encoded_value(double_value=0) == '{"double_value":0}'
        assert encoded_value(string_value="") == '{"string_value":""}'


def test_an_execution_shows_the_name_of_its_state_if_it_is_stored():
    assert encode(mlmd.Execution(id=2, last_known_state=mlmd.Execution.UNKNOWN)) == (
        b'{"id":"2","last_known_state":"UNKNOWN"}'
    )
    assert encode(mlmd.Execution(id=2)) == b'{"id":"2"}'


def test_types_show_the_names_of_property_types_and_nested_struct_types():
    node_type = mlmd.ExecutionType(
        id=3,
        name="a/b",
        version="v2",
        base_type=mlmd.ExecutionType.TRAIN,
        properties={"n": mlmd.INT, "d": mlmd.DOUBLE, "s": mlmd.STRING},
        input_type=mlmd.ArtifactStructType(
            dict=mlmd.DictArtifactStructType(
                properties={"x": mlmd.ArtifactStructType(any=mlmd.AnyArtifactStructType())},
                none_type_not_required=False,
            )
        ),
        output_type=mlmd.ArtifactStructType(simple=mlmd.ArtifactType(name="c")),
    )
    assert encode(node_type) == (
        b'{"id":"3","name":"a/b","properties":{"d":"DOUBLE","n":"INT","s":"STRING"},'
        b'"input_type":{"dict":{"properties":{"x":{"any":{}}},"none_type_not_required":false}},'
        b'"output_type":{"simple":{"name":"c"}},"version":"v2","base_type":"TRAIN"}'
    )


def test_an_event_shows_its_path():
    steps = [mlmd.Event.Path.Step(index=0), mlmd.Event.Path.Step(key="k")]
    event = mlmd.Event(
        artifact_id=1,
        execution_id=2,
        path=mlmd.Event.Path(steps=steps),
        type=mlmd.Event.OUTPUT,
        milliseconds_since_epoch=3,
    )
    assert encode(event) == (
        b'{"artifact_id":"1","execution_id":"2","path":{"steps":[{"index":"0"},{"key":"k"}]},'
        b'"type":"OUTPUT","milliseconds_since_epoch":"3"}'
    )
    assert encode(mlmd.Event(path=mlmd.Event.Path())) == b'{"path":{}}'


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100.0, "100"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1e308, "1e+308"),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
    ],
)
def test_doubles_are_written_as_go_writes_them(number, text):
    assert encoded_value(double_value=number) == f'{{"double_value":{text}}}'


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("<a & b>", r'"\u003ca \u0026 b\u003e"'),
        ("\u2028\u2029", r'"\u2028\u2029"'),
        ('say "hi"\\', r'"say \"hi\"\\"'),
        ("\n\r\t\b\f\0\x1f\x7f", '"' + r"\n\r\t\u0008\u000c\u0000\u001f" + '\x7f"'),
        ("C:\\bin\\file <", r'"C:\\bin\\file \u003c"'),
        ("é🙂", '"é🙂"'),
    ],
)
def test_strings_are_escaped_as_go_escapes_them(text, quoted):
    assert quote(text) == quoted


@given(st.text())
def test_any_string_comes_back(text):
    assert json.loads(quote(text)) == text


NODE = {
    "id": st.integers(-(2**63), 2**63 - 1),
    "type_id": st.integers(-(2**63), 2**63 - 1),
    "name": TEXT,
    "external_id": TEXT,
    "create_time_since_epoch": st.integers(-(2**63), 2**63 - 1),
    "properties": st.dictionaries(TEXT, VALUES, max_size=4),
    "custom_properties": st.dictionaries(TEXT, VALUES, max_size=4),
}
PATHS = st.builds(
    mlmd.Event.Path,
    steps=st.lists(
        st.one_of(
            st.builds(mlmd.Event.Path.Step, index=st.integers(-(2**63), 2**63 - 1)),
            st.builds(mlmd.Event.Path.Step, key=TEXT),
        ),
        max_size=4,
    ),
)
MESSAGES = st.one_of(
    st.builds(mlmd.Artifact, uri=TEXT, state=st.sampled_from(mlmd.Artifact.State.values()), **NODE),
    st.builds(mlmd.Execution, last_known_state=st.sampled_from(mlmd.Execution.State.values()), **NODE),
    st.builds(
        mlmd.ArtifactType,
        name=TEXT,
        properties=st.dictionaries(TEXT, st.sampled_from(mlmd.PropertyType.values()), max_size=4),
    ),
    st.builds(mlmd.Event, path=PATHS, type=st.sampled_from(mlmd.Event.Type.values())),
)


@given(MESSAGES)
def test_what_is_written_is_read_back_equal(message):
    again = type(message)()
    Decoder(100).decode(encode(message), again)
    assert again == message


@given(st.binary(min_size=8, max_size=8))
def test_every_double_is_written_exactly(eight_bytes):
    (number,) = struct.unpack("<d", eight_bytes)
    again = mlmd.Artifact()
    Decoder(100).decode(encode(value(double_value=number)), again)
    read = again.custom_properties["v"].double_value
    assert struct.pack("<d", read) == eight_bytes or (math.isnan(read) and math.isnan(number))
