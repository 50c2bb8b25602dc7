"""Memory stays within its limit whatever clients send or ask for. KFM_SOAK_SECONDS says for how long (`make soak`)."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import grpc
import psutil
import pytest

from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from kubeflow_metadata.serving.memory import proportional_bytes
from tests.support.http2 import RawConnection, half_message
from tests.support.mlmd_server import Server, mysql_flags, put_type, with_password

SECONDS = float(os.environ.get("KFM_SOAK_SECONDS", "24"))
LIMIT = 512 * 2**20
CLIENTS = 12
PUT = "/ml_metadata.MetadataStoreService/PutArtifacts"


# As in a pod of the default size: two processes and a supervisor.
FLAGS = ("--worker_processes=2", f"--memory_limit={LIMIT}")


@pytest.fixture
def server(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}", *FLAGS)
    yield server
    server.stop()


@pytest.fixture
def server_on_mysql(mysql):
    with mysql.database() as settings:
        server = Server(*mysql_flags(settings), *FLAGS, env=with_password(settings))
        yield server
        server.stop()


class Peak:
    """The most that all processes of the server had in memory together, looked at all the time."""

    def __init__(self, server):
        self.bytes = 0
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        process = psutil.Process(self._server.process.pid)
        while not self._over.wait(0.02):
            with contextlib.suppress(OSError, psutil.Error):  # a process may end between two looks
                pids = [process.pid, *(child.pid for child in process.children())]
                self.bytes = max(self.bytes, sum(proportional_bytes(pid) for pid in pids))


def put(server, data, channel=None):
    """Sends serialized artifacts; what they are answered is not the question here."""
    with contextlib.suppress(grpc.RpcError):
        (channel or server.channel).unary_unary(PUT)(data, timeout=60)


def empty_artifacts(server, _):
    put(server, b"\x0a\x00" * (5 * 2**20))


def artifacts_of_a_type(server, type_id):
    """The most elements that are accepted, valid each."""
    one = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)]).SerializeToString()
    put(server, one * (80_000 // 2))


def many_small_artifacts(server, type_id):
    """Just below what is looked at: many of them at once."""
    one = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)]).SerializeToString()
    put(server, one * (17_000 // len(one)))


def long_texts(server, type_id):
    text = "x" * (3 * 2**20) + "\N{ROCKET}"
    put(server, rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id, uri=text)] * 2).SerializeToString())


def everything(server, _):
    with contextlib.suppress(grpc.RpcError):
        server.channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifacts")(b"", timeout=60)


def half_sent(server, _):
    """Messages of which all but the end arrives."""
    data = half_message(declared=4 * 2**20, sent=4 * 2**20 - 100)
    with contextlib.suppress(OSError), RawConnection(server.target) as connection:
        for _ in range(20):
            connection.open(PUT, data)


LOADS = [empty_artifacts, artifacts_of_a_type, many_small_artifacts, long_texts, everything, half_sent]


@pytest.mark.timeout(SECONDS * 2 + 300)
@pytest.mark.parametrize("loads", [[load] for load in LOADS] + [LOADS], ids=[*(one.__name__ for one in LOADS), "all"])
def test_memory_stays_below_its_limit(server, loads):
    drive(server, loads)


@pytest.mark.timeout(SECONDS * 2 + 300)
def test_memory_stays_below_its_limit_on_mysql(server_on_mysql):
    drive(server_on_mysql, LOADS)


def drive(server, loads):
    type_id = put_type(server)
    for _ in range(20):
        artifacts = [pb.Artifact(type_id=type_id, uri=f"s3://bucket/{number}") for number in range(1000)]
        server.call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=artifacts))
    end = time.monotonic() + SECONDS / (len(LOADS) + 1)

    def work(number):
        while time.monotonic() < end:
            loads[number % len(loads)](server, type_id)

    with Peak(server) as peak:
        clients = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    print(f"{'+'.join(load.__name__ for load in loads)}: {peak.bytes / 2**20:.0f} MiB")  # noqa: T201 - for -s
    assert 0 < peak.bytes < LIMIT
    assert server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest()).artifact_types
    assert not any("a worker died" in line for line in server.log)
