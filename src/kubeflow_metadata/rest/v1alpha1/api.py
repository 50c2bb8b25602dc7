"""``/api/v1alpha1`` as an ASGI application: match, read, handle, answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl

import grpc
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubeflow_metadata.rest.admission import Admission
from kubeflow_metadata.rest.errors import ApiError, StoreError, explain, internal, plain_response
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.rest.v1alpha1.errors import error_response
from kubeflow_metadata.rest.v1alpha1.handlers.call import Call
from kubeflow_metadata.rest.v1alpha1.matching import BadPathError, Found, Matcher, NotFound
from kubeflow_metadata.rest.v1alpha1.routes import PREFIX, ROUTES, Route
from kubeflow_metadata.rest.v1alpha1.swagger import swagger_json
from kubeflow_metadata.rest.version import Version
from kubeflow_metadata.serving.telemetry import OPERATION

_LOG = structlog.get_logger("kubeflow_metadata.rest.v1alpha1.api")
_JSON = "application/json"
# grpc-gateway forwards the headers of the gRPC reply with this prefix.
_HEADERS = {"Grpc-Metadata-Content-Type": "application/grpc"}


class Api:
    """The application: finds the route of a request, reads its body, and answers with what the handler returns."""

    def __init__(self, store: Store, admission: Admission, limits: Limits) -> None:
        self._store = store
        self._admission = admission
        self._limits = limits
        self._matcher = Matcher(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        found = self._find(request)
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        answer = await self._answer(request, found)
        if isinstance(answer, Response):
            await self._admission.send(answer, scope, send)
            return
        try:
            await self._admission.stream(answer, {"Content-Type": _JSON, **_HEADERS}, scope, send)
        except StoreError as error:
            # The answer has begun: leaving it unfinished is the only way to tell.
            _LOG.error("response cut short", reason=str(error))

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
        return found

    async def _answer(self, request: Request, found: Found) -> Response | AsyncIterator[bytes]:
        route = found.route
        try:
            if route.body is None:
                return await self._handle(route, self._call(request, found, b""))
            body = bytearray()
            # Not within a slot: a slow client takes nobody's place.
            async with self._admission.body(request, body.extend):
                call = self._call(request, found, bytes(body))
                body.clear()
                decoded = await self._admission.decode(partial(call.message, route.body), len(call.body))
                return await self._handle(route, replace(call, body=b"", decoded=decoded))
        except ApiError as error:
            return error_response(error)
        except StoreError as error:
            return error_response(explain(error))
        except ClientDisconnect:
            raise
        except Exception:
            _LOG.exception("request failed")
            return error_response(internal("internal error"))

    async def _handle(self, route: Route, call: Call) -> Response | AsyncIterator[bytes]:
        async with self._admission.work():
            answer = await route.handler(call)
        return Response(answer, media_type=_JSON, headers=_HEADERS) if isinstance(answer, bytes) else answer

    def _call(self, request: Request, found: Found, body: bytes) -> Call:
        # A repeated parameter counts once, the first time, as upstream.
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = {name: value for name, value in reversed(pairs) if name in found.route.query}
        return Call(found.route.operation, found.parameters, query, body, self._store, self._limits)


_DOCUMENT = f"{PREFIX}/swagger.json"

V1ALPHA1 = Version(
    PREFIX,
    lambda store, admission, settings: Api(store, admission, settings.limits),
    documents={"/swagger.json": swagger_json, _DOCUMENT: swagger_json},
    links={"api": PREFIX, "swagger": _DOCUMENT},
)
