"""The database is restarted and killed, workers are killed, and clients write and read all the while.

No acknowledged write may be lost, nothing may be stored twice, nothing read may be wrong, and all clients must go on by
themselves. KFM_FAULT_SECONDS says for how long (`make soak` takes a minute).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter

import grpc
import psutil
import pytest

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.load import Client, Record, is_as_given, put_types, read, serving, write

SECONDS = float(os.environ.get("KFM_FAULT_SECONDS", "15"))
WRITERS = READERS = 8


@pytest.fixture
def server(own_mysql):
    with own_mysql.database() as settings:
        yield from serving(settings)


def go_on(name, target, work, types, record, stop):
    """One client's life: a call after the other, whatever they end with."""
    client = Client(target)
    chance = random.Random(name)
    while not stop.is_set():
        try:
            work(client, types, record, chance)
        except grpc.RpcError:
            continue
        with record.lock:
            record.calls += 1
            record.successes[name] = time.monotonic()
    client.close()


def break_things(mysql, server, stop):
    """Kills a worker, restarts the database, kills the database, and again; returns when the last of it was over."""
    chance = random.Random(1)
    while not stop.is_set():
        for break_it in (
            lambda: kill_a_worker(server, chance),
            lambda: mysql.restart(signal.SIGTERM),
            lambda: kill_a_worker(server, chance),
            lambda: mysql.restart(signal.SIGKILL),
        ):
            stop.wait(chance.uniform(0.5, 1.5))
            if stop.is_set():
                break
            break_it()
    return time.monotonic()


def kill_a_worker(server, chance):
    workers = psutil.Process(server.process.pid).children()
    if len(workers) == 2:
        chance.choice(workers).kill()


def everything(client):
    token = ""
    while True:
        request = rpc.GetArtifactsRequest()
        request.options.max_result_size = 100
        request.options.next_page_token = token
        page = client.call("GetArtifacts", request)
        yield from page.artifacts
        token = page.next_page_token
        if not token:
            return


@pytest.mark.timeout(SECONDS * 3 + 300)
def test_no_write_is_lost_or_doubled_and_nothing_read_is_wrong(own_mysql, server):
    first = Client(server.target)
    types = put_types(first)
    record, stop = Record(), threading.Event()
    clients = [
        threading.Thread(target=go_on, args=(f"{work.__name__} {number}", server.target, work, types, record, stop))
        for work, count in ((write, WRITERS), (read, READERS))
        for number in range(count)
    ]
    for client in clients:
        client.start()
    broken = threading.Event()
    timer = threading.Timer(SECONDS, broken.set)
    timer.start()
    calm_since = break_things(own_mysql, server, broken)
    end = time.monotonic() + 90
    while any(record.successes.get(client, 0) < calm_since for client in names()) and time.monotonic() < end:
        time.sleep(0.1)
    stop.set()
    for client in clients:
        client.join()

    stored = {artifact.id: artifact for artifact in everything(first)}
    first.close()
    copies = Counter(artifact.uri.removeprefix("s3://") for artifact in stored.values())
    lost = [
        token
        for token, artifact_id in record.acknowledged.items()
        if artifact_id not in stored or not is_as_given(stored[artifact_id], types, token)
    ]
    print(  # noqa: T201 - pytest -s shows it
        f"{record.calls} calls succeeded; failed: {dict(record.failures)}; writes {len(record.acknowledged)}"
    )
    assert lost == []
    assert [token for token, count in copies.items() if count > 1] == []
    assert set(copies) <= set(record.acknowledged) | record.unknown
    assert record.wrong == []
    assert [client for client in names() if record.successes.get(client, 0) < calm_since] == []
    assert {code for _, code in record.failures} <= {"UNAVAILABLE"}
    assert len(record.acknowledged) > 50


def names():
    return [f"{work} {number}" for work, count in (("write", WRITERS), ("read", READERS)) for number in range(count)]
