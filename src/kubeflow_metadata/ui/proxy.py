"""Forwards calls to the servers behind this one, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpx
import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubeflow_metadata.serving.grpc_status import status_headers
from kubeflow_metadata.serving.telemetry import OPERATION, REQUEST_ID_HEADER, request_id

# Idle connections go before those servers close them (uvicorn does after 5 s unless told otherwise).
LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=4)
TIMEOUT = httpx.Timeout(120, connect=5, pool=10)

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
GRPC_DEADLINE_EXCEEDED = 4
GRPC_UNAVAILABLE = 14

_REQUEST_ID = REQUEST_ID_HEADER.lower().encode()
# The host is another one, and the id is the one that this server logs.
_REPLACED = frozenset({b"host", _REQUEST_ID})

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


def rest_backend(url: str) -> Backend:
    """Returns the server of the API."""
    return Backend(b"/api/", url, "api", "REST backend", "--rest_url")


def grpc_web_backend(url: str) -> Backend:
    """Returns the server of grpc-web."""
    return Backend(b"/ml_metadata.MetadataStoreService/", url, "grpc-web", "grpc-web server", "--grpc_web_url")


def neighbour_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Returns the client for the servers behind this one."""
    # A proxy named in the environment is not for neighbours.
    return httpx.AsyncClient(transport=transport, limits=LIMITS, timeout=TIMEOUT, trust_env=False)


class Proxy:
    """Forwards the paths of the backends, with or without the prefix; everything else goes to ``app``.

    A middleware, because routes match the decoded path, and the %2F inside a type name must not become a slash.
    """

    def __init__(self, app: ASGIApp, client: httpx.AsyncClient, backends: Sequence[Backend], prefix: str) -> None:
        self._app = app
        self._client = client
        self._backends = backends
        self._prefix = prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].removeprefix(self._prefix) if scope["type"] == "http" else b""
        backend = self._backend(path)
        scope[OPERATION] = backend.operation if backend else "files"
        if backend is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._client.send(_outgoing(scope, receive, backend.url, path), stream=True)
        except ClientDisconnect:
            return
        except httpx.TimeoutException as error:
            answer = _failure(backend, scope, 504, GRPC_DEADLINE_EXCEEDED, "did not respond in time", error)
            await answer(scope, receive, send)
            return
        except httpx.HTTPError as error:
            answer = _failure(backend, scope, 502, GRPC_UNAVAILABLE, "cannot be reached", error)
            await answer(scope, receive, send)
            return
        await _relay(backend, response, send)

    def _backend(self, path: bytes) -> Backend | None:
        if any(unquote_to_bytes(segment) in {b".", b".."} for segment in path.split(b"/")):
            return None
        return next((backend for backend in self._backends if path.startswith(backend.begins)), None)


def _outgoing(scope: Scope, receive: Receive, base: str, path: bytes) -> httpx.Request:
    url = httpx.URL(base)
    query = scope["query_string"]
    headers = [(name, value) for name, value in end_to_end(scope["headers"]) if name not in _REPLACED]
    if identifier := request_id.get():
        headers.append((_REQUEST_ID, identifier.encode()))
    has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
    return httpx.Request(
        scope["method"],
        url.copy_with(raw_path=url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")),
        headers=headers,
        content=Request(scope, receive).stream() if has_body else None,
    )


async def _relay(backend: Backend, response: httpx.Response, send: Send) -> None:
    try:
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": end_to_end(response.headers.raw),
            }
        )
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except httpx.HTTPError as error:
        # The status is out: leaving the body unfinished is the one way left to say that it is cut short.
        _LOG.warning("response cut short", backend=backend.name, url=backend.url, reason=reason_of(error))
    finally:
        await response.aclose()


def _failure(backend: Backend, scope: Scope, status: int, code: int, what: str, error: httpx.HTTPError) -> Response:
    _LOG.warning("backend failed", backend=backend.name, url=backend.url, status=status, reason=reason_of(error))
    message = (
        f"The {backend.name} at {backend.url} {what}. "
        f"Check that it is running and that {backend.flag} of the UI server points to it."
    )
    asked = Headers(scope=scope).get("content-type", "")
    if asked.startswith("application/grpc-web"):
        # To its client, HTTP's own statuses say no more than "Unknown Content-type received".
        return Response(headers=status_headers(code, message), media_type=asked)
    return JSONResponse({"error": message, "message": message, "code": code}, status_code=status)


def end_to_end(headers: RawHeaders) -> RawHeaders:
    """Returns the headers that are meant for the far end, names in lower case as ASGI wants them."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in HOP_BY_HOP | named]


def reason_of(error: Exception) -> str:
    """Returns what an error says, or what it is if it says nothing."""
    return str(error) or type(error).__name__
