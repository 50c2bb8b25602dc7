"""`kill -9` of a worker, of the server and of MySQL while clients write: no acknowledged write is lost."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import grpc
import psutil
import pytest

from kubeflow_metadata.installer.local.ports import is_free
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.load import Client, Record, is_as_given, put_types, write
from tests.support.mlmd_server import Server, mysql_flags, with_password
from tests.support.servers import unused_port
from tests.support.waiting import eventually

# Of each kind; `make soak` does more.
ROUNDS = int(os.environ.get("KFM_KILL_ROUNDS", "1"))
WRITERS = 4
# Acknowledged before and after each kill.
WRITES = 50


class Killed:
    """A server with two workers on a port of its own, over a MySQL of its own."""

    def __init__(self, mysql, settings):
        self._mysql = mysql
        self._port = unused_port()
        self._flags = [*mysql_flags(settings), "--worker_processes=2", f"--grpc_port={self._port}"]
        self._environment = with_password(settings)
        self._chance = random.Random(1)
        self.server = self._start()

    def worker(self):
        workers = eventually(lambda: psutil.Process(self.server.process.pid).children(), "there is a worker")
        self._chance.choice(workers).kill()

    def database(self):
        self._mysql.restart(signal.SIGKILL)

    def whole(self):
        self.server.stop(signal.SIGKILL)
        # Its workers notice that it is gone, and give up the port, a moment later.
        eventually(lambda: is_free(self._port), "the port is free")
        self.server = self._start()

    def _start(self):
        return Server(*self._flags, env=self._environment)


@pytest.fixture
def killed(own_mysql):
    with own_mysql.database() as settings:
        killed = Killed(own_mysql, settings)
        yield killed
        killed.server.stop()


def keep_writing(target, types, record, stop, seed):
    client = Client(target)
    chance = random.Random(seed)
    while not stop.is_set():
        try:
            write(client, types, record, chance)
        except grpc.RpcError:
            continue
    client.close()


@pytest.mark.timeout(300 * ROUNDS)
def test_no_acknowledged_write_is_lost(killed):
    target = killed.server.target
    client = Client(target)
    types = put_types(client)
    record, stop = Record(), threading.Event()
    writers = [
        threading.Thread(target=keep_writing, args=(target, types, record, stop, seed)) for seed in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        for _ in range(ROUNDS):
            for kill in (killed.worker, killed.database, killed.whole):
                go_on(record)
                began = time.monotonic()
                kill()
                go_on(record)
                print(f"{kill.__name__}: writing again after {time.monotonic() - began:.1f} s")  # noqa: T201
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    lost = [token for token, id_ in record.acknowledged.items() if not is_kept(client, types, token, id_)]
    client.close()
    print(f"{len(record.acknowledged)} acknowledged, {len(lost)} lost; failed: {dict(record.failures)}")  # noqa: T201
    assert lost == []
    # gRPC itself resets what arrives at a worker that is stopping: CANCELLED, and nothing was done.
    assert {code for _, code in record.failures} <= {"UNAVAILABLE", "CANCELLED"}


def go_on(record):
    enough = len(record.acknowledged) + WRITES
    eventually(lambda: len(record.acknowledged) >= enough, "writes are acknowledged")


def is_kept(client, types, token, artifact_id):
    stored = client.call("GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=[artifact_id])).artifacts
    return len(stored) == 1 and is_as_given(stored[0], types, token)
