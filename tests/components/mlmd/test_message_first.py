"""Calls that are half sent, slow, large or many: what they do to others, which is nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc import _server
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from kubeflow_metadata.mlmd import message_first
from kubeflow_metadata.mlmd.message_first import Limits, MessageFirstExecutor

SECONDS = 30
ECHO = "/test.Echo/Echo"
BLOCK = "/test.Echo/Block"


class Echo(grpc.GenericRpcHandler):
    """Answers a message with itself; ``Block`` does once it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.blocked = threading.Semaphore(0)

    def service(self, details: Any) -> Any:
        return {
            ECHO: grpc.unary_unary_rpc_method_handler(lambda request, _: request),
            BLOCK: grpc.unary_unary_rpc_method_handler(self._block),
        }.get(details.method)

    def _block(self, request: bytes, _: Any) -> bytes:
        self.blocked.release()
        self.release.wait(SECONDS)
        return request


class Served:
    def __init__(self, port: int, echo: Echo) -> None:
        self.echo = echo
        self._port = port
        self._channels: list[grpc.Channel] = []

    def channel(self) -> grpc.Channel:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        channel = grpc.insecure_channel(f"127.0.0.1:{self._port}", options)
        self._channels.append(channel)
        # Calls that wait for a connection begin in any order once it is there.
        grpc.channel_ready_future(channel).result(SECONDS)
        return channel

    def call(self, method: str = ECHO, message: bytes = b"hello") -> bytes:
        answer: bytes = self.channel().unary_unary(method)(message, timeout=SECONDS)
        return answer

    def close(self) -> None:
        self.echo.release.set()
        for channel in self._channels:
            channel.close()


@contextmanager
def serving(limits: Limits) -> Iterator[Served]:
    echo = Echo()
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(MessageFirstExecutor(limits, "test"), [echo], options=options)
    reflection.enable_server_reflection([reflection.SERVICE_NAME], server)
    served = Served(server.add_insecure_port("127.0.0.1:0"), echo)
    server.start()
    try:
        yield served
    finally:
        served.close()
        server.stop(None).wait(SECONDS)


class Half:
    """A call whose headers are sent, and whose message is held back."""

    def __init__(self, channel: grpc.Channel, method: str = ECHO) -> None:
        self._end = threading.Event()
        self.call = channel.stream_unary(method).future(self._messages(), timeout=SECONDS)

    def _messages(self) -> Iterator[bytes]:
        self._end.wait(SECONDS)
        yield from ()

    def end(self) -> None:
        self._end.set()

    def code(self) -> grpc.StatusCode:
        code: grpc.StatusCode = self.call.exception(SECONDS).code()
        return code


def halves(served: Served, count: int, connections: int = 1) -> list[Half]:
    """Half-sent calls; those of one connection arrive in their order."""
    channels = [served.channel() for _ in range(connections)]
    made = [Half(channels[number % connections]) for number in range(count)]
    for channel in channels:  # what was sent before on the same connection has then arrived
        channel.unary_unary(ECHO)(b"", timeout=SECONDS)
    return made


def test_half_sent_calls_hold_nobody_up():
    with serving(Limits(workers=1)) as served:
        made = halves(served, 100, connections=10)
        assert [served.call(message=b"%d" % number) for number in range(20)] == [b"%d" % n for n in range(20)]
        assert not any(half.call.done() for half in made)


def test_where_too_many_are_half_sent_the_oldest_ends_and_a_new_call_is_answered():
    with serving(Limits(workers=1, receiving=5)) as served:
        channel = served.channel()
        first = Half(channel)
        channel.unary_unary(ECHO)(b"", timeout=SECONDS)
        halves(served, 8)
        assert served.call() == b"hello"
        assert first.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_message_that_does_not_come_ends_its_call():
    with serving(Limits(workers=1, receive_seconds=0.2)) as served:
        half = Half(served.channel())
        assert half.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert served.call() == b"hello"


