"""Memory stays flat under a mixed load. KFM_SOAK_SECONDS says for how long (`make soak` takes ten minutes)."""

from __future__ import annotations

import os
import random
import threading
import time

import grpc
import psutil
import pytest

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.load import Client, Record, put_types, read, serving, write

SECONDS = float(os.environ.get("KFM_SOAK_SECONDS", "12"))
CLIENTS = 4

# Caches fill at first: what counts is growth after this part of the time.
WARM_UP = 0.4

# What an interpreter's free lists may still gain.
ALLOWED_BYTES = 8 * 2**20
ALLOWED_SHARE = 0.1


@pytest.fixture
def server(mysql):
    with mysql.database() as settings:
        yield from serving(settings)


def filtered(client, chance):
    request = rpc.GetArtifactsRequest()
    # A new text each time: what is remembered of queries must be bounded.
    request.options.filter_query = f"uri LIKE 's3://{chance.getrandbits(32):x}%' OR id < {chance.randrange(100)}"
    request.options.max_result_size = 20
    client.call("GetArtifacts", request)


def lineage(client, chance):
    (start,) = client.call("GetArtifacts", rpc.GetArtifactsRequest(options={"max_result_size": 1})).artifacts
    request = rpc.GetLineageSubgraphRequest()
    options = request.lineage_subgraph_query_options
    options.starting_artifacts.filter_query = f"id >= {start.id} AND id < {start.id + chance.randrange(1, 50)}"
    options.max_num_hops = 3
    client.call("GetLineageSubgraph", request)


def refused(client, chance):
    request = rpc.GetArtifactTypeRequest(type_name=f"no such type {chance.random()}")
    with pytest.raises(grpc.RpcError):
        client.call("GetArtifactType", request)


def resident(server):
    return sum(worker.memory_info().rss for worker in psutil.Process(server.process.pid).children())


@pytest.mark.timeout(SECONDS + 300)
def test_memory_stays_flat_under_mixed_load(server):
    first = Client(server.target)
    types = put_types(first)
    record, stop = Record(), threading.Event()
    write(first, types, record, random.Random(0))

    def work(number):
        client, chance = Client(server.target), random.Random(number)
        while not stop.is_set():
            kind = chance.randrange(5)
            if kind < 2:
                (write, read)[kind](client, types, record, chance)
            else:
                (filtered, lineage, refused)[kind - 2](client, chance)
            with record.lock:
                record.calls += 1
                if len(record.acknowledged) > 500:  # this test's own memory is not what is measured
                    record.acknowledged.pop(next(iter(record.acknowledged)))
        client.close()

    clients = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(SECONDS * WARM_UP)
    warm, calls = resident(server), record.calls
    time.sleep(SECONDS * (1 - WARM_UP))
    end = resident(server)
    stop.set()
    for client in clients:
        client.join()
    first.close()
    print(f"{record.calls - calls} calls; {warm / 2**20:.1f} MiB, then {end / 2**20:.1f} MiB")  # noqa: T201 - for -s
    assert record.wrong == []
    assert record.calls > calls
    assert end < warm * (1 + ALLOWED_SHARE) + ALLOWED_BYTES
