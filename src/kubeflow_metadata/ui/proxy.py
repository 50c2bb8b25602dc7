"""Forwards calls to the servers behind this one, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import unquote_to_bytes

import httpx
import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubeflow_metadata.serving.budget import Held, RelayBudget, relay_budget_of
from kubeflow_metadata.serving.grpc_status import status_headers
from kubeflow_metadata.serving.interruption import Interruption, within
from kubeflow_metadata.serving.memory import in_words
from kubeflow_metadata.serving.protocol import abort
from kubeflow_metadata.serving.telemetry import OPERATION, REQUEST_ID_HEADER, request_id
from kubeflow_metadata.serving.turns import QUEUED_PER_TURN, NoTurnError, Turns, client

# A pool looks through all of its connections whenever one is taken or given back: many small ones are fast in a crowd.
_POOLS = 16
# Idle connections go before those servers close them (uvicorn does after 5 s unless told otherwise).
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=4, keepalive_expiry=4)
# All but connecting has its limit below, where what a request is doing is known.
TIMEOUT = httpx.Timeout(None, connect=5)
MAX_CALL_SECONDS = 70.0

# Requests that wait for the beginning of a response, and large bodies on their way, at once.
_CALLS_AT_ONCE = 64
_UPLOADS_AT_ONCE = 16
# Requests that are begun or wait; further ones are rejected at once.
QUEUE = _CALLS_AT_ONCE * (1 + QUEUED_PER_TURN)
_PATIENCE_SECONDS = 30.0
# A body, or its next piece, must arrive within this time, and so must the next piece of a response.
_BODY_SECONDS = 60.0
_PIECE_SECONDS = 30.0
# Bodies up to this size are read before anything is asked of a server, so that a slow client takes nobody's turn.
_SMALL_BODY_BYTES = 64 * 1024
# What a response on its way to a slow client takes.
_RELAY_BYTES = 256 * 1024

# RFC 9110, section 7.6.1: these speak about one connection, not about the message.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
GRPC_INVALID_ARGUMENT = 3
GRPC_DEADLINE_EXCEEDED = 4
GRPC_UNAVAILABLE = 14

_REQUEST_ID = REQUEST_ID_HEADER.lower().encode()
# The host is another one, and the id is the one that this server logs. Where a request comes from was checked here:
# to the server behind, it comes from this one.
_REPLACED = frozenset({b"host", _REQUEST_ID, b"origin", b"sec-fetch-site"})

RawHeaders = list[tuple[bytes, bytes]]

_LOG = structlog.get_logger("kubeflow_metadata.ui.proxy")


@dataclass(frozen=True)
class Backend:
    """A server behind this one: what it answers, where it is, and how logs, metrics and a person know it."""

    begins: bytes
    url: str
    operation: str
    name: str
    flag: str
    speaks_grpc_web: bool = False


def rest_backend(url: str) -> Backend:
    """Returns the server of the API."""
    return Backend(b"/api/", url, "api", "REST backend", "--rest_url")


def grpc_web_backend(url: str) -> Backend:
    """Returns the server of grpc-web."""
    return Backend(b"/ml_metadata.MetadataStoreService/", url, "grpc-web", "grpc-web server", "--grpc_web_url", True)


def neighbour_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Returns the client for the servers behind this one."""
    # A proxy named in the environment is not for neighbours.
    return httpx.AsyncClient(transport=transport or _Pools(), timeout=TIMEOUT, trust_env=False)


class _Pools(httpx.AsyncBaseTransport):
    """Pools of connections, which take requests in turn."""

    def __init__(self) -> None:
        self._all = [httpx.AsyncHTTPTransport(limits=_LIMITS, trust_env=False) for _ in range(_POOLS)]
        self._in_turn = cycle(self._all)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await next(self._in_turn).handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._all:
            await pool.aclose()


