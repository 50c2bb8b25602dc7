"""The databases that servers are measured on."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support import mysql_server

OPEN_USER = "official"  # the official library logs in to MySQL 9 without a password only


@dataclass(frozen=True)
class Place:
    """A new, empty database: as flags of our server, and as the official library's ``ConnectionConfig``."""

    flags: list[str]
    config: str
    processes: int  # that share an open store each, for the fastest the official library can be served


Places = Callable[[], Place]


@contextlib.contextmanager
def mysql() -> Iterator[Places]:
    """Runs a MySQL with a durable commit for each call."""
    numbers = itertools.count()
    with mysql_server.running("--innodb-buffer-pool-size=256M") as server:
        server.sql(f"CREATE USER {OPEN_USER}@'%' IDENTIFIED BY ''", f"GRANT ALL ON *.* TO {OPEN_USER}@'%'")

        def place() -> Place:
            fields = {"host": "127.0.0.1", "port": server.port, "user": OPEN_USER, "database": f"bench_{next(numbers)}"}
            server.sql(f"CREATE DATABASE {fields['database']}")
            config = " ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
            return Place(
                [f"--mysql_config_{name}={value}" for name, value in fields.items()], f"mysql {{ {config} }}", 2
            )

        yield place


@contextlib.contextmanager
def sqlite() -> Iterator[Places]:
    """Keeps SQLite files in a folder that goes afterwards."""
    numbers = itertools.count()
    with tempfile.TemporaryDirectory(prefix="kfm-bench-") as folder:

        def place() -> Place:
            path = f"{folder}/{next(numbers)}.db"
            config = f'sqlite {{ filename_uri: "{path}" connection_mode: READWRITE_OPENCREATE }}'
            # More than one process would only wait for the others to have written.
            return Place([f"--sqlite_config_filename_uri={path}"], config, 1)

        yield place


DATABASES = {"mysql": mysql, "sqlite": sqlite}
