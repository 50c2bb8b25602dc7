"""Port-forwards, through WebSockets as an API server has them, to servers that stand in for pods."""

from __future__ import annotations

import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kubernetes.client import ApiClient, Configuration

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection.answers import explained
from kubeflow_metadata.installer.cluster.connection.forwarding import dialled, forwarded, pods_of
from kubeflow_metadata.installer.cluster.port import ForbiddenError, UnreachableError
from kubeflow_metadata.installer.cluster.ready_pods import ReadyPods
from kubeflow_metadata.parts import UI
from tests.support.fake_cluster import FakeCluster, pod
from tests.support.waiting import eventually
from tests.support.websocket_pods import websocket_pods

LARGE = bytes(range(256)) * 4 * 10 * 1024  # 10 MiB
PORT = 3000


class Page(BaseHTTPRequestHandler):
    """Answers with who it is, or with much; and with what it was sent."""

    server: PageServer

    def do_GET(self):
        self._answer(LARGE if self.path == "/large" else f"{self.server.title} {self.path}".encode())

    def do_POST(self):
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


class PageServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    title = ""


@pytest.fixture
def serve():
    """Starts a server, and returns its port."""
    servers = []

    def start(name):
        server = PageServer(("127.0.0.1", 0), Page)
        server.title = name
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server.server_address[1]

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def pods():
    with websocket_pods() as server:
        yield server


@pytest.fixture
def forward(pods):
    """Forwards to a pod, by its name or by what chooses it; ``said`` has what went wrong."""
    client = ApiClient(Configuration(host=pods.url))
    client.set_default_header("Impersonate-User", "somebody")

    def dial(name):
        with explained("forward a port to", f"Pod {name} (get and create of pods/portforward)"):
            return dialled(client, "kubeflow", name, PORT)

    def start(chosen="a", said=None):
        say = (said if said is not None else []).append
        return forwarded(dial, pods_of(chosen), 0, say)

    return start


def get(port, path="/"):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


def test_many_requests_at_once_and_large_answers_arrive_whole(pods, forward, serve):
    pods.ports["a", PORT] = serve("a")
    paths = ["/large" if number % 5 == 0 else f"/{number}" for number in range(25)]
    with forward() as port, ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda path: get(port, path), paths))
    assert answers == [LARGE if path == "/large" else f"a {path}".encode() for path in paths]


def test_what_is_sent_arrives_whole(pods, forward, serve):
    pods.ports["a", PORT] = serve("a")
    with forward() as port:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=LARGE)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.read() == LARGE


def test_pings_in_the_midst_of_data_are_answered(pods, forward, serve):
    pods.ports["a", PORT] = serve("a")
    pods.pings = True
    with forward() as port:
        assert get(port, "/large") == LARGE
    assert pods.pongs


def test_a_client_that_has_sent_all_still_gets_the_answer(pods, forward, serve):
    pods.ports["a", PORT] = serve("a")
    with forward() as port, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"GET /half HTTP/1.0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(1024):
            answer += data
    assert answer.endswith(b"a /half")


def test_a_pod_that_is_replaced_is_followed_and_named(pods, forward, serve):
    cluster = FakeCluster()
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    cluster.pods["a"] = pod("a", "ui", **ready)
    told, said = [], []
    pods.ports["a", PORT] = serve("a")
    with forward(ReadyPods(cluster, UI, told.append), said) as port:
        assert get(port) == b"a /"
        cluster.pods = {"b": pod("b", "ui", **ready)}
        pods.ports = {("b", PORT): serve("b")}
        assert get(port) == b"b /"
    assert told == ["Pod a was replaced.\nForwarding to pod b."]
    assert said == []


def test_while_no_pod_is_ready_connections_end_and_the_reason_is_told(pods, forward, serve):
    cluster = FakeCluster()
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    cluster.pods["a"] = pod("a", "ui", **ready)
    pods.ports["a", PORT] = serve("a")
    told, said = [], []
    with forward(ReadyPods(cluster, UI, told.append), said) as port:
        cluster.pods, pods.ports = {}, {}
        with pytest.raises(OSError):  # noqa: PT011 - a closed connection is told in several ways
            get(port)
        cluster.pods["b"] = pod("b", "ui", **ready)
        pods.ports["b", PORT] = serve("b")
        assert get(port) == b"b /"
    assert told[0] == "Pod a is gone; waiting for another one."
    assert "No pod of the Artifact Store UI is ready" in said[0]


def test_a_port_on_which_nothing_listens_is_told(pods, forward):
    pods.ports["a", 1] = 1
    said = []
    with forward(said=said) as port:
        with pytest.raises(OSError):  # noqa: PT011
            get(port)
        eventually(lambda: said, "it is told")
    assert "connection refused" in said[0]


def test_what_would_fail_for_every_connection_is_an_error_at_once(pods, forward, serve):
    with pytest.raises(UserError, match="rejected"), forward("gone"):
        pass
    pods.ports["a", PORT] = serve("a")
    pods.status = 403
    with pytest.raises(ForbiddenError, match="pods/portforward") as caught, forward():
        pass
    assert "not found" in caught.value.details


def test_an_api_server_that_does_not_respond_is_told():
    client = ApiClient(Configuration(host="http://127.0.0.1:1"))
    with pytest.raises(UnreachableError), explained("forward a port to", "Pod a"):
        dialled(client, "kubeflow", "a", PORT)


def test_whom_a_user_acts_as_is_told_to_the_server(pods, forward, serve):
    pods.ports["a", PORT] = serve("a")
    with forward():
        pass
    assert pods.headers["Impersonate-User"] == "somebody"


def test_a_proxy_is_used_only_where_the_client_has_one(pods, forward, serve, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    pods.ports["a", PORT] = serve("a")
    with forward() as port:
        assert get(port) == b"a /"
    through_a_proxy = Configuration(host=pods.url)
    through_a_proxy.proxy = "http://127.0.0.1:1"
    with pytest.raises(OSError, match=r"\w"):
        dialled(ApiClient(through_a_proxy), "kubeflow", "a", PORT)


def test_a_local_port_that_is_taken_is_an_error(pods, serve):
    taken = serve("other")
    with (
        pytest.raises(UserError, match=f"port {taken}") as caught,
        forwarded(lambda _: None, pods_of("a"), taken, print),
    ):
        pass
    assert "--port" in caught.value.hint
