"""``/api/v1alpha1`` as an ASGI application: match, read, handle, answer."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import parse_qsl

import grpc
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kubeflow_metadata.rest.errors import ApiError, StoreError, explain, internal, plain_response
from kubeflow_metadata.rest.limits import Limits, Slots
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.rest.v1alpha1.errors import error_response
from kubeflow_metadata.rest.v1alpha1.handlers.call import Call
from kubeflow_metadata.rest.v1alpha1.matching import BadPathError, Found, Matcher, NotFound
from kubeflow_metadata.rest.v1alpha1.routes import PREFIX, ROUTES, Route
from kubeflow_metadata.rest.v1alpha1.swagger import swagger_json
from kubeflow_metadata.rest.version import Version
from kubeflow_metadata.serving.telemetry import OPERATION

_LOG = structlog.get_logger("kubeflow_metadata.rest.v1alpha1.api")
# grpc-gateway forwards the headers of the gRPC reply with this prefix.
_HEADERS = {"Grpc-Metadata-Content-Type": "application/grpc"}


class Api:
    """The application: finds the route of a request, reads its body, and answers with what the handler returns."""

    def __init__(self, store: Store, limits: Limits, patience: float) -> None:
        self._store = store
        self._limits = limits
        self._patience = patience
        self._matcher = Matcher(ROUTES)
        self._slots = Slots(limits.concurrent_requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            found = self._find(request)
            if isinstance(found, Response):
                await found(scope, receive, send)
                return
            # Not within a slot: a slow client takes nobody's place.
            call = await self._call(request, found)
            async with self._slots.take(self._patience):
                response = await self._respond(found.route, call)
                await response(scope, receive, send)
        except ClientDisconnect:
            _LOG.info("client disconnected")
        except StoreError as error:
            # The answer has begun: leaving it unfinished is the only way to tell.
            _LOG.error("response cut short", reason=str(error))
        except ApiError as error:
            await error_response(error)(scope, receive, send)

    def _find(self, request: Request) -> Found | Response:
        try:
            raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
            found = self._matcher.find(request.method, raw_path)
        except BadPathError as error:
            return error_response(ApiError(grpc.StatusCode.INVALID_ARGUMENT, str(error)))
        if isinstance(found, NotFound):
            return plain_response(HTTPStatus.NOT_FOUND)
        if not isinstance(found, Found):
            return plain_response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(found.allowed)})
        request.scope[OPERATION] = found.route.operation
        if request.method != "GET" and request.headers.get("sec-fetch-site") == "cross-site":
            # Upstream's clients send bodies of any type, so a browser would let the pages of strangers write here.
            message = "cross-site requests must not modify data"
            return error_response(ApiError(grpc.StatusCode.PERMISSION_DENIED, message))
        return found

    async def _respond(self, route: Route, call: Call) -> Response:
        try:
            answer = await route.handler(call)
        except ApiError as error:
            return error_response(error)
        except StoreError as error:
            return error_response(explain(error))
        except Exception:
            _LOG.exception("request failed")
            return error_response(internal("internal error"))
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/json", headers=_HEADERS)
        return StreamingResponse(answer, media_type="application/json", headers=_HEADERS)

    async def _call(self, request: Request, found: Found) -> Call:
        try:
            body = await asyncio.wait_for(self._read(request), self._patience) if found.route.body else b""
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise ApiError(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"the body did not arrive within {self._patience:g} seconds",
                HTTPStatus.REQUEST_TIMEOUT,
            ) from error
        # A repeated parameter counts once, the first time, as upstream.
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        query = {name: value for name, value in reversed(pairs) if name in found.route.query}
        return Call(found.route.operation, found.parameters, query, body, self._store, self._limits)

    async def _read(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > self._limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> ApiError:
        return ApiError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"the body is larger than {self._limits.body_bytes} bytes, the most that this server accepts"
            " (--max_body_bytes)",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


_DOCUMENT = f"{PREFIX}/swagger.json"

V1ALPHA1 = Version(
    PREFIX,
    lambda store, settings: Api(store, settings.limits, settings.grpc_timeout),
    documents={"/swagger.json": swagger_json, _DOCUMENT: swagger_json},
    links={"api": PREFIX, "swagger": _DOCUMENT},
)
