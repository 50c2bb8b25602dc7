"""What MySQL's error numbers mean for a call: wrong, worth another try, or unknown.

Numbers are those of https://dev.mysql.com/doc/mysql-errors/en/ and, for Galera and connections, of MariaDB.
"""

from __future__ import annotations

import re

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, TransactionUndoneError
from kubeflow_metadata.mlmd.db.mysql import driver
from kubeflow_metadata.mlmd.errors import (
    DamagedDatabaseError,
    DeadlineExceededError,
    InvalidArgumentError,
    OutOfRangeError,
    ResourceExhaustedError,
    UnavailableError,
)

_DUPLICATE_KEY = {1062, 1586}
_DEADLOCK = {
    1213,  # deadlock found
    1205,  # lock wait timeout
    1020,  # record has changed since last read (MariaDB's snapshot isolation)
    3101,  # certification failure of Group Replication
    3572,  # lock not available at once
}
_LOST = {
    driver.GONE,
    2013,  # lost connection during query
    2055,  # lost connection, at a named place
    1053,  # server shutdown in progress
    1080,  # forced close
    1152,  # aborted connection
    1158,  # network errors, to 1161
    1159,
    1160,
    1161,
    1927,  # connection was killed (MariaDB)
    3169,  # session was killed
    4031,  # disconnected because of inactivity
}
_UNREACHABLE = {2002, 2003, 2005, 2026, 1042, 1129}
BUSY = {1040, 1203, 1226}  # too many connections, of all or of this user
READ_ONLY = {1290, 1836, 3100, 3750, 1047}  # a replica, or a member of a cluster that is not ready
_INTERRUPTED = {1317, 3024, 1028}
NO_ROOM = {1021, 1114, 1118, 3188, 3675, 28}
_TOO_LARGE = {1153, 1301, 1162}
_STORAGE_ENGINE = 1030  # says another number in its text
DAMAGED = {
    126,  # index file is crashed; these of the storage engine
    127,  # record file is crashed
    134,  # record was already deleted, or crashed
    141,  # duplicate unique key in a table that is crashed
    144,  # table is crashed and last repair failed
    145,  # table was marked as crashed
    180,  # index corrupted (InnoDB)
    1034,  # incorrect key file
    1035,  # old key file
    1194,  # table is marked as crashed
    1195,  # table is marked as crashed and the last repair failed
    1712,  # index is corrupted
    1812,  # tablespace is missing
    1817,  # index is corrupted (InnoDB)
    1932,  # table does not exist in the engine
}


def is_lost(number: int) -> bool:
    """Returns whether a connection that gave this error is of no use any more."""
    return number in _LOST or number in _UNREACHABLE or number in _INTERRUPTED


def cannot_open(error: Exception, name: str) -> TransactionUndoneError:
    """Returns what it means that no connection to database ``name`` can be opened."""
    if isinstance(error, OSError):
        said = f"Cannot read {error.filename}: {error.strerror}" if error.filename else f"Cannot use TLS: {error}"
        return TransactionUndoneError(said, reason="unreachable")
    number = driver.error_number(error)
    reason = "too_many_connections" if number in BUSY else "unreachable"
    return TransactionUndoneError(f"Cannot connect to MySQL database {name}: {words(error)}", reason=reason)


def meaning(error: Exception, name: str) -> Exception:
    """Returns what to raise in place of a driver's error in a statement; nothing of the transaction is stored."""
    number = number_of(error)
    left = deadlines.seconds_left()
    if left is not None and left <= 0 and (number in _INTERRUPTED or number in _LOST):
        return DeadlineExceededError("The deadline of the call passed while the database was working on it.")
    if number in _DUPLICATE_KEY:
        return DuplicateKeyError(words(error))
    if number in _DEADLOCK:
        return TransactionUndoneError("The transaction conflicted with other writers.", reason="deadlock")
    if number in _LOST or number in _INTERRUPTED:
        return TransactionUndoneError(
            f"The connection to database {name} was lost.", reason="lost_connection", at_once=True
        )
    if number in _UNREACHABLE or number in BUSY:
        return cannot_open(error, name)
    if number in READ_ONLY:
        return TransactionUndoneError(f"Database {name} does not accept writes: {words(error)}", reason="read_only")
    return _lasting(error, number, name)


def unknown_commit(name: str) -> UnavailableError:
    """Returns what to raise for a COMMIT that was sent and not answered, which must not be sent again blindly."""
    return UnavailableError(
        f"The connection to database {name} was lost while the call was being committed: it may or "
        "may not have been stored. Check before you send it again."
    )


def number_of(error: Exception) -> int:
    """Returns MySQL's number of an error; that of the storage engine where it was the engine's."""
    number = driver.error_number(error)
    if number == _STORAGE_ENGINE and (told := re.search(r"\berror:? (\d+)", words(error))):
        return int(told[1])
    return number


def _lasting(error: Exception, number: int, name: str) -> Exception:
    if number == 1264:
        return OutOfRangeError(f"A number does not fit its column in this database: {words(error)}")
    if number == 1690:
        return InvalidArgumentError(f"A result in the query exceeds 64 bits: {words(error)}")
    if number == 1406:
        return InvalidArgumentError(f"A string is longer than its column in this database: {words(error)}")
    if number in {1366, 3854, 1300}:
        return InvalidArgumentError(f"A string cannot be stored unchanged in this database: {words(error)}")
    if number in DAMAGED and "#sql" not in words(error):
        return DamagedDatabaseError(
            f"A table of database {name} is damaged ({words(error)}). Stop the servers, then repair it (CHECK TABLE "
            "finds out which one and how) or restore a backup."
        )
    # A key file that is incorrect in a temporary table: the disk for those is full.
    if number in NO_ROOM or number in DAMAGED:
        return ResourceExhaustedError(f"The database is full; nothing was written: {words(error)}")
    if number in _TOO_LARGE:
        return ResourceExhaustedError(
            f"A value is larger than the database accepts (max_allowed_packet); nothing was written: {words(error)}"
        )
    return UnavailableError(f"Database {name} cannot be used: {words(error)}")


def words(error: Exception) -> str:
    """Returns the error's own words, which hold no value of a request but one that a key or column refuses."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