def test_while_memory_is_short_the_oldest_half_sent_calls_end():
    short = threading.Event()
    with serving(Limits(workers=1, checked_above=3, under_pressure=short.is_set)) as served:
        made = halves(served, 6)
        short.set()
        assert [half.code() for half in made[:3]] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3
        assert served.call() == b"hello"
        assert not any(half.call.done() for half in made[3:])


def test_a_call_without_any_message_is_told_so():
    with serving(Limits(workers=1)) as served:
        half = Half(served.channel())
        half.end()
        assert half.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_is_cancelled_before_its_message_holds_nothing():
    with serving(Limits(workers=1, receiving=4)) as served:
        for half in halves(served, 3):
            half.call.cancel()
        kept = halves(served, 2)
        assert served.call() == b"hello"
        assert not any(half.call.done() for half in kept)


def test_large_messages_wait_for_each_other_and_not_small_ones_for_them():
    with serving(Limits(workers=3, large_bytes=1000, large_at_once=1)) as served:
        large = b"x" * 2000
        channel = served.channel()
        running = [channel.unary_unary(BLOCK).future(large, timeout=SECONDS) for _ in range(3)]
        assert served.echo.blocked.acquire(timeout=SECONDS)
        assert served.call() == b"hello"
        assert not served.echo.blocked.acquire(blocking=False)
        served.echo.release.set()
        assert [call.result() for call in running] == [large] * 3


def test_where_too_many_bytes_are_ready_the_oldest_large_message_ends():
    limits = Limits(workers=2, large_bytes=1000, large_at_once=1, ready_bytes=5000)
    with serving(limits) as served:
        channel = served.channel()
        running = [channel.unary_unary(BLOCK).future(b"x" * 2000, timeout=SECONDS) for _ in range(1)]
        assert served.echo.blocked.acquire(timeout=SECONDS)
        waiting = channel.unary_unary(ECHO).future(b"y" * 2000, timeout=SECONDS)
        channel.unary_unary(ECHO)(b"", timeout=SECONDS)
        newest = channel.unary_unary(ECHO).future(b"z" * 2000, timeout=SECONDS)
        assert waiting.exception(SECONDS).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        served.echo.release.set()
        assert newest.result() == b"z" * 2000
        assert running[0].result() == b"x" * 2000


def test_where_too_many_calls_are_ready_the_oldest_ends():
    with serving(Limits(workers=1, ready=2)) as served:
        channel = served.channel()
        blocked = channel.unary_unary(BLOCK).future(b"0", timeout=SECONDS)
        assert served.echo.blocked.acquire(timeout=SECONDS)
        echo = channel.unary_unary(ECHO)
        waiting = [echo.future(b"%d" % number, timeout=SECONDS) for number in range(3)]
        assert waiting[0].exception(SECONDS).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        served.echo.release.set()
        assert [blocked.result(), *(call.result() for call in waiting[1:])] == [b"0", b"1", b"2"]


def test_idle_streams_do_not_keep_others_from_theirs():
    with serving(Limits(workers=1, streams=2)) as served:
        held = threading.Event()

        def silent() -> Iterator[reflection_pb2.ServerReflectionRequest]:
            held.wait(SECONDS)
            yield from ()

        stub = reflection_pb2_grpc.ServerReflectionStub(served.channel())
        info: Any = stub.ServerReflectionInfo
        idle = [info(silent(), timeout=SECONDS) for _ in range(4)]
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answers = list(info(asked, timeout=SECONDS))
        assert answers[0].list_services_response.service[0].name == reflection.SERVICE_NAME
        with pytest.raises(grpc.RpcError) as ended:
            next(idle[0])
        assert ended.value.code() is grpc.StatusCode.CANCELLED
        held.set()


def test_an_unknown_grpcio_gets_the_usual_pool(monkeypatch):
    assert message_first.grpcio_is_as_known()
    monkeypatch.setattr(_server, "_receive_message", lambda state, call: None)
    assert not message_first.grpcio_is_as_known()
    assert not isinstance(message_first.executor(Limits(), "test"), MessageFirstExecutor)
