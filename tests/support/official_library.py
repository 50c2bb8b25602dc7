"""The official library and our engine behind one interface, so that their answers can be compared."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from kubeflow_metadata.mlmd.db.base import Database
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import StoreError
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.checkout import CLIENT_SCRIPTS

# A status code, and a response.
Answer = tuple[int, Any]

DRIVER = CLIENT_SCRIPTS / "official_store.py"


def plugins() -> str | None:
    """Where MariaDB's C library, which the official one uses, finds how to log in to MySQL 9; None where it is not."""
    found = sorted(Path("/usr/lib").glob("*/libmariadb3/plugin/caching_sha2_password.so"))
    return str(found[0].parent) if found else None


class Official:
    """The official library in a process of its own."""

    def __init__(self, python: Path) -> None:
        self.process = subprocess.Popen(
            [python, DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "MARIADB_PLUGIN_DIR": plugins() or ""},
        )

    def open(self, where: MySqlSettings | Path) -> None:
        """Opens a SQLite file, or a MySQL database, whose user must have no password."""
        config = pb.ConnectionConfig()
        if isinstance(where, MySqlSettings):
            config.mysql.host, config.mysql.port = where.host, where.port
            config.mysql.user, config.mysql.database = where.user, where.database
        else:
            config.sqlite.filename_uri = str(where)
            config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._ask("open", base64.b64encode(config.SerializeToString()).decode())

    def __call__(self, method: str, request: Any) -> Answer:
        code, response, _ = self._ask(method, base64.b64encode(request.SerializeToString()).decode())
        return code, getattr(rpc, f"{method}Response").FromString(base64.b64decode(response))

    def _ask(self, *question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the official library ended at {question}"
        return json.loads(answer)

    def close(self) -> None:
        self.process.communicate()


class Ours:
    """Our engine, called as the official one."""

    def __init__(self, where: MySqlSettings | Path) -> None:
        settings = where if isinstance(where, MySqlSettings) else SqliteSettings(where)
        self.database: Database = settings.open()
        self.database.prepare()
        self.store = MetadataStore(self.database)

    def __call__(self, method: str, request: Any) -> Answer:
        before = request.SerializeToString(deterministic=True)
        try:
            return 0, self.store.handler(method)(request)
        except StoreError as error:
            return int(error.code), getattr(rpc, f"{method}Response")()
        finally:
            # A call that is run again must find its request as it came.
            assert request.SerializeToString(deterministic=True) == before, method


def request(method: str, text: str = "") -> Any:
    return text_format.Parse(text, getattr(rpc, f"{method}Request")())
