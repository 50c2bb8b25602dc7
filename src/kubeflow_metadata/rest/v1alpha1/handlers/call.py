"""What a handler is given and what it returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from kubeflow_metadata.rest.errors import ApiError
from kubeflow_metadata.rest.v1alpha1.wire import DecodeError, Decoder, quote

Answer = bytes | AsyncIterator[bytes]
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Limits:
    """What a request may ask for."""

    body_bytes: int = 32 * 2**20
    json_depth: int = 100
    name_length: int = 255
    concurrent_requests: int = 100


@dataclass(frozen=True)
class Call:
    """A request whose route is known and whose body is read."""

    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    limits: Limits

    def message(self, kind: type[M]) -> M:
        """The body as a message."""
        message = kind()
        try:
            Decoder(self.limits.json_depth).decode(self.body, message)
        except DecodeError as error:
            raise invalid(str(error)) from error
        return message

    def check_names(self, what: str, names: Iterable[str]) -> None:
        """Refuse a name that databases would cut or reject."""
        for name in names:
            if len(name) > self.limits.name_length:
                raise invalid(
                    f"the {what} {quote(name[:40])}... has {len(name)} characters;"
                    f" at most {self.limits.name_length} are allowed"
                )


Handler = Callable[[Call], Awaitable[Answer]]


def invalid(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_implemented(operation: str) -> ApiError:
    return ApiError(grpc.StatusCode.UNIMPLEMENTED, f"not implemented error: {operation}")
