"""Calls to the gRPC metadata store. Any server of ``ml_metadata`` will do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kubeflow_metadata.proto import metadata_store_service_pb2 as service
from kubeflow_metadata.rest.errors import ApiError, StoreError
from kubeflow_metadata.rest.metrics import count_refusal, observe_call
from kubeflow_metadata.serving.telemetry import request_id

SERVICE = "ml_metadata.MetadataStoreService"
RPCS = service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods_by_name

# Responses up to this size are received whenever they come; larger ones, one at a time.
SMALL_BYTES = 256 * 1024
# Reads that are tried at once whether their responses are small.
_TRIES = 16
# Large responses that are received or waited for.
_MOST_LARGE = 32
# gRPC's words for a response that exceeds what the client takes.
_TOO_LARGE = "larger than max"
# Its words for REFUSED_STREAM.
_NO_STREAM = "RST_STREAM with error code 7"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
_BY_THIS_SIDE = "CLIENT: Received message larger than max"
_FLAGS = "--max_grpc_message_length, or the memory that --memory_limit leaves for it"

Metadata = Sequence[tuple[str, str]]


class Connection:
    """The connection to the store; it connects by itself, and again when the store comes back.

    There are two channels, for how much memory a response takes is known only once it is there: reads are tried on
    the first, which takes no large ones; the second takes them, one at a time until they have been made use of. Writes
    are never sent twice, and their responses are small; they have the second channel, too.
    """

    def __init__(self, target: str, max_request: int, max_response: int) -> None:
        """Takes ``host:port``, and the largest messages in bytes."""
        self._max_response = max_response
        self._small = _channel(target, max_request, min(SMALL_BYTES, max_response))
        self._large = _channel(target, max_request, max_response)
        self._one_large = asyncio.Lock()
        self._large_ones = 0
        # The store goes on with a response that was not taken: a crowd of such reads would use up the streams of the
        # connection.
        self._tries = asyncio.Semaphore(_TRIES)
        # Reads whose last response was large are not tried on the first channel.
        self._expected_large: set[str] = set()

    def rpc(
        self,
        path: str,
        serialize: Callable[[Any], bytes] | None = None,
        deserialize: Callable[[bytes], Any] | None = None,
    ) -> Rpc:
        """Returns an RPC by its path; of bytes unless it is said how they become messages."""
        return Rpc(
            self,
            path,
            self._small.unary_unary(path, serialize, deserialize),
            self._large.unary_unary(path, serialize, deserialize),
        )

    async def call(
        self, rpc: Rpc, request: Any, seconds: float, metadata: Metadata | None, use: Callable[[Any], Any]
    ) -> Received:
        """Calls an RPC, and returns what ``use`` makes of its response; for a large one, a thread does that.

        Raises:
            grpc.aio.AioRpcError: the store responded with an error, or not at all.
            ApiError: too many large responses are wanted.
        """
        if not rpc.is_read:
            return (await _received(rpc.large, request, seconds, metadata)).used(use)
        if (received := await self._try(rpc, request, seconds, metadata)) is not None:
            return received.used(use)
        async with self._large_turn():
            received = await _received(rpc.large, request, seconds, metadata)
            size = received.message.ByteSize() if isinstance(received.message, Message) else len(received.message)
            if size <= SMALL_BYTES:
                self._expected_large.discard(rpc.path)
                return received.used(use)
            return await asyncio.to_thread(received.used, use)

    @asynccontextmanager
    async def _large_turn(self) -> AsyncIterator[None]:
        # Who waits here has a slot, and others need some.
        if self._large_ones >= _MOST_LARGE:
            count_refusal("large responses")
            message = "too many large responses are wanted at once; try again in a moment"
            raise ApiError(grpc.StatusCode.UNAVAILABLE, message)
        self._large_ones += 1
        try:
            async with self._one_large:
                yield
        finally:
            self._large_ones -= 1

    async def _try(self, rpc: Rpc, request: Any, seconds: float, metadata: Metadata | None) -> Received | None:
        """Reads a response unless it is large."""
        if rpc.path in self._expected_large:
            return None
        async with self._tries:
            if rpc.path in self._expected_large:
                return None
            try:
                return await _received(rpc.small, request, seconds, metadata)
            except grpc.aio.AioRpcError as error:
                too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in (error.details() or "")
                if not too_large or self._max_response <= SMALL_BYTES:
                    raise
        self._expected_large.add(rpc.path)
        return None

    async def close(self) -> None:
        """Closes both channels."""
        await self._small.close()
        await self._large.close()


@dataclass(frozen=True)
class Rpc:
    """An RPC of a connection."""

    connection: Connection
    path: str
    small: grpc.aio.UnaryUnaryMultiCallable[Any, Any]
    large: grpc.aio.UnaryUnaryMultiCallable[Any, Any]

    @property
    def is_read(self) -> bool:
        """Returns whether it may be sent twice."""
        return self.path.rpartition("/")[2].startswith("Get")

    async def __call__(
        self,
        request: Any,
        seconds: float,
        metadata: Metadata | None = None,
        use: Callable[[Any], Any] = lambda message: message,
    ) -> Received:
        """Calls it, as ``Connection.call``."""
        return await self.connection.call(self, request, seconds, metadata, use)


@dataclass(frozen=True)
class Received:
    """A response of the store, or what was made of it."""

    message: Any
    trailers: Any

    def used(self, use: Callable[[Any], Any]) -> Received:
        """Returns what a function makes of the message, in its place."""
        return Received(use(self.message), self.trailers)


class Calls:
    """The RPCs of the store, by their names."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._rpcs: dict[str, tuple[type[Message], Rpc]] = {}

    async def __call__(self, name: str, use: Callable[[Any], Any] = lambda message: message, /, **fields: Any) -> Any:
        """Calls an RPC with a request of these fields and returns its response, or what ``use`` makes of it.

        Raises:
            StoreError: the store answered with an error, or not at all.
            ApiError: too many large responses are wanted.
        """
        request, rpc = self._rpcs.get(name) or self._add(name)
        metadata = (("x-request-id", request_id.get()),) if request_id.get() else None
        with observe_call(name) as outcome:
            try:
                return (await rpc(request(**fields), self._timeout, metadata, use)).message
            except ApiError as error:
                outcome.code = error.code.name
                raise
            except grpc.aio.AioRpcError as error:
                code, details = outcome_of(error)
                outcome.code = code.name
                raise StoreError(name, code, details) from error

    def _add(self, name: str) -> tuple[type[Message], Rpc]:
        request, response = GetMessageClass(RPCS[name].input_type), GetMessageClass(RPCS[name].output_type)
        rpc = self._connection.rpc(f"/{SERVICE}/{name}", request.SerializeToString, response.FromString)
        self._rpcs[name] = request, rpc
        return request, rpc


