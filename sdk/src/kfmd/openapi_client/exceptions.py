"""What a call of the REST backend can raise. ``except ApiException`` covers every failed call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Optional


class OpenApiException(Exception):
    """Everything that this client raises by itself."""


class ApiTypeError(OpenApiException, TypeError):
    """An argument has the wrong type; nothing was sent."""


class ApiValueError(OpenApiException, ValueError):
    """An argument has a value that cannot be sent; nothing was sent."""


class ApiKeyError(OpenApiException, KeyError):
    """A key that must be there is missing."""


class ApiException(OpenApiException):
    """A call failed.

    Attributes:
        status: the HTTP status, or 0 when there was no answer.
        reason: the HTTP reason phrase, or why there was no answer.
        body: the answer's text.
        headers: the answer's headers.
    """

    def __init__(
        self,
        status: Optional[int] = None,
        reason: Optional[str] = None,
        *,
        message: Optional[str] = None,
        body: str = "",
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.body = body
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self._message = message or f"HTTP {status} {reason}"

    def __str__(self) -> str:
        return self._message


class BackendUnreachable(ApiException):
    """No usable connection; a call that changes something was not sent."""


class AnswerLost(ApiException):
    """A call that changes something was sent, and no answer came: it may have been carried out."""


class BadRequestException(ApiException):
    """The backend refused the request as malformed (400)."""


class UnauthorizedException(ApiException):
    """Something in front of the backend wants credentials (401)."""


class ForbiddenException(ApiException):
    """Something in front of the backend denies access (403)."""


class NotFoundException(ApiException):
    """No such artifact, execution, type or address (404)."""


class ConflictException(ApiException):
    """It contradicts what is stored, for example a type with other properties (409)."""


class ServiceException(ApiException):
    """The backend failed, or does not support the call (5xx)."""


_BY_STATUS = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    409: ConflictException,
}


def exception_for_answer(
    method: str, url: str, *, status: int, reason: str, body: str, headers: Mapping[str, str]
) -> ApiException:
    """The exception that an answer outside 200-299 deserves, with the backend's own words in its text."""
    kind = _BY_STATUS.get(status, ServiceException if status >= 500 else ApiException)
    said = _said(status, body, headers)
    # What a backend does not have, it says in JSON.
    wrong_path = status == 404 and not body.lstrip().startswith("{")
    prefix = "there is no metadata backend at this path; check the address: " if wrong_path else ""
    message = f"{prefix}{method} {url} returned {status} {reason}".rstrip() + (f": {said}" if said else "")
    return kind(status, reason, message=message, body=body, headers=headers)


def _said(status: int, body: str, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        return (
            f"a redirect to {headers.get('Location', 'nowhere')}, which is not followed. "
            "Use the final address of the REST backend; a login page in between needs its header or cookie."
        )
    try:
        answer = json.loads(body)
    except ValueError:
        return " ".join(body.split())[:300]
    if isinstance(answer, dict):
        return str(answer.get("message") or answer.get("error") or "")
    return ""
