"""The form of grpc-web bodies."""

from __future__ import annotations

import base64
import itertools
import struct

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.rest.errors import ApiError
from kubeflow_metadata.rest.grpc_web.framing import Base64Decoder, Framing, MessageReader, answer, framing_of
from kubeflow_metadata.rest.grpc_web.timeout import seconds_of
from kubeflow_metadata.serving.grpc_status import status_headers

Code = grpc.StatusCode

framings = st.sampled_from(Framing)
cuts = st.lists(st.integers(0, 400), max_size=8)


def frame(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def chunks(body, places):
    edges = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def read(body, framing=Framing.BINARY, max_bytes=1000, places=()):
    reader = MessageReader(framing, max_bytes)
    for chunk in chunks(body, places):
        reader.feed(chunk)
    return reader.message()


def refusal(body, framing=Framing.BINARY, **options):
    with pytest.raises(ApiError) as caught:
        read(body, framing, **options)
    return caught.value


@given(st.binary(max_size=300), framings, cuts)
def test_a_message_is_read_however_the_network_cuts_it(message, framing, places):
    body = frame(message)
    assert read(base64.b64encode(body) if framing is Framing.TEXT else body, framing, places=places) == message


@given(st.binary(max_size=300), cuts, cuts)
def test_text_may_be_padded_part_by_part(message, parts, places):
    body = b"".join(map(base64.b64encode, chunks(frame(message), parts)))
    assert read(body, Framing.TEXT, places=places) == message


@given(st.binary(max_size=300), st.integers(0, 303), framings)
def test_a_cut_body_is_never_taken_for_a_message(message, length, framing):
    body = frame(message)[: min(length, len(message) + 4)]
    error = refusal(base64.b64encode(body) if framing is Framing.TEXT else body, framing)
    assert (error.code, "the body ends after" in error.message) == (Code.INVALID_ARGUMENT, True)


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=100))
def test_more_than_one_message_is_refused(message, more):
    error = refusal(frame(message) + more)
    assert (error.code, "more than one message" in error.message) == (Code.INVALID_ARGUMENT, True)


@given(st.binary(max_size=100) | st.text("AB/=", max_size=24).map(str.encode), framings, cuts)
def test_any_body_is_a_message_or_refused(body, framing, places):
    try:
        message = read(body, framing, places=places)
    except ApiError:
        return
    plain = b"".join(map(base64.b64decode, _parts(body))) if framing is Framing.TEXT else body
    assert plain == frame(message)


def _parts(text):
    """The padded parts of a text that is known to be good."""
    return [text[place : place + 4] for place in range(0, len(text), 4)]


@pytest.mark.parametrize(
    "text",
    ["=", "====", "A===", "AA=A", "AAA", "AA", "A", "AAAA=", "AAA=====", "AA-_", "AA A", "AAA\n", "AAAA\r\n\r\n"],
)
def test_what_is_not_base64_is_refused(text):
    error = refusal(base64.b64encode(struct.pack(">BIB", 0, 300, 0)) + text.encode(), Framing.TEXT)
    assert (error.code, "not valid base64" in error.message) == (Code.INVALID_ARGUMENT, True)


def test_a_long_text_is_decoded_as_it_comes():
    decoder = Base64Decoder()
    assert [decoder.feed(part) for part in (b"AAA", b"AAAA", b"A", b"AA==AA", b"==")] == [
        b"",
        b"\0" * 3,
        b"\0" * 3,
        b"\0",
        b"\0",
    ]
    decoder.end()


def test_text_in_countless_parts_is_refused():
    error = refusal(base64.b64encode(struct.pack(">BIB", 0, 2000, 0)) + b"AA==" * 1001, Framing.TEXT, max_bytes=2000)
    assert (error.code, "more than 1000 parts" in error.message) == (Code.INVALID_ARGUMENT, True)


def test_a_compressed_message_is_refused_with_what_to_do():
    error = refusal(frame(b"x", flags=1))
    assert (error.code, "uncompressed" in error.message) == (Code.UNIMPLEMENTED, True)


@pytest.mark.parametrize("flags", [2, 0x80, 0xFF])
def test_a_frame_of_another_kind_is_refused(flags):
    assert refusal(frame(b"x", flags=flags)).code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("announced", [1001, 2**32 - 1])
def test_a_large_message_is_refused_by_what_it_announces(announced):
    reader = MessageReader(Framing.BINARY, 1000)
    with pytest.raises(ApiError, match=rf"{announced} bytes; this server accepts at most 1000 \(--max_body_bytes\)"):
        reader.feed(struct.pack(">BI", 0, announced))


def test_a_message_of_the_largest_size_is_read():
    assert read(frame(b"x" * 1000)) == b"x" * 1000


@given(st.binary(max_size=300) | st.none(), framings, st.integers(0, 16), st.text(max_size=50))
def test_an_answer_is_the_message_and_the_trailers(message, framing, code, details):
    body = answer(framing, message, [*status_headers(code, details).items(), ("x-bin", b"\xff\0")])
    if framing is Framing.TEXT:
        body = base64.b64decode(body, validate=True)
    if message is not None:
        assert body.startswith(frame(message))
        body = body[len(frame(message)) :]
    flags, length = struct.unpack_from(">BI", body)
    assert (flags, length) == (0x80, len(body) - 5)
    lines = body[5:].decode("ascii").split("\r\n")
    assert lines[0] == f"grpc-status:{code}"
    assert lines[-2:] == ["x-bin:/wA", ""]


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ('a "b" c', 'a "b" c'),
        ("50%\n", "50%25%0A"),
        ("Größe 模型", "Gr%C3%B6%C3%9Fe %E6%A8%A1%E5%9E%8B"),
        ("\udcff", "?"),
    ],
)
def test_the_words_of_an_error_are_percent_encoded(details, shown):
    assert status_headers(5, details) == {"grpc-status": "5", "grpc-message": shown}


@pytest.mark.parametrize(
    ("header", "framing"),
    [
        ("application/grpc-web", Framing.BINARY),
        ("application/grpc-web+proto", Framing.BINARY),
        ("Application/gRPC-Web-Text; charset=utf-8", Framing.TEXT),
        ("application/grpc-web-text+proto", Framing.TEXT),
        ("*/*, application/grpc-web-text", Framing.TEXT),
        ("application/grpc", None),
        ("application/grpc-web+json", None),
        ("application/json", None),
        ("", None),
    ],
)
def test_content_types_of_grpc_web_are_known(header, framing):
    assert framing_of(header) is framing


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5S", 5),
        ("1M", 60),
        ("1H", 600),
        ("250m", 0.25),
        ("1u", 1e-6),
        ("99999999n", 0.099999999),
        ("0S", 0),
        ("2624383921234m", 600),
    ],
)
def test_a_client_may_wait_for_less(header, seconds):
    assert seconds_of(header, longest=600) == pytest.approx(seconds)


def test_without_a_timeout_the_longest_wait_holds():
    assert seconds_of(None, longest=600) == 600


@pytest.mark.parametrize("header", ["", "5", "S", "5s", "-5S", "1" * 21 + "S", "5 S", "५S"])
def test_a_malformed_timeout_is_refused(header):
    with pytest.raises(ApiError, match="malformed grpc-timeout") as caught:
        seconds_of(header, longest=600)
    assert caught.value.code is Code.INVALID_ARGUMENT
