"""The REST wire as sockets see it: what HTTP clients do that a friendly library would not."""

from __future__ import annotations

import http.client
import json
import re
import socket
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.contract

API = "/api/v1alpha1"
MODEL = "kubeflow.org/alpha/model"
EXECUTION = "kubeflow.org/alpha/execution"


@pytest.fixture
def connection(stack):
    host, _, port = stack.rest_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connected:
        yield connected


@pytest.fixture
def send(connection):
    """Send bytes as they are; return status, headers and body of the answer."""

    def send(request_line, *headers, body=b""):
        head = "\r\n".join([f"{request_line} HTTP/1.1", "Host: localhost", *headers, "", ""])
        connection.sendall(head.encode("latin-1") + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read()

    return send


def length(body):
    return f"Content-Length: {len(body)}"


def create_model(send, *headers, body=b"{}"):
    status, _, answer = send(f"POST {API}/artifact_types/{MODEL}/artifacts", length(body), *headers, body=body)
    assert status == 200, answer
    return json.loads(answer)["artifact"]


class TestPaths:
    @pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
    def test_the_slashes_of_a_type_name_may_be_encoded(self, send, slash):
        status, _, body = send(f"GET {API}/artifact_types/{MODEL.replace('/', slash)}")
        assert (status, json.loads(body)["artifact_type"]["name"]) == (200, MODEL)

    def test_the_whole_path_may_be_encoded(self, send):
        encoded = "".join(f"%{byte:02x}" for byte in f"{API}/artifact_types/{MODEL}"[1:].encode())
        status, _, body = send(f"GET /{encoded}")
        assert (status, json.loads(body)["artifact_type"]["name"]) == (200, MODEL)

    def test_a_trailing_slash_is_not_taken_away(self, send):
        assert send(f"GET {API}/artifact_types/")[0] == 404
        assert send(f"GET {API}/artifacts/")[0] == 404

    def test_a_bad_escape_is_a_bad_request(self, send):
        assert send(f"GET {API}/artifact_types/%zz")[0] == 400

    def test_the_absolute_form_is_understood(self, send):
        assert send(f"GET http://metadata{API}/artifact_types")[0] == 200


class TestBodies:
    @pytest.mark.parametrize(
        "content_type",
        [
            (),
            ("Content-Type: application/json",),
            ("Content-Type: application/x-www-form-urlencoded",),
            ("Content-Type: multipart/form-data; boundary=x",),
            ("Content-Type: text/plain; charset=latin-1",),
            ("Content-Type: nonsense",),
            ("ContentType: application/json",),
        ],
    )
    def test_are_json_whatever_their_content_type(self, send, content_type):
        body = '{"uri":"a&b=c+d%20é"}'.encode()
        assert create_model(send, *content_type, body=body)["uri"] == "a&b=c+d%20é"

    def test_may_be_empty_or_missing(self, send):
        assert create_model(send, body=b"")["id"]
        status, _, body = send(f"POST {API}/execution_types/{EXECUTION}/executions")
        assert (status, list(json.loads(body)["execution"])[:2]) == (200, ["id", "type_id"])

    def test_may_come_in_chunks(self, send):
        body = b'8\r\n{"uri":"\r\n4\r\nab"}\r\n0\r\n\r\n'
        target = f"POST {API}/artifact_types/{quote(MODEL, safe='')}/artifacts"
        status, _, answer = send(target, "Transfer-Encoding: chunked", body=body)
        assert (status, json.loads(answer)["artifact"]["uri"]) == (200, "ab")

    def test_end_with_their_first_value(self, send):
        assert create_model(send, body=b'{"uri":"first"} {"uri":"second"} and more')["uri"] == "first"

    def test_that_are_announced_too_large_are_refused_unread(self, send):
        status, headers, body = send(f"POST {API}/events", f"Content-Length: {10**12}")
        assert (status, headers["content-type"], json.loads(body)["code"]) == (413, "application/json", 8)


class TestAnswers:
    def test_are_compact_json_of_exactly_that_type(self, send):
        created = create_model(send, body=b'{"custom_properties":{"b":{"int_value":"1"},"a":{"string_value":"<"}}}')
        status, headers, body = send(f"GET {API}/artifact_types/x/artifacts/{created['id']}")
        assert (status, headers.get_all("content-type")) == (200, ["application/json"])
        number, type_number = created["id"].encode(), created["type_id"].encode()
        time = created["create_time_since_epoch"].encode()
        assert body == (
            b'{"artifact":{"id":"%b","type_id":"%b","uri":"",' % (number, type_number)
            + rb'"custom_properties":{"a":{"string_value":"\u003c"},"b":{"int_value":"1"}},'
            + b'"type":"%b","create_time_since_epoch":"%b","last_update_time_since_epoch":"%b"}}'
            % (MODEL.encode(), time, time)
        )

    def test_to_unmatched_requests_are_plain_text(self, send):
        status, headers, body = send("GET /api/v1/none/such")
        assert (status, body, headers["x-content-type-options"]) == (404, b"Not Found\n", "nosniff")
        status, headers, body = send(f"PUT {API}/events", "Content-Length: 0")
        assert (status, body, headers["x-content-type-options"]) == (405, b"Method Not Allowed\n", "nosniff")

    def test_keep_the_connection(self, send):
        for _ in range(3):
            assert send(f"GET {API}/artifact_types")[0] == 200

    @pytest.mark.parametrize(
        "noise", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    )
    def test_to_noise_are_no_server_errors(self, stack, noise):
        host, _, port = stack.rest_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=60) as noisy:
            noisy.sendall(noise)
            noisy.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: noisy.recv(4096), b""))
        assert not re.match(rb"HTTP/1\.1 5", answer)


BODIES = st.one_of(
    st.binary(max_size=100),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["name", "properties", "customProperties", "a", "string_value", "type", "path"]), inner
            ),
        ),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode()),
)
TARGETS = st.sampled_from(
    [
        "artifact_types",
        "execution_types",
        "events",
        "artifacts",
        "executions",
        f"artifact_types/{MODEL}/artifacts",
        f"execution_types/{EXECUTION}/executions",
        "events/artifacts/1",
        "events/executions/%00",
        "artifact_types/x/artifacts/%F0",
    ]
)


@seed(20261123)
@settings(
    max_examples=150,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(["GET", "POST", "PATCH", "PUT"]), TARGETS, BODIES)
def test_malformed_bodies_are_no_server_errors(send, verb, target, body):
    status, _, answer = send(f"{verb} {API}/{target}", length(body), body=body)
    assert status < 500, answer


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("artifact_types/a", "DeleteArtifactType"),
        ("execution_types/a", "DeleteExecutionType"),
        ("artifact_types/a/artifacts/1", "DeleteArtifact"),
        ("execution_types/a/executions/1", "DeleteExecution"),
    ],
)
def test_the_four_deletes_are_not_implemented(send, path, operation):
    status, _, body = send(f"DELETE {API}/{path}")
    message = f"not implemented error: {operation}"
    assert (status, json.loads(body)) == (501, {"error": message, "message": message, "code": 12})
