"""One log line, one count and one id a request."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubeflow_metadata.rest.metrics import observe_request
from kubeflow_metadata.rest.store import request_id

_LOG = structlog.get_logger("kubeflow_metadata.rest.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
# Asked for every few seconds by machines: counted, not logged.
_QUIET = {"/healthz", "/readyz", "/metrics"}


class Observer:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        identifier = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        token = request_id.set(identifier)
        start = time.perf_counter()
        # What a client sees that leaves before the answer begins.
        status = 499

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = identifier
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(request_id=identifier):
                try:
                    await self._app(scope, receive, send_with_id)
                finally:
                    _report(scope, status, time.perf_counter() - start)
        finally:
            request_id.reset(token)


def _report(scope: Scope, status: int, seconds: float) -> None:
    path = scope["path"]
    operation = scope.get("metadata.operation") or (path if path in _QUIET else "other")
    observe_request(operation, scope["method"], status, seconds)
    log = _LOG.debug if path in _QUIET else _LOG.info
    # grpc-web answers 200 whatever became of the call.
    code = {"code": scope["metadata.code"]} if "metadata.code" in scope else {}
    log(
        "request",
        method=scope["method"],
        path=scope.get("raw_path", path.encode()).decode("latin-1"),
        operation=operation,
        status=int(status),
        milliseconds=round(seconds * 1000, 1),
        **code,
    )
