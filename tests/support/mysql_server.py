"""A real MySQL or MariaDB for tests: started as a process of this machine, on loopback, with data of its own.

The program is the first of these that is here: what MYSQLD (MARIADBD) names; `mysqld` (`mariadbd`) on the PATH, if it
is MySQL and not MariaDB; for MySQL the root file system from which the end-to-end tests make their `mysql` image, for
MariaDB another one (Linux, root and mmdebstrap).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pymysql

from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from tests.support.cluster import stand_ins
from tests.support.cluster.locks import alone
from tests.support.cluster.paths import CACHE
from tests.support.cluster.shell import ClusterError
from tests.support.servers import unused_port

USER = "metadata"
PASSWORD = "it's a \\ secret"  # what quoting could break


class MySqlMissingError(Exception):
    """There is no MySQL, or MariaDB, to be had on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Program:
    """How to run mysqld, or mariadbd with the folder of the statements that make its own tables."""

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    mariadb_share: Path | None = None


def find() -> Program:
    """The mysqld of this machine, unpacked from its packages if need be; raises MySqlMissingError."""
    named = os.environ.get("MYSQLD") or shutil.which("mysqld")
    if named and "MariaDB" not in subprocess.check_output([named, "--version"], text=True):
        return Program((named,))
    return _packaged(stand_ins.MYSQL_ROOTFS, "mysqld", "MySQL server is here: put mysqld 8.0 or newer on the PATH")


def find_mariadb() -> Program:
    """The same for MariaDB."""
    named = os.environ.get("MARIADBD") or shutil.which("mariadbd")
    if named:
        return Program((named,), (), _share_of(Path(named).resolve().parent.parent / "share"))
    found = _packaged(stand_ins.MARIADB_ROOTFS, "mariadbd", "MariaDB server is here: put mariadbd on the PATH")
    return replace(found, mariadb_share=_share_of(Path(found.command[-1]).parent.parent / "share"))


def _share_of(folder: Path) -> Path:
    return next(path for path in (folder / "mysql", folder / "mariadb") if path.is_dir())


def _packaged(rootfs: stand_ins.RootFs, server: str, missing: str) -> Program:
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        raise MySqlMissingError(f"No {missing}, or type make e2e-deps as root")
    root = _unpacked(rootfs)
    library = next(root.glob("usr/lib/*-linux-gnu"))
    loader = next(
        iter([*root.glob("usr/lib64/ld-linux-*"), *library.glob("ld-linux-*"), *root.glob("lib*/ld-linux-*")])
    )
    share = _share_of(root / "usr/share")
    return Program(
        (str(loader), "--library-path", str(library), str(root / "usr/sbin" / server)),
        (
            f"--basedir={root / 'usr'}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
            f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        ),
    )


