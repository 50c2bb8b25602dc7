"""The two drivers: mysqlclient, which is fast and needs a C library, and PyMySQL, which runs everywhere.

Both speak DB-API 2.0 with ``%s`` for a bound value and raise errors with MySQL's own numbers; what differs is here.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from kubeflow_metadata.mlmd.db import shares
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings, Tls

# In the order of their speed. KFM_MLMD_MYSQL_DRIVER chooses one of them, for comparing.
_NAMES = ("MySQLdb", "pymysql")

# What a driver itself says when a connection is gone: CR_SERVER_GONE_ERROR.
GONE = 2006

Connection = Any


def _load() -> list[Any]:
    chosen = os.environ.get("KFM_MLMD_MYSQL_DRIVER")
    found = []
    for name in [chosen] if chosen else _NAMES:
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    if not found:
        raise ImportError(f"No MySQL driver is installed ({' or '.join(_NAMES)}). Run: pip install pymysql")
    return found


_drivers = _load()

# Whichever driver made a connection, its errors are among these.
Error: tuple[type[Exception], ...] = tuple(driver.Error for driver in _drivers)
OpenError: tuple[type[Exception], ...] = (*Error, OSError)
InterfaceError: tuple[type[Exception], ...] = tuple(driver.InterfaceError for driver in _drivers)


def _driver_for(tls: Tls) -> Any:
    """Returns the fastest that can do it: MariaDB's C library cannot verify a signature without the name, too."""
    if tls.verifies and not tls.verify_identity:
        return _drivers[-1]
    return _drivers[0]


def connect(settings: MySqlSettings, *, database: str | None, timeout: int | None = None) -> Connection:
    """Opens a connection that commits each statement by itself until told otherwise.

    Raises:
        Error: it cannot be opened.
        OSError: the file of the password or of a certificate cannot be read.
    """
    _look_at_files(settings.tls)
    driver = _driver_for(settings.tls)
    arguments: dict[str, Any] = {
        "host": settings.host or "localhost",
        "port": settings.port,
        "user": settings.current_user(),
        "password": _password(settings, driver),
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": timeout or settings.connect_timeout_seconds,
        "read_timeout": timeout or settings.io_timeout_seconds,
        "write_timeout": timeout or settings.io_timeout_seconds,
        **(_mysqlclient_tls(settings.tls) if driver.__name__ == "MySQLdb" else _pymysql_tls(settings.tls)),
    }
    if database is not None:
        arguments["database"] = database
    if settings.socket is not None:
        arguments["unix_socket"] = str(settings.socket)
    return _connected_by_pymysql(driver, arguments) if driver.__name__ == "pymysql" else driver.connect(**arguments)


def _connected_by_pymysql(driver: Any, arguments: dict[str, Any]) -> Connection:
    """Connects as the C library does: whoever accepts and then says nothing is given up in time, too."""
    at_first = dict.fromkeys(("read_timeout", "write_timeout"), arguments["connect_timeout"])
    connection = driver.connect(**{**arguments, **at_first})
    connection._read_timeout, connection._write_timeout = arguments["read_timeout"], arguments["write_timeout"]
    return connection


def _password(settings: MySqlSettings, driver: Any) -> str | bytes:
    """Returns the password so that the server gets it in UTF-8, as MySQL's own clients send it."""
    password = settings.current_password()
    # Left to itself, PyMySQL sends Latin-1; mysqlclient sends UTF-8, and takes no bytes.
    return password.encode() if driver.__name__ == "pymysql" else password


def run(connection: Connection, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Runs a statement, with ``%s`` for each bound value; returns the rows that it gives.

    Raises:
        Error: it failed, or the connection is lost.
        UnicodeDecodeError: a text that it gives is not in the connection's encoding.
    """
    if not hasattr(connection, "store_result"):
        with connection.cursor(_streaming()) as cursor:
            cursor.execute(sql, tuple(params))
            return shares.collect(cursor.fetchmany, cursor.fetchall)
    # mysqlclient's cursors describe every result, which takes longer than many a result.
    literal = connection.literal
    bound = tuple([b"%d" % value if type(value) is int else literal(value) for value in params])
    connection.query(sql.encode() % bound)
    # Where rows are counted as they come, they must not be here already.
    result = connection.store_result() if shares.share() is None else connection.use_result()
    return [] if result is None else shares.collect(result.fetch_row, lambda: result.fetch_row(0))


def _streaming() -> Any:
    """Returns the class of PyMySQL's cursors that fetch rows as they are asked for; None for its usual one."""
    return None if shares.share() is None else importlib.import_module("pymysql.cursors").SSCursor


def error_number(error: Exception) -> int:
    """MySQL's number of an error; ``GONE`` for a connection that is closed already."""
    number = error.args[0] if error.args else 0
    if isinstance(error, InterfaceError) and not number:
        return GONE
    return number if isinstance(number, int) else 0


def hang_up(connection: Connection) -> None:
    """Ends a connection from another thread: anyone waiting for a response gets ``GONE`` at once."""
    with contextlib.suppress(Exception):
        descriptor = connection.fileno() if hasattr(connection, "fileno") else connection._sock.fileno()
        line = socket.socket(fileno=os.dup(descriptor))
        with line:
            line.shutdown(socket.SHUT_RDWR)


def close(connection: Connection) -> None:
    """Closes a connection, whatever state it is in."""
    with contextlib.suppress(Exception):
        connection.close()


def _look_at_files(tls: Tls) -> None:
    """Raises OSError, which names the file, where a certificate or key cannot be read; the drivers name none."""
    for path in filter(None, (tls.ca, tls.cert, tls.key)):
        with path.open("rb"):
            pass


def _mysqlclient_tls(tls: Tls) -> Mapping[str, Any]:
    files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    given = {name: str(path) for name, path in files.items() if path is not None}
    if tls.ca_path is not None:
        given["capath"] = str(tls.ca_path)
    if tls.cipher is not None:
        given["cipher"] = tls.cipher
    return {**({"ssl": given} if given else {}), "ssl_mode": _mode(tls)}


def _mode(tls: Tls) -> str:
    if tls.verifies:
        return "VERIFY_IDENTITY" if tls.verify_identity else "VERIFY_CA"
    return "REQUIRED" if tls.required else "PREFERRED"


def _pymysql_tls(tls: Tls) -> Mapping[str, Any]:
    if not tls.required and not tls.verifies and tls.cert is None and tls.cipher is None:
        return {}
    context = ssl.create_default_context(
        cafile=None if tls.ca is None else str(tls.ca), capath=None if tls.ca_path is None else str(tls.ca_path)
    )
    context.check_hostname = tls.verifies and tls.verify_identity
    context.verify_mode = ssl.CERT_REQUIRED if tls.verifies else ssl.CERT_NONE
    if tls.cipher is not None:
        context.set_ciphers(tls.cipher)
    # Certificates that MySQL made for itself lack extensions that newer Pythons ask for.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if tls.cert is not None:
        context.load_cert_chain(str(tls.cert), None if tls.key is None else str(tls.key))
    return {"ssl": context}
