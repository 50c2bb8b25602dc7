"""The service as browsers call it: over a real store, and over stores that fail or dawdle."""

from __future__ import annotations

import base64
import re
import socket
import struct
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import grpc
import httpx
import pytest
from prometheus_client import generate_latest

from kubeflow_metadata.proto import metadata_store_service_pb2 as service
from kubeflow_metadata.rest.grpc_web.app import create_grpc_web_app
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.metrics import REGISTRY
from kubeflow_metadata.rest.settings import Settings
from kubeflow_metadata.serving.origins import DoorPolicy, policy_for

SERVICE = "/ml_metadata.MetadataStoreService"
BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text+proto"
ORIGIN = "https://dashboard.example.org"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,grpc-timeout,x-grpc-web,x-user-agent,x-of-a-proxy",
}


def frame(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


@dataclass(frozen=True)
class Answer:
    """What a client makes of a response."""

    response: httpx.Response
    code: str
    details: str
    message: bytes | None
    trailers: dict[str, str]


def read(response):
    assert response.status_code == 200
    assert response.headers["content-type"] in (BINARY, TEXT)
    if "grpc-status" in response.headers:
        assert response.content == b""
        trailers, message = dict(response.headers), None
    else:
        body = base64.b64decode(response.content) if "text" in response.headers["content-type"] else response.content
        frames = {}
        while body:
            flags, length = struct.unpack_from(">BI", body)
            frames[flags], body = body[5 : 5 + length], body[5 + length :]
        assert set(frames) <= {0, 0x80}
        message = frames.get(0)
        trailers = dict(line.split(":", 1) for line in frames[0x80].decode().splitlines())
    code = next(code.name for code in grpc.StatusCode if str(code.value[0]) == trailers["grpc-status"])
    return Answer(response, code, unquote(trailers.get("grpc-message", "")), message, trailers)


@dataclass(frozen=True)
class Web:
    url: str
    client: httpx.Client

    def send(self, path, body=b"", content_type=BINARY, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=body, headers={"content-type": content_type, **named})

    def call(self, method, message=b"", content_type=BINARY, **headers):
        body = frame(message if isinstance(message, bytes) else message.SerializeToString())
        if "text" in content_type:
            body = base64.b64encode(body)
        return read(self.send(f"{SERVICE}/{method}", body, content_type, **headers))

    def connect(self):
        address = urlsplit(self.url)
        return socket.create_connection((address.hostname, address.port), timeout=60)


@pytest.fixture
def start(serving, store):
    """Start the port with settings of its own, over a real store unless a target is given."""
    with ExitStack() as stack:

        def begin(target=None, **settings):
            made = Settings(target or stack.enter_context(store()), **settings)
            url = stack.enter_context(serving(lambda: create_grpc_web_app(made)))
            return Web(url, stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False)))

        yield begin


@pytest.fixture
def web(start):
    return start()


class Dawdler:
    """A store that says when a call has come, and answers when it may or its caller is gone."""

    def __init__(self):
        self.came = threading.Semaphore(0)
        self.release = threading.Event()
        self.ended = threading.Event()

    def __call__(self, method, request, context):
        context.add_callback(self.ended.set)
        self.came.release()
        while context.is_active() and not self.release.wait(0.01):
            pass
        return b""