def outcome_of(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str]:
    """Returns the status of a failed call, and what the store says of it."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _BY_THIS_SIDE in details:
        return code, f"the response of the store is too large for this server ({_FLAGS}): {details}"
    if code is grpc.StatusCode.CANCELLED:
        # Not by this side, which does not wait for its own cancellations: the connection was reset under the call.
        return grpc.StatusCode.UNAVAILABLE, f"the call was cut off: {details}"
    return code, details


def _channel(target: str, max_request: int, max_response: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(
        target,
        options=[
            ("grpc.max_receive_message_length", max_response),
            ("grpc.max_send_message_length", max_request),
            # A proxy named in the environment is not for neighbours.
            ("grpc.enable_http_proxy", 0),
            # A store that comes back is found within a second, not within gRPC's two minutes.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
    )


async def _received(
    rpc: grpc.aio.UnaryUnaryMultiCallable[Any, Any], request: Any, seconds: float, metadata: Metadata | None
) -> Received:
    """Calls an RPC; again, as long as there is time, while the store has no stream left for this connection.

    Calls that were given up because their clients left still have theirs for a moment. What was refused for that was
    not looked at (RFC 9113, section 8.7): sending it again does nothing twice.
    """
    clock = asyncio.get_running_loop().time
    end, pause = clock() + seconds, _FIRST_PAUSE
    while True:
        try:
            call = rpc(request, timeout=max(end - clock(), 0), metadata=metadata)
            message = await call
            return Received(message, await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            refused = error.code() is grpc.StatusCode.UNAVAILABLE and _NO_STREAM in (error.details() or "")
            if not refused or clock() + pause > end:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