def _unpacked(rootfs: stand_ins.RootFs) -> Path:
    root = CACHE / rootfs.name / rootfs.key
    with alone(f"{rootfs.name}-server"):
        if not root.exists():
            try:
                archive = rootfs.archive()
            except ClusterError as error:
                raise MySqlMissingError(str(error)) from error
            partial = root.with_name(f"{root.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            subprocess.check_call(["tar", "-C", partial, "--no-same-owner", "--exclude=./dev/*", "-xf", archive])
            partial.rename(root)
    return root


@dataclass
class MySqlServer:
    """One mysqld and its data."""

    program: Program
    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> MySqlSettings:
        """How the servers under test reach it; the database is to be named."""
        return MySqlSettings("127.0.0.1", "", self.port, user=USER, password=PASSWORD)

    def start(self) -> None:
        """Starts it, on new data the first time, and waits until it answers."""
        if not self.data.exists():
            self._make_data()
        self.port = self.port or unused_port()
        with (self.folder / "mysqld.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self._command(),
                    "--bind-address=127.0.0.1",
                    f"--port={self.port}",
                    f"--socket={self._socket}",
                    f"--pid-file={self.folder / 'pid'}",
                    *self.options,
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        end = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"mysqld did not start:\n{(self.folder / 'mysqld.log').read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends it, as a shutdown or, with SIGKILL, as a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def restart(self, how: int = signal.SIGTERM) -> None:
        self.stop(how)
        self.start()

    def sql(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Runs statements as root; gives back the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with (
            contextlib.closing(
                pymysql.connect(unix_socket=self._socket, user="root", database=database, autocommit=True)
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def rows_changed(self, database: str, table: str) -> list[str]:
        """The changes to a table's rows, by the names of their events, that the newest binary log holds."""
        log = self.sql("SHOW BINARY LOGS")[-1][0]
        changes, current = [], ""
        for _, _, kind, _, _, info in self.sql(f"SHOW BINLOG EVENTS IN '{log}'"):
            if kind == "Table_map":
                current = info
            elif kind.startswith(("Write_rows", "Update_rows")) and f"({database}.{table})" in current:
                changes.append(kind)
        return changes

    @contextlib.contextmanager
    def locked(self, database: str, table: str) -> Iterator[None]:
        """Keeps everybody else from a table's rows for as long as the block lasts."""
        with (
            contextlib.closing(pymysql.connect(unix_socket=self._socket, user="root", database=database)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SELECT * FROM {table} FOR UPDATE")
            yield

    @contextlib.contextmanager
    def database(self) -> Iterator[MySqlSettings]:
        """An empty database of its own, for as long as the block lasts."""
        name = f"metadb_{time.monotonic_ns()}"
        self.sql(f"CREATE DATABASE {name}")
        try:
            yield replace(self.settings, database=name)
        finally:
            if self.process is not None:
                self.sql(f"DROP DATABASE IF EXISTS {name}")

    def add_user(self) -> None:
        password = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
        how = "" if self.program.mariadb_share else "WITH caching_sha2_password "
        self.sql(
            f"CREATE USER '{USER}'@'%' IDENTIFIED {how}BY '{password}'",
            f"GRANT ALL ON *.* TO '{USER}'@'%'",
        )

    @property
    def _socket(self) -> str:
        return str(self.folder / "s")

    def _command(self) -> list[str]:
        user = ["--user=root"] if os.geteuid() == 0 else []
        own = [] if self.program.mariadb_share else ["--mysqlx=OFF", "--secure-file-priv=NULL"]
        return [
            *self.program.command,
            "--no-defaults",
            *self.program.arguments,
            *user,
            f"--datadir={self.data}",
            *own,
        ]

    def _make_data(self) -> None:
        share = self.program.mariadb_share
        if share is None:
            command, statements = [*self._command(), "--initialize-insecure"], ""
        else:
            # What mariadb-install-db does, which is a script for a MariaDB that is installed: root has no password.
            self.data.mkdir()
            command = [*self._command(), "--bootstrap", "--skip-grant-tables"]
            parts = ("system_tables", "performance_tables", "system_tables_data")
            # Called mysql_... before MariaDB 11.
            files = [next(share.glob(f"m*_{part}.sql")) for part in parts]
            statements = "\n".join(
                [
                    "SET @auth_root_socket = NULL;",
                    "SET @skip_auth_anonymous = 1;",
                    "CREATE DATABASE mysql;",
                    "USE mysql;",
                    *(file.read_text(encoding="utf-8") for file in files),
                ]
            )
        subprocess.run(command, input=statements.encode(), check=True, capture_output=True, timeout=120, cwd="/")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self._socket)
            except OSError:
                return False
        try:
            self.sql("SELECT 1")
        except pymysql.Error:
            return False
        return True


@contextlib.contextmanager
def running(*options: str, durable: bool = True, program: Program | None = None) -> Iterator[MySqlServer]:
    """A new server for as long as the block lasts; without ``durable`` it is fast and must not crash."""
    program = program or find()
    shared_memory = Path("/dev/shm")
    place = None if durable or not shared_memory.is_dir() else shared_memory
    small = ["--skip-log-bin", "--innodb-buffer-pool-size=64M", "--performance-schema=OFF"]
    careless = [] if durable else ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"]
    # Sockets have short paths only.
    with tempfile.TemporaryDirectory(prefix="kfm-mysql-", dir=place, ignore_cleanup_errors=True) as folder:
        server = MySqlServer(program, Path(folder), (*small, *careless, *options))
        try:
            server.start()
            server.add_user()
            yield server
        finally:
            server.stop()
