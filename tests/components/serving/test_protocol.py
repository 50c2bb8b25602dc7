"""Clients that are slow on purpose are let go, others are not; what cannot be parsed gets its own status."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from prometheus_client import CollectorRegistry

from kubeflow_metadata.serving import protocol
from kubeflow_metadata.serving.protocol import Refusals
from tests.support.applications import answer_to, connected, running_application, until_closed

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HELLO = b"hello"


class Application:
    """Greets; on /endless it sends until its client is gone, on /unread it answers without reading the body.

    On /late it greets after the time in which the rest of an earlier request's body must have come.
    """

    def __init__(self):
        self.ended = threading.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        if scope["path"] == "/endless":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                if scope["state"]["connection"].transport.is_closing():
                    self.ended.set()
                    return
        if scope["path"] == "/late":
            await asyncio.sleep(3 * protocol.LINGER_SECONDS)
        if scope["path"] != "/unread":
            while (await receive()).get("more_body"):
                pass
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": HELLO})


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def application():
    return Application()


@pytest.fixture
def url(application, registry):
    async def lifespan_too(scope, receive, send):
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        await application(scope, receive, send)

    with running_application(lambda: lifespan_too, Refusals("test", registry)) as url:
        yield url


@pytest.fixture
def closed(registry):
    """How many connections were closed for a reason."""
    name = "kubeflow_metadata_test_connections_closed_total"
    return lambda reason: registry.get_sample_value(name, {"reason": reason}) or 0


def read_hello(raw):
    received = b""
    while not received.endswith(HELLO):
        piece = raw.recv(65536)
        assert piece, received
        received += piece
    return received


@pytest.mark.parametrize("sent", [b"", b"GET", GET[:-2], GET + b"GET / HTTP/1.1\r\n"])
def test_headers_that_do_not_come_end_in_408(url, closed, monkeypatch, sent):
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    with connected(url) as raw:
        raw.sendall(sent)
        received = until_closed(raw)
    assert received.count(b"HTTP/1.1 408 Request Timeout\r\n") == 1
    assert received.count(HELLO) == sent.count(GET)
    assert closed("headers late") == 1


def test_a_connection_that_rests_between_two_requests_is_kept(url, monkeypatch):
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    with connected(url) as resting:
        resting.sendall(GET)
        read_hello(resting)
        with connected(url) as late:
            assert b" 408 " in until_closed(late)
        resting.sendall(GET)
        assert read_hello(resting).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_goes_on_for_ever_after_its_response_is_cut_off(url, closed, monkeypatch):
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.2)
    with connected(url) as raw:
        raw.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegin")
        received = until_closed(raw)
    assert received.endswith(HELLO)
    assert closed("body after response") == 1


def test_a_body_that_ends_after_its_response_leaves_the_connection_open(url):
    with connected(url) as raw:
        raw.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n1234")
        read_hello(raw)
        raw.sendall(b"5678" + GET)
        assert read_hello(raw).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_is_let_go(url, application, closed, monkeypatch):
    monkeypatch.setattr(protocol, "SEND_SECONDS", 0.2)
    with connected(url, receive_buffer=4096) as raw:
        raw.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert application.ended.wait(60)
    assert closed("response not read") == 1


def test_a_client_that_reads_slowly_is_not(url, application, closed, monkeypatch):
    monkeypatch.setattr(protocol, "SEND_SECONDS", 1.0)
    with connected(url, receive_buffer=65536) as raw:
        raw.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = 0
        while received < 8 * 2**20:
            received += len(raw.recv(65536))
        assert not application.ended.is_set()
    assert application.ended.wait(60)
    assert closed("response not read") == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # without a host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /" + b"a" * 1_000_000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 1_000_000, 431),
    ],
)
def test_what_cannot_be_parsed_gets_its_status_and_no_line_in_the_log(url, caplog, request_, status):
    caplog.set_level(logging.INFO)
    assert answer_to(url, request_).startswith(f"HTTP/1.1 {status} ".encode())
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    assert HELLO in answer_to(url, GET)


def test_asking_for_another_protocol_is_answered_in_http(url, caplog):
    caplog.set_level(logging.INFO)
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert HELLO in answer_to(url, upgrade)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_a_hundred_idle_connections_delay_nobody(url):
    idle = [connected(url) for _ in range(100)]
    try:
        for raw in idle[::2]:
            raw.sendall(b"GET / HT")
        assert HELLO in answer_to(url, GET)
    finally:
        for raw in idle:
            raw.close()


def test_requests_that_are_sent_ahead_are_all_answered(url):
    with connected(url) as raw:
        raw.sendall(GET * 10)
        received = b""
        while received.count(HELLO) < 10:
            piece = raw.recv(65536)
            assert piece, received
            received += piece


def test_the_rest_of_a_body_with_the_next_request_behind_it_ends_the_wait_for_it(url, monkeypatch):
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.2)
    with connected(url) as raw:
        raw.sendall(b"POST /unread HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n")
        received = b""
        while not received.endswith(HELLO):
            received += raw.recv(4096)
        raw.sendall(b"x" + GET.replace(b"/ ", b"/late ", 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert until_closed(raw).endswith(HELLO)