class Proxy:
    """Forwards the paths of the backends, with or without the prefix; everything else goes to ``app``.

    A middleware, because routes match the decoded path, and the %2F inside a type name must not become a slash.
    """

    def __init__(
        self,
        app: ASGIApp,
        client: httpx.AsyncClient,
        backends: Sequence[Backend],
        prefix: str,
        max_call_seconds: float = MAX_CALL_SECONDS,
        count_refusal: Callable[[str], None] = lambda _: None,
        budget: RelayBudget | None = None,
    ) -> None:
        budget = budget or relay_budget_of(None)
        self._count_refusal = count_refusal
        self._app = app
        self._client = client
        self._backends = backends
        self._prefix = prefix.encode()
        self._longest_call = max_call_seconds
        self._calls = Turns(_CALLS_AT_ONCE)
        self._uploads = Turns(_UPLOADS_AT_ONCE)
        self._arriving = Held(budget.arriving)
        self._relaying = Held(budget.relaying)
        self._memory = f" for a memory limit of {in_words(budget.limit)} (--memory_limit)" if budget.limit else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].removeprefix(self._prefix) if scope["type"] == "http" else b""
        backend = self._backend(path)
        scope[OPERATION] = backend.operation if backend else "files"
        if backend is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._ask(backend, scope, receive, path)
        except _GivenUpError as error:
            self._count_refusal(error.reason)
            await _failure(backend, scope, error.status, error.code, str(error))(scope, receive, send)
            return
        except httpx.TimeoutException as error:
            await _trouble(backend, scope, 504, GRPC_DEADLINE_EXCEEDED, "did not respond in time", error)(
                scope, receive, send
            )
            return
        except httpx.InvalidURL as error:
            await _failure(backend, scope, 400, GRPC_INVALID_ARGUMENT, f"malformed address: {error}")(
                scope, receive, send
            )
            return
        except httpx.HTTPError as error:
            await _trouble(backend, scope, 502, GRPC_UNAVAILABLE, "cannot be reached", error)(scope, receive, send)
            return
        with self._relaying.hold(lambda: self._give_up(scope)) as held:
            await _relay(backend, response, scope, send, lambda: held.resize(_RELAY_BYTES))

    async def _ask(self, backend: Backend, scope: Scope, receive: Receive, path: bytes) -> httpx.Response:
        """Returns the beginning of the response.

        Raises:
            _GivenUpError: there were too many requests, or a time limit was exceeded.
            httpx.HTTPError: the server did not respond.
        """
        crowded = _GivenUpError(503, GRPC_UNAVAILABLE, "too many requests at once; try again in a moment", "too many")
        full = _GivenUpError(
            503,
            GRPC_UNAVAILABLE,
            f"too many bodies are arriving at once{self._memory}; try again in a moment",
            "memory",
        )
        with Interruption() as block, self._arriving.hold(lambda: block.interrupt(full)) as held:
            body = _Body(scope, receive, held.resize)
            await body.read_start()
            turns = self._calls if body.is_whole else self._uploads
            async with AsyncExitStack() as stack:
                try:
                    await stack.enter_async_context(turns.take(_PATIENCE_SECONDS))
                except NoTurnError:
                    raise crowded from None
                with within(self._longest_call, self._took_too_long(backend)):
                    return await self._client.send(_outgoing(scope, body, backend.url, path), stream=True)

    def _give_up(self, scope: Scope) -> None:
        self._count_refusal("memory")
        abort(scope, "memory")

    def _took_too_long(self, backend: Backend) -> _GivenUpError:
        return _GivenUpError(
            504,
            GRPC_DEADLINE_EXCEEDED,
            f"The {backend.name} at {backend.url} did not respond within {self._longest_call:g} seconds "
            "(--max_call_seconds of the UI server).",
        )

    def _backend(self, path: bytes) -> Backend | None:
        if any(unquote_to_bytes(segment) in {b".", b".."} for segment in path.split(b"/")):
            return None
        return next((backend for backend in self._backends if path.startswith(backend.begins)), None)


class _GivenUpError(Exception):
    """A request that this server ends by itself: the HTTP status, gRPC's code, and what to say."""

    def __init__(self, status: int, code: int, message: str, reason: str = "time") -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.code = code


