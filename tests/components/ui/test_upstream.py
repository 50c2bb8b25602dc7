"""The server behind the UI server works for its clients, and for as long as they are there."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from kubeflow_metadata.serving.leaving import EndWithClient
from kubeflow_metadata.ui.app import create_app
from kubeflow_metadata.ui.proxy import QUEUE
from tests.support.applications import answer_to, connected, running_application, until_closed

GET = b"GET /api/%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSE = b"GET /api/quick HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Upstream:
    """A server that streams without an end, or waits; it says when it began and when it ended."""

    def __init__(self):
        self.began = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.headers = []

    def app(self):
        async def endless():
            self.began.release()
            try:
                while True:
                    yield b"x" * 65536
                    await asyncio.sleep(0)
            finally:
                self.ended.release()

        async def wait(request):
            self.began.release()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.release()

        async def quick(request):
            return PlainTextResponse(f"{len(await request.body())} bytes")

        routes = [
            Route("/api/endless", lambda _: StreamingResponse(endless())),
            Route("/api/wait", wait),
            Route("/api/quick", quick, methods=["GET", "POST"]),
        ]
        return EndWithClient(Starlette(routes=routes))


@pytest.fixture
def upstream():
    return Upstream()


@pytest.fixture
def start(pages, upstream):
    with ExitStack() as stack:

        def begin(**settings):
            rest = stack.enter_context(running_application(upstream.app))
            return stack.enter_context(running_application(lambda: create_app(rest, pages, **settings)))

        yield begin


def test_a_long_response_ends_upstream_when_its_client_leaves(start, upstream):
    url = start()
    with connected(url) as client:
        client.sendall(GET % b"endless")
        assert client.recv(1)
    assert upstream.ended.acquire(timeout=60)


def test_a_call_ends_upstream_when_its_client_leaves(start, upstream):
    url = start()
    with connected(url) as client:
        client.sendall(GET % b"wait")
        assert upstream.began.acquire(timeout=60)
    assert upstream.ended.acquire(timeout=60)


def test_a_call_that_takes_too_long_is_told_the_flag_and_ends_upstream(start, upstream):
    url = start(max_call_seconds=0.2)
    received = answer_to(url, GET % b"wait")
    assert received.startswith(b"HTTP/1.1 504 ")
    assert b"--max_call_seconds" in received
    assert upstream.ended.acquire(timeout=60)


def test_a_long_response_has_no_limit_as_a_whole(start, upstream):
    url = start(max_call_seconds=0.2)
    with connected(url) as client:
        client.sendall(GET % b"endless")
        received = 0
        while received < 64 * 2**20:
            piece = client.recv(2**20)
            assert piece
            received += len(piece)


def test_when_too_many_wait_the_others_are_told_to_come_back_at_once(start, upstream):
    url = start()
    with ExitStack() as stack:
        for _ in range(QUEUE + 1):
            client = stack.enter_context(connected(url))
            client.sendall(GET % b"wait")
        received = answer_to(url, CLOSE)
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in received.lower()
        assert answer_to(url, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("size", [0, 10, 65_536, 65_537, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_any_size_pass(start, size, chunked):
    url = start()
    body = b"b" * size
    how = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    sent = (b"%x\r\n%b\r\n" % (size, body) if size else b"") + b"0\r\n\r\n" if chunked else body
    with connected(url) as client:
        client.sendall(b"POST /api/quick HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n\r\n%b" % (how, sent))
        assert until_closed(client).endswith(b"%d bytes" % size)
