"""Requests that no application can serve, rejected before one sees them: the same in every server.

What cannot even be parsed is rejected by ``protocol``.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# The longest path with its query, in characters; HTTP clients, the UI's among them, accept no longer ones either.
LONGEST_TARGET = 65_536

# RFC 9110, section 7.2: a name or an address with an optional port; names of any script are sent as ASCII.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}(%25[A-Za-z0-9._~-]{1,32})?\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")


class RequestCheck:
    """A middleware that rejects such requests, in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or rejects it."""
        if scope["type"] == "http" and (problem := _problem(scope)):
            status, message = problem
            # The rest of the connection cannot be trusted to be what it seems.
            headers = {"Connection": "close"}
            await PlainTextResponse(f"{message}\n", status_code=status, headers=headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _problem(scope: Scope) -> tuple[HTTPStatus, str] | None:
    target = (scope.get("raw_path") or scope["path"].encode()) + scope["query_string"]
    if b"#" in target:
        return HTTPStatus.BAD_REQUEST, "a path or query must not contain #; write %23"
    if len(target) > LONGEST_TARGET:
        return HTTPStatus.REQUEST_URI_TOO_LONG, f"the path and query have more than {LONGEST_TARGET} characters"
    if scope["method"] == "CONNECT":
        return HTTPStatus.METHOD_NOT_ALLOWED, "this server is no proxy"
    headers = Headers(scope=scope)
    if "content-length" in headers and "transfer-encoding" in headers:
        # RFC 9112, section 6.3: what follows could be read in two ways.
        return HTTPStatus.BAD_REQUEST, "a request must not have both Content-Length and Transfer-Encoding"
    if not _HOST.fullmatch(headers.get("host", "")):
        return HTTPStatus.BAD_REQUEST, "the Host header is not a host name or address with an optional port"
    return None
