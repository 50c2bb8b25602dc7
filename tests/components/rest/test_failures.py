"""What clients see when the store fails, and what they may not ask for."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from prometheus_client import generate_latest

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto.metadata_store_service_pb2 import GetArtifactsRequest, GetArtifactsResponse
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.metrics import REGISTRY

PLAIN = "text/plain; charset=utf-8"


class TestStoreErrors:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("CANCELLED", 408),
            ("INVALID_ARGUMENT", 400),
            ("DEADLINE_EXCEEDED", 504),
            ("NOT_FOUND", 404),
            ("ALREADY_EXISTS", 409),
            ("PERMISSION_DENIED", 403),
            ("UNAUTHENTICATED", 401),
            ("RESOURCE_EXHAUSTED", 429),
            ("FAILED_PRECONDITION", 412),
            ("ABORTED", 409),
            ("OUT_OF_RANGE", 400),
            ("UNIMPLEMENTED", 501),
        ],
    )
    def test_keep_their_code_and_words(self, start, scripted, code, status):
        with scripted(failing(code, 'why "so"', methods={"GetArtifactTypes"})) as target:
            response = start(target).call("GET", "/artifact_types")
        assert response.status_code == status
        number = grpc.StatusCode[code].value[0]
        assert response.json() == {"error": 'why "so"', "message": 'why "so"', "code": number}

    @pytest.mark.parametrize("code", ["INTERNAL", "UNKNOWN", "DATA_LOSS"])
    def test_inside_the_store_stay_inside(self, start, scripted, code):
        with scripted(failing(code, "SELECT secret", methods={"GetArtifactTypes"})) as target:
            response = start(target).call("GET", "/artifact_types", headers={"X-Request-Id": "r-1"})
        assert (response.status_code, response.json()["code"]) == (500, 13)
        assert "SELECT" not in response.text
        assert "r-1" in response.json()["error"]

    def test_without_a_store_every_call_is_unavailable(self, start, eventually):
        backend = start("127.0.0.1:1", until="/healthz")
        for path in ("/artifact_types", "/artifacts", "/events/artifacts/1"):
            response = backend.call("GET", path)
            assert (response.status_code, response.json()["code"]) == (503, 14)
            assert response.headers["retry-after"] == "1"
        eventually(lambda: "127.0.0.1:1 does not respond" in backend.client.get("/readyz").text)
        assert backend.client.get("/readyz").status_code == 503

    def test_in_the_middle_of_a_list_break_the_answer_off(self, start, scripted):
        def answer(method, request, context):
            if method != "GetArtifacts":
                return b""
            if GetArtifactsRequest.FromString(request).options.next_page_token:
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            artifacts = [mlmd.Artifact(id=n) for n in range(100)]
            return GetArtifactsResponse(artifacts=artifacts, next_page_token="x").SerializeToString()

        with scripted(answer) as target:
            backend = start(target)
            with pytest.raises(httpx.RemoteProtocolError):
                backend.call("GET", "/artifacts")


def failing(code, details, methods):
    def answer(method, request, context):
        if method in methods:
            context.abort(grpc.StatusCode[code], details)
        return b""

    return answer


class TestUnmatched:
    def test_path_is_plain_text(self, backend):
        response = backend.call("GET", "/nothing/here")
        assert (response.status_code, response.text) == (404, "Not Found\n")
        assert (response.headers["content-type"], response.headers["x-content-type-options"]) == (PLAIN, "nosniff")

    @pytest.mark.parametrize("verb", ["PUT", "OPTIONS", "TRACE"])
    def test_verb_is_plain_text(self, backend, verb):
        response = backend.call(verb, "/artifact_types")
        assert (response.status_code, response.text) == (405, "Method Not Allowed\n")
        assert (response.headers["content-type"], response.headers["x-content-type-options"]) == (PLAIN, "nosniff")
        assert response.headers["allow"] == "DELETE, GET, PATCH, POST"

    def test_head_has_no_body(self, backend):
        response = backend.call("HEAD", "/artifact_types")
        assert (response.status_code, response.content) == (405, b"")


class TestLimits:
    def test_a_large_body_is_refused_whether_announced_or_not(self, start):
        backend = start(limits=Limits(body_bytes=100))
        chunks = (b" " * 60 for _ in range(2))
        for content in (b" " * 101, chunks):
            response = backend.call("POST", "/artifact_types", content=content)
            assert (response.status_code, response.json()["code"]) == (413, 8)
            assert "larger than 100 bytes" in response.json()["error"]
        assert backend.call("POST", "/artifact_types", content=b'{"name":"a"}'.ljust(100)).status_code == 200

    def test_deep_json_is_refused(self, backend):
        response = backend.call("POST", "/artifact_types", content=b'{"x":' + b"[" * 100_000)
        assert (response.status_code, response.json()["error"]) == (400, "invalid JSON: nested deeper than 100 levels")

    def test_long_names_are_refused(self, backend, name):
        long = "n" * 256
        for path, body in (
            ("/artifact_types", {"name": long}),
            ("/execution_types", {"name": name, "properties": {long: "INT"}}),
            (f"/artifact_types/{name}/artifacts", {"custom_properties": {long: {"int_value": 1}}}),
        ):
            response = backend.call("POST", path, body)
            assert (response.status_code, response.json()["code"]) == (400, 3)
            assert "has 256 characters; at most 255 are allowed" in response.json()["error"]
        assert backend.call("POST", "/artifact_types", {"name": name.ljust(255, "n")}).status_code == 200

    def test_a_slow_client_takes_nobodys_place_and_is_told_in_the_end(self, start):
        backend = start(grpc_timeout=2, limits=Limits(concurrent_requests=1))
        address = urlsplit(backend.url)
        with socket.create_connection((address.hostname, address.port), timeout=60) as slow:
            slow.sendall(b"POST /api/v1alpha1/artifact_types HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
            assert backend.call("GET", "/artifact_types").status_code == 200
            told = b""
            while not told.endswith(b"}") and (more := slow.recv(65536)):
                told += more
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b"the body did not arrive within 2 seconds" in told

    def test_a_string_of_16_mebibytes_is_kept(self, backend, name):
        backend.post("/artifact_types", {"name": name, "properties": {"s": "STRING"}})
        value = {"string_value": "x" * 2**24}
        created = backend.post(f"/artifact_types/{name}/artifacts", {"properties": {"s": value}})["artifact"]
        assert created["properties"] == {"s": value}


def test_answers_carry_the_headers_of_upstream_and_the_id_of_the_request(backend):
    response = backend.call("GET", "/artifact_types", headers={"X-Request-Id": "mine-1"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["grpc-metadata-content-type"] == "application/grpc"
    assert response.headers["x-request-id"] == "mine-1"
    other = backend.call("GET", "/artifact_types", headers={"X-Request-Id": 'bad "id"'})
    assert other.headers["x-request-id"] not in ("", 'bad "id"')


class TestPagesBeside:
    def test_root_says_where_things_are(self, backend):
        for path in backend.client.get("/").json().values():
            if path.startswith("/") and path != "/api/v1alpha1":
                assert backend.client.get(path).status_code == 200

    def test_health_is_alive_and_ready(self, backend):
        assert backend.client.get("/healthz").json() == {"status": "ok"}
        assert backend.client.get("/readyz").json() == {"status": "ok"}

    def test_readiness_follows_the_store(self, start, scripted):
        broken = []

        def answer(method, request, context):
            if broken:
                context.abort(grpc.StatusCode.INTERNAL, "database gone")
            return b""

        with scripted(answer) as target:
            backend = start(target)
            broken.append(True)
            response = backend.client.get("/readyz")
            assert response.status_code == 503
            reason = "the metadata store does not respond: INTERNAL"
            assert response.json() == {"status": "unavailable", "reason": reason}
            assert backend.client.get("/healthz").status_code == 200
            broken.clear()
            assert backend.client.get("/readyz").status_code == 200

    def test_metrics_count_requests_by_operation(self, backend, eventually):
        sample = {"operation": "ListArtifactTypes", "method": "GET", "status": "200"}
        before = REGISTRY.get_sample_value("kubeflow_metadata_rest_requests_total", sample) or 0
        backend.get("/artifact_types")
        # Counted once the answer is out.
        eventually(lambda: REGISTRY.get_sample_value("kubeflow_metadata_rest_requests_total", sample) == before + 1)
        assert b'kubeflow_metadata_rest_grpc_calls_total{code="OK",rpc="GetArtifactTypes"}' in generate_latest(REGISTRY)
        assert "kubeflow_metadata_rest_requests_total" in backend.client.get("/metrics").text


class TestPagesOfOtherSites:
    """A browser lets any page send a POST without asking; what it adds to the request tells them apart."""

    def test_must_not_change_anything(self, backend):
        headers = {"sec-fetch-site": "cross-site", "content-type": "text/plain"}
        response = backend.call("POST", "/artifact_types", content='{"name": "from.elsewhere/T"}', headers=headers)
        assert response.status_code == 403
        assert backend.call("GET", "/artifact_types/from.elsewhere/T").status_code == 404

    @pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
    def test_other_pages_may(self, backend, site):
        body = f'{{"name": "from.here/{site}"}}'
        response = backend.call("POST", "/artifact_types", content=body, headers={"sec-fetch-site": site})
        assert response.status_code == 200