class TestCalls:
    @pytest.mark.parametrize("content_type", [BINARY, TEXT, "application/grpc-web", "application/grpc-web-text"])
    def test_reach_the_store_and_come_back(self, web, content_type):
        put = service.PutArtifactTypeRequest(artifact_type={"name": "Größe", "properties": {"s": 3}})
        made = service.PutArtifactTypeResponse.FromString(web.call("PutArtifactType", put, content_type).message)
        answer = web.call("GetArtifactTypesByID", service.GetArtifactTypesByIDRequest(type_ids=[made.type_id]))
        (stored,) = service.GetArtifactTypesByIDResponse.FromString(answer.message).artifact_types
        assert (answer.code, answer.details, stored.name) == ("OK", "", "Größe")

    @pytest.mark.parametrize("accept", [BINARY, TEXT])
    def test_are_answered_in_the_form_that_is_asked_for(self, web, accept):
        for content_type in (BINARY, TEXT):
            answer = web.call("GetArtifacts", b"", content_type, accept=accept)
            assert (answer.code, answer.response.headers["content-type"]) == ("OK", accept)
            assert web.call("GetArtifacts", b"", content_type, accept="*/*").response.headers["content-type"] == (
                content_type
            )

    def test_of_every_method_are_forwarded_byte_for_byte(self, start, scripted):
        seen = {}

        def answer(method, request, context):
            seen[method] = request
            return request[::-1]

        methods = [*service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods_by_name, "OfANewerServer"]
        with scripted(answer) as target:
            web = start(target)
            for number, method in enumerate(methods):
                message = b"\xff\0no protobuf" + bytes([number])
                assert web.call(method, message).message == message[::-1]
                assert seen.pop(method) == message

    def test_take_messages_up_to_the_limit_both_ways(self, start, scripted):
        message = bytes(range(256)) * 2**13
        with scripted(lambda method, request, context: request) as target:
            web = start(target, limits=Limits(body_bytes=len(message)))
            for content_type in (BINARY, TEXT):
                assert web.call("PutArtifacts", message, content_type).message == message

    def test_carry_the_request_id_and_the_trace_but_nobodys_name(self, start, scripted):
        seen = {}

        def answer(method, request, context):
            seen.update(context.invocation_metadata())
            return b""

        sent = {
            "x_request_id": "mine-1",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "",
            "cookie": "secret",
            "authorization": "secret",
            "kubeflow_userid": "secret",
        }
        with scripted(answer) as target:
            response = start(target).call("GetArtifacts", **sent).response
        assert response.headers["x-request-id"] == seen["x-request-id"] == "mine-1"
        assert seen["traceparent"] == sent["traceparent"]
        assert not {"cookie", "authorization", "kubeflow-userid", "tracestate"} & set(seen)

    def test_bring_the_trailers_of_the_store(self, start, scripted):
        def answer(method, request, context):
            context.set_trailing_metadata((("x-note", "a:b"), ("x-detail-bin", b"\xff\0")))
            return b""

        with scripted(answer) as target:
            trailers = start(target).call("GetArtifacts").trailers
        assert trailers == {"grpc-status": "0", "x-note": "a:b", "x-detail-bin": "/wA"}


class TestErrorsOfTheStore:
    @pytest.mark.parametrize("content_type", [BINARY, TEXT])
    @pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "ABORTED", "INTERNAL"])
    def test_keep_their_code_and_words(self, start, scripted, code, content_type):
        def answer(method, request, context):
            context.abort(grpc.StatusCode[code], '50% "größer"\nals 模型')

        with scripted(answer) as target:
            told = start(target).call("PutArtifacts", b"", content_type)
        assert (told.code, told.details, told.message) == (code, '50% "größer"\nals 模型', None)

    def test_name_an_unknown_method(self, web):
        assert web.call("GetNothing").code == "UNIMPLEMENTED"

    def test_say_that_it_is_away(self, start):
        assert start("127.0.0.1:1").call("GetArtifacts").code == "UNAVAILABLE"

    def test_are_found_again_once_it_is_back(self, start, store, eventually):
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            address = f"127.0.0.1:{reserved.getsockname()[1]}"
        web = start(address)
        assert web.call("GetArtifacts").code == "UNAVAILABLE"
        with store(address):
            eventually(lambda: web.call("GetArtifacts").code == "OK")


