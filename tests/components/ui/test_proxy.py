from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeflow_metadata.serving.origins import policy_for
from kubeflow_metadata.ui.app import create_app
from kubeflow_metadata.ui.proxy import end_to_end

pytestmark = pytest.mark.anyio

MODEL_PATH = "/api/v1alpha1/artifact_types/kubeflow.org%2Falpha%2Fmodel/artifacts"


@pytest.mark.parametrize("prefix", ["", "/metadata"])
async def test_encoded_slashes_reach_rest_as_they_were_sent(ui, rest, prefix):
    await ui.get(f"{prefix}{MODEL_PATH}?name=a%2Fb&x=%20")
    assert rest.seen[0].url.raw_path == f"{MODEL_PATH}?name=a%2Fb&x=%20".encode()
    assert rest.seen[0].url.host == "rest"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name not in {".", ".."}))
async def test_any_type_name_reaches_rest_unchanged(ui, rest, name):
    path = httpx.URL("http://ui").copy_with(path="/api/").raw_path + percent_encoded(name)
    await ui.get(httpx.URL("http://ui").copy_with(raw_path=path))
    assert rest.seen[-1].url.raw_path == path


def percent_encoded(name: str) -> bytes:
    return "".join(f"%{byte:02X}" for byte in name.encode()).encode()


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"])
async def test_method_body_and_status_pass_through(ui, rest, method):
    rest.answer = lambda _: httpx.Response(409, json={"error": "e", "message": "e", "code": 6})
    answer = await ui.request(method, "/api/v1alpha1/artifact_types", content=b'{"name": "t"}')
    assert (rest.seen[0].method, rest.bodies[0]) == (method, b'{"name": "t"}')
    assert (answer.status_code, answer.json()["code"]) == (409, 6)


async def test_a_body_of_unknown_length_is_streamed(ui, rest):
    async def parts():
        for number in range(100):
            yield str(number).encode() * 10_000

    await ui.post("/api/v1alpha1/events", content=parts())
    assert rest.seen[0].headers["transfer-encoding"] == "chunked"
    assert len(rest.bodies[0]) == sum(len(str(number)) * 10_000 for number in range(100))


async def test_a_get_carries_no_body(ui, rest):
    await ui.get("/api/v1alpha1/artifacts")
    assert not {"content-length", "transfer-encoding"} & rest.seen[0].headers.keys()


async def test_headers_pass_except_those_of_one_connection(ui, rest):
    rest.answer = lambda _: httpx.Response(
        200, headers=[("set-cookie", "a=1"), ("set-cookie", "b=2"), ("keep-alive", "timeout=5"), ("x-request-id", "7")]
    )
    answer = await ui.get(
        "/api/v1alpha1/artifacts",
        headers={"kubeflow-userid": "ann@example.org", "connection": "close, x-hop", "x-hop": "1", "te": "trailers"},
    )
    sent = rest.seen[0].headers
    assert sent["kubeflow-userid"] == "ann@example.org"
    assert sent["host"] == "rest:8080"
    assert not {"connection", "x-hop", "te"} & sent.keys()
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["x-request-id"] == "7"
    assert "keep-alive" not in answer.headers


async def test_the_id_of_a_request_is_the_same_on_both_servers(ui, rest):
    named = await ui.get("/api/v1alpha1/artifacts", headers={"x-request-id": "mine-1"})
    assert named.headers["x-request-id"] == rest.seen[0].headers["x-request-id"] == "mine-1"
    unnamed = await ui.get("/api/v1alpha1/artifacts", headers={"x-request-id": "two words"})
    assert rest.seen[1].headers.get_list("x-request-id") == [unnamed.headers["x-request-id"]]
    assert unnamed.headers["x-request-id"] not in ("", "two words")


async def test_where_a_request_comes_from_is_checked_here_and_not_again(ui, rest):
    own = {"origin": "http://ui", "sec-fetch-site": "same-origin"}
    assert (await ui.post("/metadata/api/v1alpha1/events", content=b"{}", headers=own)).status_code == 200
    assert not {"origin", "sec-fetch-site"} & rest.seen[0].headers.keys()
    for foreign in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}):
        assert (await ui.post("/metadata/api/v1alpha1/events", content=b"{}", headers=foreign)).status_code == 403
    assert len(rest.seen) == 1


