"""Pages that call the service themselves, with the grpc-web client of Kubeflow Pipelines in a real browser."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

pytestmark = pytest.mark.browser

PAGE = b"""<!doctype html><meta charset=utf-8><title>A page</title>
<script>var module = {exports: {}}, exports = module.exports;</script>"""
# Requests and replies are bytes, in place of those of generated stubs.
CALL = """([url, format, method, request]) => new Promise((resolve) => {
  const client = new exports.GrpcWebClientBase({ format });
  const path = "/ml_metadata.MetadataStoreService/" + method;
  const described = new exports.MethodDescriptor(
    path, exports.MethodType.UNARY, Uint8Array, Uint8Array, (bytes) => bytes, (bytes) => Array.from(bytes));
  client.rpcCall(url + path, new Uint8Array(request), {}, described, (error, reply) =>
    resolve(error ? { code: error.code, message: error.message } : { reply }));
})"""


class OnePage(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    """A web site of somebody else; a real one, for browsers ask more of pages whose place they do not know."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OnePage) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def open_page(page: Page, grpc_web_clients):
    """Open a page whose client is at hand in `exports`."""

    def opened(url: str) -> Page:
        page.goto(url)
        page.add_script_tag(path=grpc_web_clients / "grpc-web-1" / "index.js")
        return page

    return opened


def call(page, url, text_or_binary, method, request):
    return page.evaluate(CALL, [url, text_or_binary, method, list(request.SerializeToString())])


def assert_served(page, url, form):
    answer = call(page, url, form, "GetArtifactType", rpc.GetArtifactTypeRequest(type_name="kubeflow.org/alpha/model"))
    found = rpc.GetArtifactTypeResponse.FromString(bytes(answer["reply"]))
    assert found.artifact_type.name == "kubeflow.org/alpha/model"
    missing = call(page, url, form, "GetArtifactType", rpc.GetArtifactTypeRequest(type_name="größer"))
    assert missing["code"] == 5
    assert "größer" in missing["message"]


@pytest.mark.parametrize("form", ["text", "binary"])
def test_a_page_of_an_allowed_origin_calls_and_sees_errors(open_page, grpc_web, site, form):
    origin = f"http://127.0.0.1:{site}"
    with grpc_web(origin) as url:
        assert_served(open_page(origin), url, form)


def test_a_page_of_any_origin_calls_where_all_are_allowed(open_page, grpc_web, site):
    with grpc_web("*") as url:
        assert_served(open_page(f"http://localhost:{site}"), url, "text")


def test_a_page_of_another_origin_is_kept_out(open_page, grpc_web, grpc_web_passed_on, site):
    allowed, other = f"http://127.0.0.1:{site}", f"http://localhost:{site}"
    name = "made by a page from elsewhere"
    put = rpc.PutArtifactTypeRequest(artifact_type={"name": name})
    with grpc_web(allowed) as url:
        page = open_page(other)
        for place in (url, grpc_web_passed_on):
            assert "reply" not in call(page, place, "text", "PutArtifactType", put)
            # What a page may send to any server without being asked.
            page.evaluate(
                "([url, body]) => fetch(url, {method: 'POST', mode: 'no-cors', body: new Uint8Array(body)})",
                [
                    f"{place}/ml_metadata.MetadataStoreService/PutArtifactType",
                    [0, 0, 0, 0, put.ByteSize(), *put.SerializeToString()],
                ],
            )
        asked = rpc.GetArtifactTypeRequest(type_name=name)
        assert call(open_page(allowed), url, "text", "GetArtifactType", asked)["code"] == 5


@pytest.mark.parametrize("form", ["text", "binary"])
@pytest.mark.parametrize("prefix", ["", "/metadata"])
def test_a_page_of_the_ui_servers_origin_needs_no_permission(page, open_page, grpc_web_passed_on, form, prefix):
    # Beside the Artifact Store, whose own policy lets no foreign script in.
    page.route("**/a-page", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    assert_served(open_page(f"{grpc_web_passed_on}/a-page"), grpc_web_passed_on + prefix, form)
