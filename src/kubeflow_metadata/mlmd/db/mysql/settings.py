"""How to reach a MySQL database."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow_metadata.mlmd.errors import DatabaseOpenError
from kubeflow_metadata.serving.addresses import host_and_port

if TYPE_CHECKING:
    from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase


@dataclass(frozen=True)
class Tls:
    """How connections are encrypted.

    Attributes:
        required: refuse a server that cannot encrypt. Without it, and without ``ca``, encryption is used where the
            server offers it, and its certificate is not looked at.
        ca: the certificate authorities (a PEM file) one of which must have signed the server's certificate.
        ca_path: the same as a folder of files that are named by their hashes.
        verify_identity: the certificate must also name the host that is asked for.
        cert: this client's certificate (a PEM file), for servers that ask for one.
        key: its key.
        cipher: the ciphers that may be used, as OpenSSL lists them.
    """

    required: bool = False
    ca: Path | None = None
    ca_path: Path | None = None
    verify_identity: bool = False
    cert: Path | None = None
    key: Path | None = None
    cipher: str | None = None

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate is looked at."""
        return self.ca is not None or self.ca_path is not None


@dataclass(frozen=True)
class MySqlSettings:
    """Where a database is, and the credentials for it.

    Attributes:
        user_file: read for each connection, as is ``password_file``, so that rotated credentials are picked up; takes
            precedence over ``user``.
        password_file: takes precedence over ``password``.
        io_timeout_seconds: how long a statement may keep a connection silent before it counts as lost.
        create_database: create the database itself, too, if it is missing.
    """

    host: str
    database: str
    port: int = 3306
    socket: Path | None = None
    user: str = "root"
    user_file: Path | None = None
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    tls: Tls = Tls()
    connect_timeout_seconds: int = 5
    io_timeout_seconds: int = 60
    create_database: bool = True
    default_workers: int = 2

    @property
    def name(self) -> str:
        """What messages call it; no secret is in it."""
        where = str(self.socket) if self.socket else f"{self.host}:{self.port}"
        return f"{self.database} at {where}"

    @property
    def address(self) -> str:
        """Where it is, for logs."""
        where = str(self.socket) if self.socket else host_and_port(self.host, self.port)
        return f"{where}/{self.database}"

    def open(self) -> MySqlDatabase:
        """Returns the database; connections are made on demand.

        Raises:
            DatabaseOpenError: no driver for MySQL is installed.
        """
        try:
            from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
        except ImportError as error:
            raise DatabaseOpenError(str(error)) from error
        return MySqlDatabase(self)

    def current_user(self) -> str:
        """Returns the user's name as it is now.

        Raises:
            OSError: the file cannot be read, or is not UTF-8.
        """
        return _content(self.user_file) if self.user_file else self.user

    def current_password(self) -> str:
        """Returns the password as it is now.

        Raises:
            OSError: the file cannot be read, or is not UTF-8.
        """
        return _content(self.password_file) if self.password_file else self.password


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is not UTF-8", str(file)) from error
