"""Why a database of the MySQL family cannot be used: one of a fixed list of reasons, and its own words."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Container, Iterator

from kubeflow_metadata.mlmd.db.base import Trouble
from kubeflow_metadata.mlmd.db.mysql import driver, failures
from kubeflow_metadata.mlmd.errors import DamagedDatabaseError, DatabaseOpenError, Reason

_BY_NUMBER = {
    1044: Reason.MISSING_RIGHTS,  # access denied to the database
    1045: Reason.ACCESS_DENIED,
    1049: Reason.NO_SUCH_DATABASE,
    1130: Reason.ACCESS_DENIED,  # this host is not allowed to connect
    1142: Reason.MISSING_RIGHTS,  # on a table
    1143: Reason.MISSING_RIGHTS,  # on a column
    1227: Reason.MISSING_RIGHTS,  # a privilege of administrators
    1251: Reason.ACCESS_DENIED,  # the client does not support the authentication protocol
    1370: Reason.MISSING_RIGHTS,  # on a routine
    1698: Reason.ACCESS_DENIED,  # of a user without a password
    1820: Reason.ACCESS_DENIED,  # the password must be changed first
    1862: Reason.ACCESS_DENIED,  # the password has expired
    2005: Reason.UNKNOWN_HOST,
    2026: Reason.TLS,
    2059: Reason.ACCESS_DENIED,  # the authentication plugin cannot be loaded
    2061: Reason.TLS,  # the authentication plugin asks for encryption
    3118: Reason.ACCESS_DENIED,  # the account is locked
    3159: Reason.TLS,  # the server asks for encryption
    3955: Reason.ACCESS_DENIED,  # the account is locked for a while
    4151: Reason.ACCESS_DENIED,  # the account is locked (MariaDB)
    **dict.fromkeys(failures.BUSY, Reason.TOO_MANY_CONNECTIONS),
    **dict.fromkeys(failures.READ_ONLY, Reason.READ_ONLY),
    **dict.fromkeys(failures.NO_ROOM, Reason.FULL),
    **dict.fromkeys(failures.DAMAGED, Reason.DAMAGED),
}

# What the system said, in the message of a driver: "(111)", "[Errno 111]", "system error: 110".
_SYSTEM_ERROR = re.compile(r"(?:\(|\[Errno |system error: )(\d+)\b")
_BY_SYSTEM_ERROR = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.EINPROGRESS: Reason.CONNECTION_REFUSED,  # what MariaDB's library says of that
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.EAGAIN: Reason.TIMEOUT,
}


def explain(error: Exception, credentials: Container[str]) -> Trouble:
    """Returns why the database cannot be used, from what opening it or asking it has raised.

    Args:
        error: what was raised.
        credentials: the files of user name and password.
    """
    if isinstance(error, DatabaseOpenError) and error.reason is not None:
        return Trouble(error.reason, str(error))
    caused = next((each for each in _causes(error) if isinstance(each, driver.OpenError)), None)
    said = failures.words(caused) if isinstance(caused, driver.Error) else str(error)
    if isinstance(error, DamagedDatabaseError):
        return Trouble(Reason.DAMAGED, said)
    if isinstance(caused, OSError) and caused.filename is not None:
        return Trouble(Reason.ACCESS_DENIED if str(caused.filename) in credentials else Reason.TLS, said)
    return Trouble(_reason(caused) if caused else Reason.UNREACHABLE, said)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _reason(error: BaseException) -> Reason:
    if isinstance(error, driver.Error):
        # PyMySQL's, of a connection that could not be made.
        original = getattr(error, "original_exception", None)
        if isinstance(original, OSError):
            return _reason_of_system(original)
        return _BY_NUMBER.get(failures.number_of(error)) or _reason_in_words(failures.words(error))
    return _reason_of_system(error)


def _reason_of_system(error: BaseException) -> Reason:
    if isinstance(error, socket.gaierror):
        return Reason.UNKNOWN_HOST
    if isinstance(error, ssl.SSLError):
        return Reason.TLS
    if isinstance(error, TimeoutError):
        return Reason.TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return Reason.CONNECTION_REFUSED
    return Reason.UNREACHABLE


def _reason_in_words(words: str) -> Reason:
    if told := _SYSTEM_ERROR.search(words):
        return _BY_SYSTEM_ERROR.get(int(told[1]), Reason.UNREACHABLE)
    return Reason.TIMEOUT if "timed out" in words else Reason.UNREACHABLE