class TestRefusals:
    @pytest.mark.parametrize("path", ["/other.Service/GetArtifacts", "/GetArtifacts", "/", f"/metadata{SERVICE}/X"])
    def test_of_another_service_are_unimplemented(self, web, path):
        answer = read(web.send(path, frame(b"")))
        assert (answer.code, "serves ml_metadata.MetadataStoreService" in answer.details) == ("UNIMPLEMENTED", True)

    @pytest.mark.parametrize("content_type", ["application/grpc", "application/json", "text/plain", ""])
    def test_of_another_content_name_the_right_one(self, web, content_type):
        response = web.send(f"{SERVICE}/GetArtifacts", frame(b""), content_type)
        assert response.status_code == 415
        assert "application/grpc-web-text" in response.text

    @pytest.mark.parametrize("verb", ["GET", "PUT", "OPTIONS"])
    def test_of_another_verb_name_the_right_one(self, web, verb):
        response = web.client.request(verb, f"{SERVICE}/GetArtifacts", headers={"content-type": BINARY})
        assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")

    @pytest.mark.parametrize("path", ["/", "/api/v1alpha1/artifacts", "/metrics", "/favicon.ico"])
    def test_of_all_else_are_plain(self, web, path):
        assert web.client.get(path).status_code == 404

    @pytest.mark.parametrize(
        ("body", "content_type", "code", "words"),
        [
            (b"", BINARY, "INVALID_ARGUMENT", "ends after 0 bytes"),
            (b"\0\0\0", BINARY, "INVALID_ARGUMENT", "ends after 3 bytes"),
            (frame(b"abc")[:-1], BINARY, "INVALID_ARGUMENT", "2 of the 3 bytes"),
            (frame(b"") * 2, BINARY, "INVALID_ARGUMENT", "more than one message"),
            (frame(b"", flags=1), BINARY, "UNIMPLEMENTED", "uncompressed"),
            (frame(b"", flags=0x80), BINARY, "INVALID_ARGUMENT", "must begin with byte 0"),
            (frame(b""), TEXT, "INVALID_ARGUMENT", "not valid base64"),
            (b"AAAA?", TEXT, "INVALID_ARGUMENT", "not valid base64"),
        ],
    )
    def test_of_malformed_bodies_say_what_is_wrong(self, web, body, content_type, code, words):
        answer = read(web.send(f"{SERVICE}/GetArtifacts", body, content_type))
        assert (answer.code, answer.message) == (code, None)
        assert words in answer.details

    def test_of_a_malformed_message_come_from_the_store(self, web):
        assert web.call("PutArtifacts", b"\xff\xff").code in ("INVALID_ARGUMENT", "INTERNAL", "UNKNOWN")

    def test_of_a_malformed_timeout_show_the_form(self, web):
        answer = web.call("GetArtifacts", grpc_timeout="soon")
        assert (answer.code, "such as 5S" in answer.details) == ("INVALID_ARGUMENT", True)

    @pytest.mark.parametrize("content_type", [BINARY, TEXT])
    def test_of_100_megabytes_reach_the_client_announced_or_not(self, web, content_type):
        body = frame(b"\0" * 100_000_000)
        if content_type == TEXT:
            body = base64.b64encode(body)
        for content in (body, (body[place : place + 2**20] for place in range(0, len(body), 2**20))):
            answer = read(web.send(f"{SERVICE}/PutArtifacts", content, content_type))
            assert (answer.code, "--max_body_bytes" in answer.details) == ("RESOURCE_EXHAUSTED", True)
        assert web.call("GetArtifacts").code == "OK"


class TestPatience:
    def test_ends_when_the_client_says(self, start, scripted):
        with scripted(dawdler := Dawdler()) as target:
            assert start(target).call("GetArtifacts", grpc_timeout="200m").code == "DEADLINE_EXCEEDED"
            # On a loaded machine the time may end before the store has seen the call; then nothing has to end there.
            assert dawdler.ended.wait(60) or not dawdler.came.acquire(blocking=False)

    def test_ends_when_the_server_says(self, start, scripted):
        with scripted(Dawdler()) as target:
            assert start(target, grpc_timeout=0.05).call("GetArtifacts", grpc_timeout="1H").code == "DEADLINE_EXCEEDED"

    def test_for_a_body_ends_too_and_a_slow_client_takes_nobodys_place(self, start):
        web = start(limits=Limits(concurrent_requests=1))
        with web.connect() as slow:
            head = f"POST {SERVICE}/GetArtifacts HTTP/1.1\r\nhost: x\r\ncontent-type: {BINARY}\r\n"
            slow.sendall(f"{head}content-length: 5\r\ngrpc-timeout: 500m\r\n\r\n".encode() + b"\0")
            assert web.call("GetArtifacts").code == "OK"
            received = slow.recv(65536)
        assert b"\r\ngrpc-status: 4\r\n" in received

    def test_for_a_place_ends_in_unavailable(self, start, scripted):
        with scripted(dawdler := Dawdler()) as target:
            web = start(target, limits=Limits(concurrent_requests=1))
            answers = []
            first = threading.Thread(target=lambda: answers.append(web.call("GetArtifacts")))
            first.start()
            assert dawdler.came.acquire(timeout=60)
            answer = web.call("GetArtifacts", grpc_timeout="50m")
            assert (answer.code, "too many requests" in answer.details) == ("UNAVAILABLE", True)
            dawdler.release.set()
            first.join(60)
            assert answers[0].code == "OK"

    def test_of_a_client_that_leaves_ends_the_call_of_the_store(self, start, scripted):
        with scripted(dawdler := Dawdler()) as target:
            web = start(target, limits=Limits(concurrent_requests=1))
            with web.connect() as leaver:
                head = f"POST {SERVICE}/GetArtifacts HTTP/1.1\r\nhost: x\r\ncontent-type: {BINARY}\r\n"
                leaver.sendall(f"{head}content-length: 5\r\n\r\n".encode() + frame(b""))
                assert dawdler.came.acquire(timeout=60)
            assert dawdler.ended.wait(60)
            dawdler.release.set()
            assert web.call("GetArtifacts").code == "OK"


