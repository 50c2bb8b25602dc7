"""The errors a call can end with, each with the gRPC status code that clients act on."""

from __future__ import annotations

import enum
from typing import ClassVar


class Code(enum.IntEnum):
    """gRPC status codes, as numbered by https://grpc.github.io/grpc/core/md_doc_statuscodes.html."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15


# How many bytes of an error's words reach a client. They travel in a header, of which gRPC takes about eight kilobytes,
# three for each byte that is not ASCII; whatever is longer would end as RESOURCE_EXHAUSTED at the client.
_DETAILS_BYTES = 1500


class StoreError(Exception):
    """A call failed for a reason its caller should read; what is too long of that is cut."""

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(self, details: str) -> None:
        super().__init__(_shortened(details))


def _shortened(details: str) -> str:
    # The length in characters is known; encoding what is surely short enough would be for nothing.
    if len(details) * 4 <= _DETAILS_BYTES:
        return details
    encoded = details.encode(errors="replace")
    if len(encoded) <= _DETAILS_BYTES:
        return details
    return f"{encoded[: _DETAILS_BYTES - 3].decode(errors='ignore')}..."


class InvalidArgumentError(StoreError):
    """The request can never succeed as it is."""

    code = Code.INVALID_ARGUMENT


class CancelledError(StoreError):
    """The client does not wait for the answer any more."""

    code = Code.CANCELLED


class DeadlineExceededError(StoreError):
    """The time of the call is over: the client's, or what the server allows; nothing was written."""

    code = Code.DEADLINE_EXCEEDED


class OutOfRangeError(StoreError):
    """A number that a column of this database cannot hold, or an index beyond its list."""

    code = Code.OUT_OF_RANGE


class NotFoundError(StoreError):
    """Something the request names is not in the store."""

    code = Code.NOT_FOUND


class AlreadyExistsError(StoreError):
    """The request would make a second one of something that is unique."""

    code = Code.ALREADY_EXISTS


class ResourceExhaustedError(StoreError):
    """The database has no room left."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPreconditionError(StoreError):
    """The store is not in the state that the request asks for."""

    code = Code.FAILED_PRECONDITION


class AbortedError(StoreError):
    """Nothing was written because of other writers: the official clients try such a call again."""

    code = Code.ABORTED


class UnimplementedError(StoreError):
    """This server does not do that."""

    code = Code.UNIMPLEMENTED


class UnavailableError(StoreError):
    """The database cannot be reached or used at the moment."""

    code = Code.UNAVAILABLE


class DataLossError(StoreError):
    """What is stored cannot be given back, because somebody else stored it wrongly."""

    code = Code.DATA_LOSS


class DamagedDatabaseError(DataLossError):
    """The database itself is damaged: only a person can help."""


class Reason(str, enum.Enum):
    """Why a database cannot be used: a field of the log event that operators and the installer read; never renamed."""

    UNKNOWN_HOST = "unknown_host"
    CONNECTION_REFUSED = "connection_refused"
    TIMEOUT = "timeout"
    ACCESS_DENIED = "access_denied"
    NO_SUCH_DATABASE = "no_such_database"
    TLS = "tls"
    SERVER_VERSION = "server_version"
    SCHEMA_VERSION = "schema_version"
    MISSING_RIGHTS = "missing_rights"
    FULL = "full"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    LOCKED = "locked"
    UNREACHABLE = "unreachable"


class DatabaseOpenError(Exception):
    """The database cannot be opened as a metadata store; the message says why and what to do.

    Attributes:
        reason: why; None where the driver's error among its causes says so.
    """

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ConfigurationError(Exception):
    """The flags, or the configuration file, contradict themselves or lack something; the message says what to type."""
