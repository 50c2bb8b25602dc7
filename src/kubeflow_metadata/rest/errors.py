"""What can go wrong, before a version of the API or grpc-web puts it into its own words."""

from __future__ import annotations

from http import HTTPStatus

import grpc
import structlog
from starlette.responses import PlainTextResponse, Response

from kubeflow_metadata.serving.telemetry import request_id

_LOG = structlog.get_logger("kubeflow_metadata.rest.errors")
_STORE_BROKEN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}


class ApiError(Exception):
    """A request that ends with an error; ``status`` if the HTTP status of the code is not the right one."""

    def __init__(self, code: grpc.StatusCode, message: str, status: HTTPStatus | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class StoreError(Exception):
    """The store answered with an error, or not at all."""

    def __init__(self, method: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{method}: {code.name}: {details}")
        self.code = code
        self.details = details


def explain(error: StoreError) -> ApiError:
    """Returns what a client may know of the store's trouble; an operator finds the rest in the log."""
    if error.code in _STORE_BROKEN:
        _LOG.error("metadata store failed", reason=str(error))
        return internal("the metadata store failed")
    if error.code == grpc.StatusCode.UNAVAILABLE:
        _LOG.warning("metadata store does not respond", reason=str(error))
        return ApiError(error.code, f"the metadata store does not respond: {error.details}")
    return ApiError(error.code, error.details)


def internal(message: str) -> ApiError:
    """Returns the error for what only the log may say."""
    return ApiError(grpc.StatusCode.INTERNAL, f"{message}; see request {request_id.get()} in the server's log")


def plain_response(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """Returns the answer for a path or verb that no route has: plain text, as Go's http.Error writes it."""
    return PlainTextResponse(
        f"{status.phrase}\n", status_code=status, headers={"X-Content-Type-Options": "nosniff", **(headers or {})}
    )
