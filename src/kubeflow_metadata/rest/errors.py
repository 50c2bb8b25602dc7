"""What a client sees when something is wrong: one mapping from gRPC codes to HTTP, one body."""

from __future__ import annotations

import json
from http import HTTPStatus

import grpc
from starlette.responses import PlainTextResponse, Response

from kubeflow_metadata.rest.v1alpha1.wire import quote

Code = grpc.StatusCode

# grpc-gateway 1.8.3's table; 408 and 409 look odd and are what clients have met.
_HTTP_STATUS = {
    Code.CANCELLED: HTTPStatus.REQUEST_TIMEOUT,
    Code.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    Code.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    Code.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.FAILED_PRECONDITION: HTTPStatus.PRECONDITION_FAILED,
    Code.ABORTED: HTTPStatus.CONFLICT,
    Code.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    Code.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class ApiError(Exception):
    """A request that ends with an error body; `status` where the code's own HTTP status is not the right one."""

    def __init__(self, code: grpc.StatusCode, message: str, status: HTTPStatus | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _HTTP_STATUS[code]


def error_response(error: ApiError) -> Response:
    number: int = error.code.value[0]
    text = quote(error.message)
    body = f'{{"error":{text},"message":{text},"code":{json.dumps(number)}}}'
    headers = {"Retry-After": "1"} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(body.encode(), status_code=error.status, media_type="application/json", headers=headers)


def plain_response(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """For a path or verb that no route has: plain text, as Go's http.Error writes it."""
    return PlainTextResponse(
        f"{status.phrase}\n", status_code=status, headers={"X-Content-Type-Options": "nosniff", **(headers or {})}
    )