class _Body:
    """The body of a request: small ones are read first, others are passed on as they arrive."""

    def __init__(self, scope: Scope, receive: Receive, say_size: Callable[[int], None]) -> None:
        self._has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
        self._receive = receive
        self._say_size = say_size
        self._start = bytearray()
        self.is_whole = not self._has_body

    async def read_start(self) -> None:
        """Reads the body as far as it is small."""
        with within(_BODY_SECONDS, _late()):
            while not self.is_whole and len(self._start) <= _SMALL_BODY_BYTES:
                self._start += await self._next()
                self._say_size(len(self._start))

    def content(self) -> bytes | AsyncIterator[bytes] | None:
        """Returns the body as httpx takes it."""
        if not self._has_body:
            return None
        return bytes(self._start) if self.is_whole else self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        yield bytes(self._start)
        while not self.is_whole:
            with within(_BODY_SECONDS, _late()):
                piece = await self._next()
            self._say_size(len(piece))
            yield piece

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.is_whole = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


def _late() -> _GivenUpError:
    return _GivenUpError(
        408, GRPC_DEADLINE_EXCEEDED, f"the body, or its next piece, did not arrive within {_BODY_SECONDS:g} seconds"
    )


def _outgoing(scope: Scope, body: _Body, base: str, path: bytes) -> httpx.Request:
    url = httpx.URL(base)
    query = scope["query_string"]
    headers = [(name, value) for name, value in end_to_end(scope["headers"]) if name not in _REPLACED]
    if identifier := request_id.get():
        headers.append((_REQUEST_ID, identifier.encode()))
    if asker := client.get():
        # The server behind lets clients take turns, too: without this, all of them would be one.
        headers.append((b"x-forwarded-for", asker.encode("latin-1")))
    return httpx.Request(
        scope["method"],
        url.copy_with(raw_path=url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")),
        headers=headers,
        content=body.content(),
    )


async def _relay(
    backend: Backend, response: httpx.Response, scope: Scope, send: Send, made_progress: Callable[[], None]
) -> None:
    pieces = response.aiter_raw()
    late = _GivenUpError(504, GRPC_DEADLINE_EXCEEDED, f"nothing arrived for {_PIECE_SECONDS:g} seconds")
    try:
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": end_to_end(response.headers.raw),
            }
        )
        while True:
            with within(_PIECE_SECONDS, late):
                piece = await anext(pieces, None)
            if piece is None:
                break
            made_progress()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (httpx.HTTPError, _GivenUpError) as error:
        # The status is out: leaving the body unfinished is the one way left to say that it is cut short.
        _LOG.warning("response cut short", backend=backend.name, url=backend.url, reason=reason_of(error))
        abort(scope, "response cut short")
    finally:
        await response.aclose()


def _trouble(backend: Backend, scope: Scope, status: int, code: int, what: str, error: Exception) -> Response:
    _LOG.warning("backend failed", backend=backend.name, url=backend.url, status=status, reason=reason_of(error))
    message = (
        f"The {backend.name} at {backend.url} {what}. "
        f"Check that it is running and that {backend.flag} of the UI server points to it."
    )
    return _failure(backend, scope, status, code, message)


def _failure(backend: Backend, scope: Scope, status: int, code: int, message: str) -> Response:
    asked = Headers(scope=scope).get("content-type", "")
    if backend.speaks_grpc_web and asked.startswith("application/grpc-web"):
        # To its client, HTTP's own statuses say no more than "Unknown Content-type received".
        return Response(headers=status_headers(code, message), media_type=asked)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"error": message, "message": message, "code": code}, status_code=status, headers=headers)


def end_to_end(headers: RawHeaders) -> RawHeaders:
    """Returns the headers that are meant for the far end, names in lower case as ASGI wants them."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in HOP_BY_HOP | named]


def reason_of(error: Exception) -> str:
    """Returns what an error says, or what it is if it says nothing."""
    return str(error) or type(error).__name__
