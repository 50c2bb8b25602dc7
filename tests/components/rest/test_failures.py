"""What clients see when the store fails, and what they may not ask for."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from prometheus_client import generate_latest

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto.metadata_store_service_pb2 import GetArtifactsRequest, GetArtifactsResponse
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.metrics import REGISTRY
from kubeflow_metadata.serving.origins import DoorPolicy, policy_for
from tests.support.applications import connected

PLAIN = "text/plain; charset=utf-8"


class TestStoreErrors:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
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

    def test_of_a_call_that_the_store_cut_off_are_unavailable(self, start, scripted):
        with scripted(failing("CANCELLED", "reset", methods={"GetArtifactTypes"})) as target:
            response = start(target).call("GET", "/artifact_types")
        assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (503, 14, "1")

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


class TestTimeLimit:
    """`--max_call_seconds`, beyond which nobody works for a request."""

    def test_ends_the_call_of_the_store_and_names_the_flag(self, start, scripted):
        ended = threading.Event()

        def answer(method, request, context):
            if method == "GetArtifactTypes":
                context.add_callback(ended.set)
                ended.wait(60)
            return b""

        with scripted(answer) as target:
            backend = start(target, max_call_seconds=0.3)
            response = backend.call("GET", "/artifact_types")
            assert (response.status_code, response.json()["code"]) == (504, 4)
            assert "0.3 seconds (--max_call_seconds)" in response.json()["error"]
            assert ended.wait(60)
            assert backend.client.get("/readyz").status_code == 200

    def test_is_none_where_it_is_0(self, start, scripted):
        with scripted(lambda method, request, context: b"") as target:
            assert start(target, max_call_seconds=0).call("GET", "/artifact_types").status_code == 200

    def test_does_not_count_the_time_of_a_list_that_is_being_sent(self, start, scripted):
        def answer(method, request, context):
            if method != "GetArtifacts":
                return b""
            time.sleep(0.1)  # a store that takes its time for each page
            page = int(GetArtifactsRequest.FromString(request).options.next_page_token or 0)
            artifacts = [mlmd.Artifact(id=page * 100 + n) for n in range(100)]
            token = str(page + 1) if page < 9 else ""
            return GetArtifactsResponse(artifacts=artifacts, next_page_token=token).SerializeToString()

        with scripted(answer) as target:
            listed = start(target, max_call_seconds=0.5).get("/artifacts")["artifacts"]
        assert len(listed) == 1000

    def test_ends_a_call_whose_client_has_left(self, start, scripted):
        began, ended = threading.Event(), threading.Event()

        def answer(method, request, context):
            if method == "GetArtifactTypes":
                context.add_callback(ended.set)
                began.set()
                ended.wait(60)
            return b""

        with scripted(answer) as target:
            backend = start(target)
            with connected(backend.url) as client:
                client.sendall(b"GET /api/v1alpha1/artifact_types HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert began.wait(60)
            assert ended.wait(60)


class TestLargeResponses:
    def test_are_received_one_at_a_time_and_whole(self, start, scripted):
        uri = "u" * 2**20

        def answer(method, request, context):
            if method != "GetArtifacts":
                return b""
            return GetArtifactsResponse(artifacts=[mlmd.Artifact(id=1, uri=uri)]).SerializeToString()

        with scripted(answer) as target, ThreadPoolExecutor(8) as pool:
            backend = start(target)
            answers = [pool.submit(backend.get, "/artifacts") for _ in range(16)]
            assert {len(answer.result()["artifacts"][0]["uri"]) for answer in answers} == {len(uri)}

    def test_are_asked_for_again_in_smaller_pages_where_the_store_or_this_server_cannot_have_them(self, start, store):
        uri = "u" * 2**20
        with store() as target:
            backend = start(target, memory_limit=100 * 2**20)
            backend.post("/artifact_types", {"name": "large"})
            for _ in range(9):
                backend.post("/artifact_types/large/artifacts", {"uri": uri})
            for path in ("/artifacts", "/artifact_types/large/artifacts"):
                artifacts = backend.get(path)["artifacts"]
                assert [int(one["id"]) for one in artifacts] == list(range(1, 10))
                assert {one["uri"] for one in artifacts} == {uri}

    def test_beyond_the_memory_limit_are_an_error_that_says_so(self, start, scripted):
        def answer(method, request, context):
            if method != "GetArtifacts":
                return b""
            return GetArtifactsResponse(artifacts=[mlmd.Artifact(id=1, uri="u" * 5 * 2**20)]).SerializeToString()

        with scripted(answer) as target:
            response = start(target, memory_limit=100 * 2**20).call("GET", "/artifacts")
        assert response.status_code == 429
        assert "--memory_limit" in response.json()["error"]


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

    @pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-site"}, {"origin": "null"}, {"origin": "http://a.b"}])
    def test_of_the_same_site_or_of_no_origin_neither(self, backend, headers):
        response = backend.call("POST", "/artifact_types", content='{"name": "from.near/T"}', headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, 7)
        assert backend.call("GET", "/artifact_types/from.near/T").status_code == 404

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    def test_other_pages_may(self, backend, site):
        body = f'{{"name": "from.here/{site}"}}'
        response = backend.call("POST", "/artifact_types", content=body, headers={"sec-fetch-site": site})
        assert response.status_code == 200

    def test_that_are_allowed_may_and_are_told_so(self, start):
        origin = "https://notebooks.example.org"
        backend = start(door=DoorPolicy([origin]))
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        preflight = {**headers, "access-control-request-method": "PATCH"}
        assert backend.call("OPTIONS", "/artifact_types", headers=preflight).status_code == 200
        response = backend.call("POST", "/artifact_types", content='{"name": "from.there/T"}', headers=headers)
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, origin)

    def test_cannot_get_here_by_a_name_of_theirs(self, start):
        backend = start(door=policy_for("127.0.0.1", [], []))
        for verb in ("GET", "POST"):
            response = backend.call(verb, "/artifact_types", content="{}", headers={"host": "evil.example"})
            assert response.status_code == 421
            assert "--allowed_hosts" in response.json()["error"]
        assert backend.client.get("/metrics", headers={"host": "10.0.0.7:8080"}).status_code == 200
