"""What a handler is given and what it returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from kubeflow_metadata.rest.errors import ApiError
from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.rest.v1alpha1.wire.decode import DecodeError, Decoder
from kubeflow_metadata.rest.v1alpha1.wire.encode import quote

Answer = bytes | AsyncIterator[bytes]
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Call:
    """A request whose route is known and whose body is read.

    Attributes:
        operation: the name of the operation.
        parameters: what the path says.
        query: what the query says.
        body: the body as it was sent.
        store: the metadata store.
        limits: what a request may ask for.
        decoded: the body as a message, if it has been decoded already.
    """

    operation: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    store: Store
    limits: Limits
    decoded: Message | None = None

    def message(self, kind: type[M]) -> M:
        """Returns the body as a message."""
        if isinstance(self.decoded, kind):
            return self.decoded
        message = kind()
        try:
            Decoder(self.limits.json_depth, self.limits.json_values).decode(self.body, message)
        except DecodeError as error:
            raise invalid(str(error)) from error
        return message

    def check_names(self, what: str, names: Iterable[str]) -> None:
        """Refuses a name that databases would cut or reject."""
        for name in names:
            if len(name) > self.limits.name_length:
                raise invalid(
                    f"the {what} {quote(name[:40])}... has {len(name)} characters;"
                    f" at most {self.limits.name_length} are allowed"
                )


Handler = Callable[[Call], Awaitable[Answer]]


async def not_implemented(call: Call) -> Answer:
    """Refuses an operation that upstream published and never had."""
    raise ApiError(grpc.StatusCode.UNIMPLEMENTED, f"not implemented error: {call.operation}")


def invalid(message: str) -> ApiError:
    """Returns the error for a request that cannot be right."""
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message)
