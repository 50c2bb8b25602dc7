"""What every request goes through, whichever version of the API answers it.

Its body is read, it gets a slot and the memory that it needs, its work has a time limit, and its response is sent.
Only work takes a slot. A client that sends or reads slowly keeps what memory it needs, and is given up when others
need it more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope, Send

from kubeflow_metadata.rest.errors import ApiError, StoreError
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.metrics import IN_FLIGHT, count_refusal
from kubeflow_metadata.serving.budget import BODY_FACTOR, Budget, Held, Pool
from kubeflow_metadata.serving.interruption import Interruption, within
from kubeflow_metadata.serving.memory import in_words
from kubeflow_metadata.serving.protocol import abort
from kubeflow_metadata.serving.turns import NoTurnError, Turns

T = TypeVar("T")

# Between two pieces of a streamed response.
PIECE_SECONDS = 30.0
# A larger body is decoded in a thread, a larger response is sent in slices and counted.
_SMALL_BYTES = 64 * 1024
_SLICE_BYTES = 256 * 1024


class Admission:
    """The admission of one port's requests."""

    def __init__(self, limits: Limits, budget: Budget, patience: float, longest_call: float) -> None:
        """Takes what requests may ask for, what the memory allows, and times in seconds.

        Args:
            limits: what a request may ask for.
            budget: what the memory allows.
            patience: how long a body may take to arrive, and a request may wait for its turn.
            longest_call: how long work may take until the response begins; 0 for no limit.
        """
        self.budget = budget
        self._patience = patience
        self._longest_call = longest_call
        self._slots = Turns(limits.concurrent_requests)
        self._arriving = Held(budget.arriving)
        self._working = Pool(budget.working)
        self._sending = Held(budget.sending)
        # One thread: what decoding takes is needed once.
        self._decoder = ThreadPoolExecutor(1, "decoder")
        self.body_limit = (
            "--max_body_bytes"
            if budget.limit is None or budget.body == limits.body_bytes
            else f"it follows from the memory limit of {in_words(budget.limit)}, --memory_limit"
        )

    @asynccontextmanager
    async def body(
        self,
        request: Request,
        feed: Callable[[bytes], None],
        *,
        longest: int | None = None,
        seconds: float | None = None,
    ) -> AsyncIterator[None]:
        """Reads the body of a request into ``feed``; then the block has the memory to work with it.

        Args:
            request: the request.
            feed: takes the body in pieces.
            longest: the most bytes; those of the budget by default.
            seconds: how long the body may take; the usual time by default.

        Raises:
            ApiError: the body is too large, too late, or was given up for others.
        """
        most = self.budget.body if longest is None else longest
        wait = self._patience if seconds is None else seconds
        async with AsyncExitStack() as stack:
            with Interruption() as block, self._arriving.hold(lambda: block.interrupt(self._crowded())) as held:
                with within(wait, _late(wait)):
                    announced = request.headers.get("content-length", "")
                    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
                        raise self.too_large()
                    async for piece in request.stream():
                        held.resize(held.size + len(piece))
                        if held.size > most:
                            raise self.too_large()
                        feed(piece)
                if held.size:
                    with within(self._patience, _too_many()):
                        await stack.enter_async_context(self._working.take(BODY_FACTOR * held.size))
            yield

    @asynccontextmanager
    async def work(self, patience: float | None = None) -> AsyncIterator[None]:
        """Works within a slot and the time limit.

        Raises:
            ApiError: there was no slot in time, or the work took too long.
        """
        async with self._slot(self._patience if patience is None else patience):
            try:
                with within(self._longest_call, self._took_too_long()):
                    yield
            except _TooLongError:
                count_refusal("time")
                raise

    @asynccontextmanager
    async def _slot(self, patience: float) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._slots.take(patience))
            except NoTurnError as error:
                count_refusal("too many")
                raise _too_many() from error
            with IN_FLIGHT.track_inprogress():
                yield

    async def decode(self, function: Callable[[], T], size: int) -> T:
        """Returns what a function makes of a body of this size, without holding up other requests."""
        if size <= _SMALL_BYTES:
            return function()
        return await asyncio.get_running_loop().run_in_executor(self._decoder, function)

    async def send(self, response: Response, scope: Scope, send: Send) -> None:
        """Sends a response whose body is known."""
        start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        body = bytes(response.body)
        await send(start)
        if len(body) <= _SMALL_BYTES:
            await send({"type": "http.response.body", "body": body})
            return
        with self._sending.hold(lambda: _give_up(scope)) as held:
            await _send_slices(body, held.resize, send)
        await send({"type": "http.response.body", "body": b""})

    async def stream(self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], scope: Scope, send: Send) -> None:
        """Sends a response piece by piece; each is made within a slot.

        Raises:
            StoreError: a piece could not be made, or not in time; the response is unfinished.
        """
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": raw})
        with self._sending.hold(lambda: _give_up(scope)) as held:
            while (piece := await self._next(pieces)) is not None:
                await _send_slices(piece, held.resize, send)
                del piece  # while the next one is made
        await send({"type": "http.response.body", "body": b""})

    def too_large(self) -> ApiError:
        """Returns the error for a body that is too large."""
        count_refusal("body too large")
        return ApiError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"the body is larger than {in_words(self.budget.body)}, the most that this server accepts"
            f" ({self.body_limit})",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with self._slot(self._patience):
                with within(PIECE_SECONDS if self._longest_call else 0, self._took_too_long()):
                    return await anext(pieces, None)
        except ApiError as error:
            raise StoreError("stream", error.code, error.message) from error

    def _crowded(self) -> ApiError:
        count_refusal("memory")
        limit = self.budget.limit
        reason = f"for a memory limit of {in_words(limit)} (--memory_limit)" if limit else "(--max_body_bytes)"
        return ApiError(
            grpc.StatusCode.UNAVAILABLE, f"too many bodies are arriving at once {reason}; try again in a moment"
        )

    def _took_too_long(self) -> ApiError:
        return _TooLongError(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"the request took longer than {self._longest_call:g} seconds (--max_call_seconds)",
        )


class _TooLongError(ApiError):
    """The time limit of a call."""


async def _send_slices(body: bytes, say_left: Callable[[int], None], send: Send) -> None:
    view = memoryview(body)
    for start in range(0, len(body), _SLICE_BYTES):
        say_left(len(body) - start)
        await send({"type": "http.response.body", "body": bytes(view[start : start + _SLICE_BYTES]), "more_body": True})
    say_left(0)


def _give_up(scope: Scope) -> None:
    count_refusal("memory")
    abort(scope, "memory")


def _late(seconds: float) -> ApiError:
    return ApiError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        f"the body did not arrive within {seconds:g} seconds",
        HTTPStatus.REQUEST_TIMEOUT,
    )


def _too_many() -> ApiError:
    return ApiError(grpc.StatusCode.UNAVAILABLE, "too many requests at once; try again in a moment")
