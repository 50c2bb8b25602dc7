"""Bodies as Go's jsonpb 1.3.1 read them: what is accepted, and what is refused with which words."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from google.protobuf import any_pb2, json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto.metadata_store_service_pb2 import PutArtifactsRequest
from kubeflow_metadata.rest.v1alpha1.wire.decode import MAX_STRUCT_DEPTH, DecodeError, Decoder
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode


def read(body, message=mlmd.Artifact):
    decoded = message()
    Decoder(100).decode(body.encode() if isinstance(body, str) else body, decoded)
    return decoded


def refusal(body, message=mlmd.Artifact):
    with pytest.raises(DecodeError) as refused:
        read(body, message)
    return str(refused.value)


def read_value(fields):
    return read(f'{{"properties":{{"p":{fields}}}}}').properties["p"]


class TestBody:
    @pytest.mark.parametrize("body", ["", " \n\t\r", "null", "{}"])
    def test_nothing_is_the_empty_message(self, body):
        assert read(body) == mlmd.Artifact()

    @pytest.mark.parametrize("rest", ["", " ", '{"uri":"b"}', " garbage", "]", "\0", "{" * 500])
    def test_only_the_first_value_counts(self, rest):
        assert read('{"uri":"a"}' + rest).uri == "a"

    def test_unknown_fields_are_ignored_whatever_they_hold(self):
        body = '{"labels":{"a":[1e9999,"x",null]},"system_metadata":5,"uri":"a","bool":' + "9" * 5000 + "}"
        assert read(body) == mlmd.Artifact(uri="a")

    def test_the_last_of_equal_keys_wins(self):
        assert read('{"uri":"a","uri":"b"}').uri == "b"

    @pytest.mark.parametrize("body", ["[]", '"text"', "5", "true"])
    def test_is_an_object(self, body):
        assert refusal(body).startswith("body: expected an object, not ")

    @pytest.mark.parametrize("body", ["{", '{"uri":}', "{'uri':1}", "nope", '{"uri":"\n"}', '{"uri":"a",}', "\ufeff{}"])
    def test_is_json(self, body):
        assert refusal(body).startswith("invalid JSON: ")

    @pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
    def test_has_no_bare_constants(self, constant):
        assert f'write it as the string "{constant}"' in refusal(f'{{"x":{constant}}}')

    def test_may_nest_only_so_deep(self):
        nested = "[" * 99 + "]" * 99
        assert read(f'{{"x":{nested}}}') == mlmd.Artifact()
        assert refusal(f'{{"x":[{nested}]}}') == "invalid JSON: nested deeper than 100 levels"
        assert refusal("[" * 1_000_000) == "invalid JSON: nested deeper than 100 levels"

    def test_brackets_inside_strings_are_not_nesting(self):
        text = json.dumps({"a": [[[{"b": '\\"{'}]]]}) * 100
        assert read(json.dumps({"uri": text})).uri == text


class TestNames:
    def test_both_spellings_are_accepted(self):
        assert read('{"type_id":"5"}') == read('{"typeId":"5"}') == mlmd.Artifact(type_id=5)

    def test_the_camel_case_spelling_wins(self):
        assert read('{"typeId":"5","type_id":"6"}').type_id == 5
        assert read('{"type_id":"6","typeId":"5"}').type_id == 5
        assert not read('{"type_id":"6","typeId":null}').HasField("type_id")

    def test_names_in_maps_stay_as_they_are(self):
        assert list(read('{"customProperties":{"int_value":{"intValue":1}}}').custom_properties) == ["int_value"]


class TestNull:
    @pytest.mark.parametrize("field", ["id", "uri", "properties"])
    def test_is_unset(self, field):
        assert read(f'{{"{field}":null}}') == mlmd.Artifact()

    def test_is_an_unset_value(self):
        assert read_value('{"string_value":null}') == mlmd.Value()
        assert read_value('{"string_value":null,"int_value":1}') == mlmd.Value(int_value=1)

    def test_in_a_map_is_an_entry_without_value(self):
        assert read_value("null") == mlmd.Value()
        assert read('{"properties":{"p":null}}', mlmd.ArtifactType).properties == {"p": mlmd.UNKNOWN}


class TestIntegers:
    @pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63), 2**53 + 1])
    def test_are_numbers_or_strings(self, number):
        assert read_value(f'{{"int_value":{number}}}').int_value == number
        assert read_value(f'{{"int_value":"{number}"}}').int_value == number
        assert read_value(f'{{"int_value":" {number} "}}').int_value == number

    @pytest.mark.parametrize(
        "literal",
        [
            "1.0",
            "1e3",
            str(2**63),
            str(-(2**63) - 1),
            "9" * 10000,
            '""',
            '"05"',
            '"+5"',
            '"0x5"',
            '"1_0"',
            '"five"',
            '"\u0665"',
        ],
    )
    def test_are_nothing_else(self, literal):
        assert refusal(f'{{"properties":{{"p":{{"int_value":{literal}}}}}}}').endswith("is not a 64-bit integer")

    def test_are_refused_with_the_place(self):
        body = '{"properties":{"a b":{"intValue":[]}}}'
        assert refusal(body) == 'body.properties["a b"].intValue: expected a number, not an array'


class TestDoubles:
    @pytest.mark.parametrize("literal", ["1e-7", "0.1", "1e308", "-0.0", "5", "5e-324", "1E+2", "1e-999"])
    def test_are_numbers_or_strings(self, literal):
        assert read_value(f'{{"double_value":{literal}}}').double_value == float(literal)
        assert read_value(f'{{"double_value":"{literal}"}}').double_value == float(literal)

    def test_may_be_infinite_or_none_as_strings(self):
        assert read_value('{"double_value":"Infinity"}').double_value == math.inf
        assert read_value('{"double_value":"-Infinity"}').double_value == -math.inf
        assert math.isnan(read_value('{"double_value":"NaN"}').double_value)

    @pytest.mark.parametrize("literal", ['"nan"', '"inf"', '"1_0"', '""', '"0x1p3"', '".5"', '"1."'])
    def test_are_nothing_else(self, literal):
        assert refusal(f'{{"properties":{{"p":{{"double_value":{literal}}}}}}}').endswith("is not a number")

    def test_that_are_too_large_are_refused(self):
        assert "is out of range for a double" in refusal('{"properties":{"p":{"double_value":1e309}}}')


class TestStrings:
    @pytest.mark.parametrize("literal", ["5", "true", "{}", "[]"])
    def test_are_strings(self, literal):
        assert "body.uri: expected a string, not " in refusal(f'{{"uri":{literal}}}')

    def test_pairs_of_surrogates_are_characters_and_halves_are_replaced(self):
        assert read(r'{"uri":"\ud83d\ude42"}').uri == "🙂"
        assert read(r'{"uri":"a\ud83db\ude42"}').uri == "a\ufffdb\ufffd"
        assert list(read(r'{"properties":{"\ud800":{}}}').properties) == ["\ufffd"]

    def test_each_byte_that_is_not_utf8_is_replaced(self):
        assert read(b'{"uri":"a\xff\xe2\x82b"}').uri == "a\ufffd\ufffd\ufffdb"

    def test_nul_and_emoji_are_characters(self):
        assert read(r'{"uri":"a\u0000b🙂"}').uri == "a\0b🙂"


class TestEnums:
    def test_are_names_or_numbers(self):
        body = '{"properties":{"a":"STRING","b":1}}'
        assert read(body, mlmd.ArtifactType).properties == {"a": mlmd.STRING, "b": mlmd.INT}
        assert read('{"last_known_state":"COMPLETE"}', mlmd.Execution).last_known_state == mlmd.Execution.COMPLETE

    @pytest.mark.parametrize(("literal", "shown"), [('"FOO"', '"FOO"'), ("99", "99"), ('"1"', '"1"'), ("1.0", "1.0")])
    def test_that_are_unknown_are_refused(self, literal, shown):
        assert refusal(f'{{"properties":{{"p":{literal}}}}}', mlmd.ArtifactType) == (
            f'body.properties["p"]: unknown value {shown} for enum ml_metadata.PropertyType'
        )


class TestOneOf:
    def test_may_hold_only_one(self):
        assert refusal('{"properties":{"p":{"int_value":1,"string_value":"a"}}}') == (
            'body.properties["p"]: int_value and string_value are mutually exclusive'
        )

    def test_may_hold_none(self):
        assert read_value("{}") == mlmd.Value()


class TestStructs:
    def test_are_json_objects(self):
        body = '{"struct_value":{"a":[null,true,-0.5,"x",{"b":{}}]}}'
        given = {"a": [None, True, -0.5, "x", {"b": {}}]}
        assert read_value(body).struct_value == json_format.ParseDict(given, struct_pb2.Struct())
        assert read_value('{"structValue":{}}').HasField("struct_value")

    @pytest.mark.parametrize("number", ["9007199254740992", "-1", "123456789012345680000", "1e308", "0.1"])
    def test_numbers_are_doubles(self, number):
        assert read_value(f'{{"struct_value":{{"n":{number}}}}}').struct_value["n"] == float(number)

    @pytest.mark.parametrize("number", ["9007199254740993", "12345678901234567890"])
    def test_whole_numbers_that_no_double_is_are_refused(self, number):
        refused = refusal(f'{{"properties":{{"p":{{"struct_value":{{"n":{number}}}}}}}}}')
        assert refused.startswith(f'body.properties["p"].struct_value["n"]: {number} is not exact as a double')

    @pytest.mark.parametrize("literal", ["[]", '"a"', "1", "true"])
    def test_are_nothing_else(self, literal):
        refused = refusal(f'{{"properties":{{"p":{{"struct_value":{literal}}}}}}}')
        assert refused.startswith('body.properties["p"].struct_value: expected an object, not ')

    @pytest.mark.parametrize(("opening", "closing"), [('{"x":', "}"), ("[", "]")])
    def test_as_deep_as_they_may_be_every_parser_of_protobuf_reads_them(self, opening, closing):
        def body(levels):
            inside = opening * (levels - 1) + "{}" + closing * (levels - 1)
            return f'{{"properties":{{"p":{{"struct_value":{{"x":{inside}}}}}}}}}'

        request = PutArtifactsRequest(artifacts=[read(body(MAX_STRUCT_DEPTH))])
        assert PutArtifactsRequest.FromString(request.SerializeToString()) == request
        assert "a struct may nest 30 levels deep" in refusal(body(MAX_STRUCT_DEPTH + 1))


class TestBytes:
    def test_are_base64(self):
        read_back = read_value('{"proto_value":{"type_url":"a/b.C","value":"AP8="}}')
        assert read_back.proto_value == any_pb2.Any(type_url="a/b.C", value=b"\0\xff")

    @pytest.mark.parametrize("literal", ['"A"', '"é"', '"AP8=\\n"', "5", "{}"])
    def test_are_nothing_else(self, literal):
        refused = refusal(f'{{"properties":{{"p":{{"proto_value":{{"value":{literal}}}}}}}}}')
        assert refused.startswith('body.properties["p"].proto_value.value: ')
        assert "base64" in refused


class TestNesting:
    def test_lists_and_messages(self):
        body = '{"output_type":{"unionType":{"candidates":[{"simple":{"name":"x"}},{},null]}}}'
        candidates = [
            mlmd.ArtifactStructType(simple=mlmd.ArtifactType(name="x")),
            mlmd.ArtifactStructType(),
            mlmd.ArtifactStructType(),
        ]
        assert read(body, mlmd.ExecutionType) == mlmd.ExecutionType(
            output_type=mlmd.ArtifactStructType(union_type=mlmd.UnionArtifactStructType(candidates=candidates))
        )

    def test_a_message_that_is_there_is_set(self):
        assert read('{"path":{}}', mlmd.Event).HasField("path")

    @pytest.mark.parametrize("literal", ["{}", '"a"', "1"])
    def test_a_list_is_a_list(self, literal):
        assert refusal(f'{{"path":{{"steps":{literal}}}}}', mlmd.Event).startswith("body.path.steps: expected an array")

    def test_a_place_in_a_list_is_named_by_its_index(self):
        assert refusal('{"path":{"steps":[{},{"index":"x"}]}}', mlmd.Event) == (
            'body.path.steps[1].index: "x" is not a 64-bit integer'
        )

    def test_a_flag_is_true_or_false(self):
        body = '{"input_type":{"dict":{"none_type_not_required":1}}}'
        assert refusal(body, mlmd.ExecutionType).endswith("expected true or false, not a number")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    ["id", "typeId", "properties", "path", "steps", "int_value", "dict", "output_type", "struct_value"]
                ),
                st.text(),
            ),
            inner,
        ),
    ),
    max_leaves=20,
)
KINDS = st.sampled_from([mlmd.Artifact, mlmd.Execution, mlmd.ArtifactType, mlmd.ExecutionType, mlmd.Event])


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))), KINDS)
def test_any_bytes_are_read_or_refused(body, message):
    with suppress(DecodeError):
        encode(read(body, message))


@given(JSON, KINDS)
def test_any_json_is_read_or_refused(value, message):
    with suppress(DecodeError):
        encode(read(json.dumps(value), message))
