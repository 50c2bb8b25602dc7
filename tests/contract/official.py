"""The official library and our engine behind one interface, so that their answers can be compared."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from google.protobuf import text_format

from mlmd_proto import metadata_store_service_pb2 as rpc
from mlmd_server.db.sqlite import SqliteDatabase
from mlmd_server.errors import StoreError
from mlmd_server.service import MetadataStore

DRIVER = Path(__file__).parent / "clients" / "official_store.py"


class Official:
    """The official library in a process of its own."""

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def open(self, path):
        self._ask("open", str(path))

    def __call__(self, method, request):
        code, response, _ = self._ask(method, base64.b64encode(request.SerializeToString()).decode())
        return code, getattr(rpc, f"{method}Response").FromString(base64.b64decode(response))

    def _ask(self, *question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the official library ended at {question}"
        return json.loads(answer)

    def close(self):
        self.process.communicate()


class Ours:
    """Our engine, called as the official one."""

    def __init__(self, path):
        self.database = SqliteDatabase(path)
        self.store = MetadataStore(self.database)

    def __call__(self, method, request):
        try:
            return 0, self.store.handler(method)(request)
        except StoreError as error:
            return int(error.code), getattr(rpc, f"{method}Response")()


def request(method, text=""):
    return text_format.Parse(text, getattr(rpc, f"{method}Request")())
