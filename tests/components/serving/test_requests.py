"""What no application should see, and work whose client has left."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from kubeflow_metadata.serving.interruption import Interruption, within
from kubeflow_metadata.serving.leaving import EndWithClient
from kubeflow_metadata.serving.requests import LONGEST_TARGET, RequestCheck
from kubeflow_metadata.serving.turns import NoTurnError, Turns, client
from tests.support.applications import answer_to, connected, running_application, until_closed


class Work:
    """A handler that says when it began, and how it ended."""

    def __init__(self):
        self.began = threading.Event()
        self.ended = threading.Event()
        self.cancelled = False

    async def handle(self, request):
        body = await request.body()
        if request.url.path != "/wait":
            return PlainTextResponse(f"{request.method} {len(body)}")
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.ended.set()


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def url(work):
    middleware = [Middleware(RequestCheck), Middleware(EndWithClient)]
    routes = [Route("/{path:path}", work.handle, methods=["GET", "POST"])]
    with running_application(lambda: Starlette(routes=routes, middleware=middleware)) as url:
        yield url


def request(target: str = "/", *headers: str, method: str = "GET", host: str = "localhost", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode() + body


@pytest.mark.parametrize("separator", ["", "?"])
def test_a_path_or_query_that_is_too_long_is_414(url, separator):
    fits = "/" + separator + "a" * (LONGEST_TARGET - 1 - 0)
    assert answer_to(url, request(fits)).startswith(b"HTTP/1.1 200 ")
    assert answer_to(url, request(fits + "aa")).startswith(b"HTTP/1.1 414 ")


def test_two_ways_to_read_a_body_are_400(url):
    both = request("/", "Content-Length: 3", "Transfer-Encoding: chunked", method="POST", body=b"0\r\n\r\n")
    received = answer_to(url, both + request("/smuggled"))
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("host", ["[::1", "a b", "a/b", "user@host", "host:port", "a:1:2", "<", "h\xf6st"])
def test_a_host_that_is_none_is_400(url, host):
    assert answer_to(url, request(host=host)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "host", ["", "localhost", "localhost:8080", "[::1]:8080", "[fe80::1%25eth0]", "10.0.0.1", "a_b.c"]
)
def test_other_hosts_are_served(url, host):
    assert answer_to(url, request("/", "Connection: close", host=host)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("body", [b"", b"a body"])
def test_work_ends_with_its_client(url, work, body):
    headers = [f"Content-Length: {len(body)}"] if body else []
    with connected(url) as raw:
        raw.sendall(request("/wait", *headers, method="POST" if body else "GET", body=body))
        assert work.began.wait(60)
    assert work.ended.wait(60)
    assert work.cancelled
    assert b"GET 0" in answer_to(url, request())


def test_a_body_is_read_while_the_client_is_watched(url):
    chunked = request("/", "Transfer-Encoding: chunked", "Connection: close", method="POST")
    with connected(url) as raw:
        raw.sendall(chunked)
        for _ in range(10):
            raw.sendall(b"5\r\nabcde\r\n")
        raw.sendall(b"0\r\n\r\n")
        assert until_closed(raw).endswith(b"POST 50")


class TestInterruptions:
    def test_end_the_block_with_their_error_and_leave_the_task_unharmed(self):
        async def run() -> str:
            with pytest.raises(ValueError, match="late"), within(0.01, ValueError("late")):
                await asyncio.Event().wait()
            with Interruption() as block:
                pass
            block.interrupt(ValueError("over"))
            await asyncio.sleep(0)
            async with asyncio.timeout(60) if hasattr(asyncio, "timeout") else asyncio.Lock():
                await asyncio.sleep(0)
            return "unharmed"

        assert asyncio.run(run()) == "unharmed"

    def test_leave_a_cancellation_from_elsewhere_what_it_is(self):
        async def run() -> None:
            async def work() -> None:
                with within(60, ValueError("late")):
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(run())

    def test_no_seconds_are_no_limit(self):
        async def run() -> None:
            with within(0, ValueError("late")):
                await asyncio.sleep(0.01)

        asyncio.run(run())


class TestTurns:
    def test_clients_take_turns_and_each_ones_requests_come_in_order(self):
        async def run() -> list[str]:
            turns, order = Turns(1), []

            async def work(who: str, number: int) -> None:
                client.set(who)
                async with turns.take(60):
                    order.append(f"{who}{number}")
                    await asyncio.sleep(0)

            async with turns.take(60):
                crowd = [asyncio.create_task(work("crowd", number)) for number in range(5)]
                await asyncio.sleep(0)
                others = [asyncio.create_task(work("a", 0)), asyncio.create_task(work("b", 0))]
                await asyncio.sleep(0)
            await asyncio.gather(*crowd, *others)
            return order

        assert asyncio.run(run()) == ["crowd0", "a0", "b0", "crowd1", "crowd2", "crowd3", "crowd4"]

    def test_a_crowd_that_fills_the_queue_makes_room_for_another_client(self):
        async def run() -> tuple[list[BaseException | None], str]:
            turns = Turns(1)

            async def work(who: str) -> str:
                client.set(who)
                async with turns.take(60):
                    return who

            async with turns.take(60):
                crowd = [asyncio.create_task(work("crowd")) for _ in range(12)]
                await asyncio.sleep(0)
                other = asyncio.create_task(work("other"))
                await asyncio.sleep(0)
            ended = await asyncio.gather(*crowd, return_exceptions=True)
            return [each for each in ended if isinstance(each, BaseException)], await other

        turned_away, served = asyncio.run(run())
        assert [type(each) for each in turned_away] == [NoTurnError] * 3
        assert served == "other"

    def test_of_those_that_give_up_are_handed_on(self):
        async def run() -> None:
            turns = Turns(1)

            async def work() -> None:
                async with turns.take(60):
                    pass

            async with turns.take(60):
                gives_up, goes_on = asyncio.create_task(work()), asyncio.create_task(work())
                await asyncio.sleep(0)
            # The turn is on its way to the first one.
            gives_up.cancel()
            await goes_on
            async with turns.take(0.01):
                pass

        asyncio.run(run())

    def test_are_bounded_and_so_are_those_that_wait(self):
        async def run() -> None:
            turns, done = Turns(1), asyncio.Event()

            async def work() -> None:
                async with turns.take(60):
                    await done.wait()

            tasks = [asyncio.create_task(work()) for _ in range(11)]
            await asyncio.sleep(0)
            with pytest.raises(NoTurnError):
                async with turns.take(60):
                    pass
            tasks.pop().cancel()
            await asyncio.sleep(0)
            with pytest.raises(NoTurnError):
                async with turns.take(0.01):
                    pass
            done.set()
            await asyncio.gather(*tasks)
            async with turns.take(0.01):
                pass

        asyncio.run(run())