async def test_pages_of_allowed_origins_may_call(pages, rest):
    origin = "https://notebooks.example.org"
    app = create_app("http://rest:8080", pages, rest, policy=policy_for("127.0.0.1", [origin], []))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3000") as client:
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        preflight = await client.options(MODEL_PATH, headers={**headers, "access-control-request-method": "POST"})
        assert (preflight.status_code, rest.seen) == (200, [])
        answer = await client.post(MODEL_PATH, content=b"{}", headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 421


def test_headers_named_by_connection_belong_to_it():
    headers = [(b"Connection", b"Close, X-Mine"), (b"X-Mine", b"1"), (b"X-Other", b"2")]
    assert end_to_end(headers) == [(b"x-other", b"2")]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (httpx.ConnectError("Connection refused"), 502, 14),
        (httpx.RemoteProtocolError("Server disconnected"), 502, 14),
        (httpx.ConnectTimeout(""), 504, 4),
        (httpx.ReadTimeout(""), 504, 4),
    ],
)
async def test_a_rest_that_does_not_answer_is_named_in_json(ui, rest, error, status, code):
    rest.fails_with(error)
    answer = await ui.get("/metadata/api/v1alpha1/artifacts")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert body["error"] == body["message"]
    assert "http://rest:8080" in body["message"]
    assert "--rest_url" in body["message"]


@pytest.mark.parametrize(
    "path",
    ["/api/../healthz", "/api/%2e%2e/healthz", "/api/.%2E/metrics", "/metadata/api/../../healthz", "/%61pi/v1alpha1/x"],
)
async def test_no_path_leads_past_the_api(app, rest, path):
    sent = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": httpx.URL(f"http://ui{path}").path if "%61" in path else path.replace("%2e", ".").replace("%2E", "."),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 404
    assert rest.seen == []


async def test_large_answers_are_compressed_for_those_who_ask(ui, rest):
    rest.answer = lambda _: httpx.Response(200, json={"artifacts": [{"id": "1"}] * 10_000})
    answer = await ui.get("/api/v1alpha1/artifacts", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["artifacts"]) == 10_000


class TestGrpcWeb:
    PATH = "/ml_metadata.MetadataStoreService/GetArtifacts"
    CALL = b"\0\0\0\0\0"

    @pytest.fixture
    async def ui(self, pages, rest):
        app = create_app("http://rest:8080", pages, rest, grpc_web_url="http://web:9090")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ui") as client:
            yield client

    @pytest.mark.parametrize("prefix", ["", "/metadata"])
    async def test_calls_reach_their_server_with_what_they_carry(self, ui, rest, prefix):
        rest.answer = lambda _: httpx.Response(200, headers={"grpc-status": "5"}, content=b"\x80\0\0\0\0")
        answer = await ui.post(prefix + self.PATH, content=self.CALL, headers={"grpc-timeout": "5S"})
        assert str(rest.seen[0].url) == f"http://web:9090{self.PATH}"
        assert (rest.bodies, rest.seen[0].headers["grpc-timeout"]) == ([self.CALL], "5S")
        assert (answer.headers["grpc-status"], answer.content) == ("5", b"\x80\0\0\0\0")

    async def test_rest_stays_where_it_is(self, ui, rest):
        await ui.get("/api/v1alpha1/artifacts")
        assert str(rest.seen[0].url) == "http://rest:8080/api/v1alpha1/artifacts"

    @pytest.mark.parametrize("content_type", ["application/grpc-web+proto", "application/grpc-web-text"])
    async def test_a_server_that_is_away_is_named_as_grpc_web_says_it(self, ui, rest, content_type):
        rest.fails_with(httpx.ConnectError("Connection refused"))
        answer = await ui.post(self.PATH, content=self.CALL, headers={"content-type": content_type})
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
        assert answer.headers["grpc-status"] == "14"
        assert "http://web:9090 cannot be reached" in answer.headers["grpc-message"]
        assert "--grpc_web_url" in answer.headers["grpc-message"]

    async def test_calls_are_counted_apart(self, ui):
        await ui.post(self.PATH, content=self.CALL)
        assert (
            'kubeflow_metadata_ui_requests_total{method="POST",operation="grpc-web",status="200"} 1.0'
            in (await ui.get("/metrics")).text
        )


async def test_without_its_address_grpc_web_is_not_served(ui, rest):
    assert (await ui.post(TestGrpcWeb.PATH, content=TestGrpcWeb.CALL)).status_code == 405
    assert rest.seen == []
