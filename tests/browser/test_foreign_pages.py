"""What pages can do to the servers, in a real browser: their own, those of strangers, and those behind a gateway."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.chromium import chromium
from tests.support.servers import running_server, unused_port

pytestmark = pytest.mark.browser

# Names that their owners point wherever they like, such as at this machine.
RESOLVER = "--host-resolver-rules=MAP kubeflow.example 127.0.0.1,MAP evil.example 127.0.0.1"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

POST = """([url, body, mode]) => fetch(url, {method: "POST", body, mode})
  .then((response) => response.status, () => "blocked")"""


class Site(BaseHTTPRequestHandler):
    """Pages of somebody; what is below /metadata/ comes from the UI server, as Kubeflow's gateway has it."""

    ui = ""

    def do_GET(self):
        if not self.path.startswith("/metadata/"):
            page = b'<!doctype html><title>A page</title><iframe src="/metadata/"></iframe>' if self.ui else b"<title>x"
            self.answer(200, {"Content-Type": "text/html"}, page)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
        request = urllib.request.Request(self.ui + self.path, body, headers, method=self.command)
        try:
            response = DIRECT.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            passed = {name: response.headers[name] for name in ("Content-Type", "Content-Security-Policy")}
            if encoding := response.headers["Content-Encoding"]:
                passed["Content-Encoding"] = encoding
            self.answer(response.status, passed, response.read())

    def do_POST(self):
        self.do_GET()

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def browser():
    with chromium(RESOLVER) as browser:
        yield browser


def serving(ui: str = ""):
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneSite", (Site,), {"ui": ui}))
    Thread(target=server.serve_forever).start()
    return server


@pytest.fixture(scope="module")
def strangers():
    server = serving()
    yield f"http://evil.example:{server.server_port}"
    server.shutdown()
    server.server_close()


def is_stored(stack, name):
    with DIRECT.open(f"{stack.rest_url}/api/v1alpha1/artifact_types", timeout=60) as response:
        return name in {stored["name"] for stored in json.load(response)["artifact_types"]}


def type_named(name):
    return json.dumps({"name": name})


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("mode", ["no-cors", "cors"])
def test_a_page_of_strangers_changes_nothing(page, stack, strangers, address, mode):
    page.goto(strangers)
    for server in (stack.rest_url, stack.ui_url, f"{stack.ui_url}/metadata"):
        name = f"foreign.{address}.{mode}"
        url = f"{server}/api/v1alpha1/artifact_types".replace("127.0.0.1", address)
        page.evaluate(POST, [url, type_named(name), mode])
        assert not is_stored(stack, name)


def test_another_server_of_the_same_machine_is_a_stranger_too(page, stack):
    neighbour = serving()
    try:
        page.goto(f"http://127.0.0.1:{neighbour.server_port}")
        page.evaluate(
            POST, [f"{stack.rest_url}/api/v1alpha1/artifact_types", type_named("from.a.neighbour"), "no-cors"]
        )
        assert not is_stored(stack, "from.a.neighbour")
    finally:
        neighbour.shutdown()
        neighbour.server_close()


@pytest.mark.parametrize("server", ["rest_url", "ui_url"])
def test_a_name_that_was_made_to_point_here_leads_nowhere(page, stack, server):
    rebound = getattr(stack, server).replace("127.0.0.1", "evil.example")
    response = page.goto(f"{rebound}/api/v1alpha1/artifact_types")
    assert response.status == 421
    assert "--allowed_hosts" in page.content()
    # The page is of the very origin that it calls.
    assert page.evaluate(POST, [f"{rebound}/api/v1alpha1/artifact_types", type_named("re.bound"), "cors"]) == 421
    assert not is_stored(stack, "re.bound")


def test_the_servers_own_page_may_call(page, stack):
    page.goto(f"{stack.ui_url}/metadata/favicon.svg")
    assert page.evaluate(POST, ["/metadata/api/v1alpha1/artifact_types", type_named("own.page"), "cors"]) == 200
    assert is_stored(stack, "own.page")


def test_in_a_frame_behind_a_gateway_it_shows_and_may_call(page, stack):
    port = unused_port()
    flags = [f"--port={port}", f"--rest_url={stack.rest_url}", "--allowed_hosts=kubeflow.example"]
    with running_server("kubeflow_metadata.ui", *flags, probe=f"http://127.0.0.1:{port}/readyz"):
        gateway = serving(f"http://127.0.0.1:{port}")
        try:
            page.goto(f"http://kubeflow.example:{gateway.server_port}/")
            frame = page.frame_locator("iframe")
            frame.get_by_role("textbox", name="Filter artifacts").wait_for(timeout=60_000)
            (inner,) = (each for each in page.frames if each != page.main_frame)
            status = inner.evaluate(POST, ["api/v1alpha1/artifact_types", type_named("from.a.frame"), "cors"])
            assert status == 200
            assert is_stored(stack, "from.a.frame")
        finally:
            gateway.shutdown()
            gateway.server_close()
