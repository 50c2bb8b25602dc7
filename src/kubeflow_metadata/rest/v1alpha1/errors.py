"""Errors as ``/api/v1alpha1`` reports them: one mapping from gRPC codes to HTTP, one body."""

from __future__ import annotations

import json
from http import HTTPStatus

import grpc
from starlette.responses import Response

from kubeflow_metadata.rest.errors import ApiError
from kubeflow_metadata.rest.v1alpha1.wire.encode import quote

Code = grpc.StatusCode

# A message may quote what a client sent, however long that is: its beginning and end say what is wrong.
_LONGEST_BEGINNING, _LONGEST_END = 1500, 500

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


def error_response(error: ApiError) -> Response:
    """Returns the answer to a request that ended with an error."""
    status = error.status or _HTTP_STATUS[error.code]
    number: int = error.code.value[0]
    text = quote(_shortened(error.message))
    body = f'{{"error":{text},"message":{text},"code":{json.dumps(number)}}}'
    headers = {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(body.encode(), status_code=status, media_type="application/json", headers=headers)


def _shortened(message: str) -> str:
    if len(message) <= _LONGEST_BEGINNING + _LONGEST_END:
        return message
    return f"{message[:_LONGEST_BEGINNING]}...{message[-_LONGEST_END:]}"