class TestBrowsers:
    @pytest.mark.parametrize(("allowed", "told"), [([ORIGIN], ORIGIN), (["*"], "*"), (["https://a", ORIGIN], ORIGIN)])
    def test_of_an_allowed_origin_may_call_and_read_the_status(self, start, allowed, told):
        web = start(grpc_web_door=DoorPolicy(allowed))
        preflight = web.client.options(f"{SERVICE}/GetArtifacts", headers=PREFLIGHT)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == told
        assert preflight.headers["access-control-allow-methods"] == "POST"
        assert preflight.headers["access-control-allow-headers"] == PREFLIGHT["access-control-request-headers"]

        for answer in (web.call("GetArtifacts", origin=ORIGIN), read(web.send("/other", origin=ORIGIN))):
            assert answer.response.headers["access-control-allow-origin"] == told
            exposed = answer.response.headers["access-control-expose-headers"]
            assert {"grpc-status", "grpc-message"} <= set(re.split(", *", exposed))

    @pytest.mark.parametrize("allowed", [[], ["https://elsewhere.example.org"]])
    def test_of_another_origin_are_told_no(self, start, allowed):
        web = start(grpc_web_door=DoorPolicy(allowed))
        preflight = web.client.options(f"{SERVICE}/GetArtifacts", headers=PREFLIGHT)
        assert preflight.status_code == 400
        assert "access-control-allow-origin" not in preflight.headers
        for headers in ({"origin": ORIGIN}, {"origin": "null"}, {"sec_fetch_site": "same-site"}):
            # Every call counts as a change: reads are POST, too.
            refused = web.send(f"{SERVICE}/GetArtifacts", frame(b""), **headers)
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers

    def test_of_the_ports_own_origin_may_call_behind_a_gateway_too(self, web):
        headers = {"origin": "https://kubeflow.example.org", "host": "kubeflow.example.org"}
        assert web.call("GetArtifacts", **headers).code == "OK"

    def test_are_not_led_here_by_a_name_that_points_here(self, start):
        web = start(grpc_web_door=policy_for("127.0.0.1", [], []))
        assert web.send(f"{SERVICE}/GetArtifacts", frame(b""), host="evil.example").status_code == 421
        assert web.client.get("/readyz", headers={"host": "10.0.0.7"}).status_code == 200


class TestProbes:
    def test_find_the_port_alive_and_ready(self, web):
        assert web.client.get("/healthz").json() == {"status": "ok"}
        assert web.client.get("/readyz").json() == {"status": "ok"}

    def test_see_a_store_that_is_away(self, start):
        web = start("127.0.0.1:1")
        assert web.client.get("/healthz").status_code == 200
        ready = web.client.get("/readyz")
        reason = "the metadata store does not respond: UNAVAILABLE"
        assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "reason": reason})


def test_metrics_count_calls_by_method_and_code_and_know_no_invented_names(web, eventually):
    def count(rpc, code):
        return REGISTRY.get_sample_value("kubeflow_metadata_rest_grpc_web_calls_total", {"rpc": rpc, "code": code}) or 0

    before = count("GetContexts", "OK"), count("other", "UNIMPLEMENTED")
    web.call("GetContexts")
    web.call("InventedByAClient")
    read(web.send("/invented.Service/InventedByAClient"))
    eventually(lambda: (count("GetContexts", "OK"), count("other", "UNIMPLEMENTED")) == (before[0] + 1, before[1] + 2))
    assert b"Invented" not in generate_latest(REGISTRY)
