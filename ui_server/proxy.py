"""Forwards API calls to the REST backend, byte for byte."""

from urllib.parse import unquote_to_bytes

import httpx
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Idle connections go before REST closes them (uvicorn does after 5 s unless told otherwise).
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

Headers = list[tuple[bytes, bytes]]

_LOG = structlog.get_logger("ui_server.proxy")


def rest_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    # REST is a neighbour: a proxy named in the environment is not for it.
    return httpx.AsyncClient(transport=transport, limits=LIMITS, timeout=TIMEOUT, trust_env=False)


class RestProxy:
    """Sends what comes for `/api/`, with or without the prefix, to `<rest_url>/api/`; all else goes on to `app`.

    A middleware, because routes match the decoded path, and the %2F inside a type name must not become a slash.
    """

    def __init__(self, app: ASGIApp, client: httpx.AsyncClient, rest_url: str, prefix: str) -> None:
        self._app = app
        self._client = client
        self._rest_url = httpx.URL(rest_url)
        self._prefix = prefix.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = self._target(scope) if scope["type"] == "http" else None
        if target is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._client.send(self._outgoing(scope, receive, target), stream=True)
        except ClientDisconnect:
            return
        except httpx.TimeoutException as error:
            await self._failure(504, GRPC_DEADLINE_EXCEEDED, "did not answer in time", error)(scope, receive, send)
            return
        except httpx.HTTPError as error:
            await self._failure(502, GRPC_UNAVAILABLE, "cannot be reached", error)(scope, receive, send)
            return
        await self._relay(response, send)

    def _target(self, scope: Scope) -> bytes | None:
        path = scope["raw_path"].removeprefix(self._prefix)
        climbs = any(unquote_to_bytes(segment) in {b".", b".."} for segment in path.split(b"/"))
        if climbs or not path.startswith(b"/api/"):
            return None
        base = self._rest_url.raw_path.rstrip(b"/")
        query = scope["query_string"]
        return bytes(base + path + (b"?" + query if query else b""))

    def _outgoing(self, scope: Scope, receive: Receive, target: bytes) -> httpx.Request:
        headers = [(name, value) for name, value in end_to_end(scope["headers"]) if name != b"host"]
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])
        return httpx.Request(
            scope["method"],
            self._rest_url.copy_with(raw_path=target),
            headers=headers,
            content=Request(scope, receive).stream() if has_body else None,
        )

    async def _relay(self, response: httpx.Response, send: Send) -> None:
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
            _LOG.warning("rest_answer_cut_short", rest_url=str(self._rest_url), reason=reason_of(error))
        finally:
            await response.aclose()

    def _failure(self, status: int, code: int, what: str, error: httpx.HTTPError) -> JSONResponse:
        _LOG.warning("rest_failed", rest_url=str(self._rest_url), status=status, reason=reason_of(error))
        message = (
            f"The REST backend at {self._rest_url} {what}. "
            "Check that it is running and that --rest_url of the UI server names it."
        )
        return JSONResponse({"error": message, "message": message, "code": code}, status_code=status)


def end_to_end(headers: Headers) -> Headers:
    """The headers that are meant for the far end, names in lower case as ASGI wants them."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in HOP_BY_HOP | named]


def reason_of(error: Exception) -> str:
    return str(error) or type(error).__name__
