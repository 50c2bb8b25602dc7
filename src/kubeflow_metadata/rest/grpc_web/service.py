"""Every call of the service, one way: read, forward, answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import grpc
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from kubeflow_metadata.rest.admission import Admission
from kubeflow_metadata.rest.calls import RPCS, SERVICE, Connection, outcome_of
from kubeflow_metadata.rest.errors import ApiError, plain_response
from kubeflow_metadata.rest.grpc_web.framing import Framing, MessageReader, answer, framing_of
from kubeflow_metadata.rest.grpc_web.timeout import seconds_of
from kubeflow_metadata.rest.metrics import count_grpc_web, observe_call
from kubeflow_metadata.serving.grpc_status import status_headers
from kubeflow_metadata.serving.telemetry import CODE, OPERATION, request_id

_PATH = re.compile(f"/{re.escape(SERVICE)}/([A-Za-z0-9_]+)")
# Nothing that claims an identity: the store trusts no such header, and cookies are not meant for it.
_FORWARDED = ("traceparent", "tracestate")
_FORWARDABLE = re.compile("[ -~]{1,512}")
_OTHER_CONTENT = (
    "This port speaks grpc-web: the Content-Type must be application/grpc-web, application/grpc-web+proto,"
    " application/grpc-web-text or application/grpc-web-text+proto.\n"
)


@dataclass(frozen=True)
class Reply:
    """What the store said; no message where it said an error."""

    code: grpc.StatusCode
    details: str
    message: bytes | None
    metadata: Iterable[tuple[str, str | bytes]] | None

    @property
    def trailers(self) -> Sequence[tuple[str, str | bytes]]:
        return [*_status(self.code, self.details).items(), *(self.metadata or ())]


class GrpcWeb:
    """The ASGI application.

    An error that ends a call before it reaches the store is sent in headers; the store's own status, in trailers.
    """

    def __init__(self, connection: Connection, admission: Admission, longest_seconds: float) -> None:
        self._connection = connection
        self._admission = admission
        self._longest_seconds = longest_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await self._admission.send(response, scope, send)

    async def _respond(self, request: Request) -> Response:
        path = _PATH.fullmatch(request.url.path)
        # A client may invent methods; it may not invent time series.
        rpc = path[1] if path and path[1] in RPCS else "other"
        request.scope[OPERATION] = f"grpc-web {rpc}"
        framing = framing_of(request.headers.get("content-type", ""))
        if not path and not framing:
            return plain_response(HTTPStatus.NOT_FOUND)
        if request.method != "POST":
            return plain_response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "OPTIONS, POST"})
        if not framing:
            return PlainTextResponse(_OTHER_CONTENT, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        wanted = framing_of(request.headers.get("accept", "")) or framing
        try:
            reply = await self._call(request, path and path[0], rpc, framing)
        except ApiError as error:
            code = error.code
            response = Response(headers=_status(code, error.message), media_type=wanted.value)
        else:
            code = reply.code
            response = Response(answer(wanted, reply.message, reply.trailers), media_type=wanted.value)
        request.scope[CODE] = code.name
        count_grpc_web(rpc, code.name)
        return response

    async def _call(self, request: Request, path: str | None, rpc: str, framing: Framing) -> Reply:
        if path is None:
            raise ApiError(grpc.StatusCode.UNIMPLEMENTED, f"unknown service; this port serves {SERVICE}")
        clock = asyncio.get_running_loop().time
        seconds = seconds_of(request.headers.get("grpc-timeout"), self._longest_seconds)
        deadline = clock() + seconds
        reader = MessageReader(framing, self._admission.budget.body, self._admission.body_limit)
        longest = framing.encoded_bytes(self._admission.budget.body)
        # Not within a slot: a slow client takes nobody's place.
        async with self._admission.body(request, reader.feed, longest=longest, seconds=seconds):
            message = reader.message()
            async with self._admission.work(max(deadline - clock(), 0.001)):
                left = deadline - clock()
                if left <= 0:  # gRPC might still be faster
                    raise ApiError(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call was made")
                return await self._ask(path, rpc, message, tuple(_metadata(request)), left)

    async def _ask(
        self, path: str, rpc: str, message: bytes, metadata: Sequence[tuple[str, str]], seconds: float
    ) -> Reply:
        call = self._connection.rpc(path)
        with observe_call(rpc) as outcome:
            try:
                received = await call(message, seconds, metadata)
                reply = Reply(grpc.StatusCode.OK, "", received.message, received.trailers)
            except grpc.aio.AioRpcError as error:
                reply = Reply(*outcome_of(error), None, error.trailing_metadata())
            outcome.code = reply.code.name
        return reply


def _status(code: grpc.StatusCode, message: str) -> dict[str, str]:
    number: int = code.value[0]
    return status_headers(number, message)


def _metadata(request: Request) -> Iterator[tuple[str, str]]:
    yield "x-request-id", request_id.get()
    for name in _FORWARDED:
        value = request.headers.get(name, "")
        if _FORWARDABLE.fullmatch(value):
            yield name, value
