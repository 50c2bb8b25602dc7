"""Requests that nobody would send end with a status that says what is wrong, and the server goes on.

KFM_RANDOM_REQUESTS says how many (`make soak` sends ten thousand), KFM_RANDOM_SEED which ones.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import grpc
import pytest

from tests.support.mlmd_server import Server, health_of
from tests.support.random_requests import RPCS, random_request

REQUESTS = int(os.environ.get("KFM_RANDOM_REQUESTS", "500"))
SEED = int(os.environ.get("KFM_RANDOM_SEED", "1"))

# What a client can act on.
MAPPED = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "RESOURCE_EXHAUSTED",
}


@pytest.fixture
def server(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}")
    yield server
    server.stop()


@pytest.mark.timeout(300 + REQUESTS // 10)
def test_random_requests_end_with_a_status_that_clients_know(server):
    chance = random.Random(SEED)
    codes: Counter[str] = Counter()
    unmapped = []
    for number in range(REQUESTS):
        name, content = random_request(chance)
        call = server.channel.unary_unary(f"/ml_metadata.MetadataStoreService/{name}")
        try:
            call(content, timeout=60)
            code, details = "OK", ""
        except grpc.RpcError as error:
            code, details = error.code().name, error.details() or ""
        codes[code] += 1
        if code not in MAPPED:
            unmapped.append(f"{number}: {name}({content!r}) is {code}: {details}")
    print(f"{REQUESTS} requests to {len(RPCS)} calls, seed {SEED}: {dict(codes)}")  # noqa: T201 - pytest -s shows it
    assert unmapped == []
    assert server.process.poll() is None
    assert health_of(server, "readiness") == "SERVING"
    assert codes["OK"] > 0
    assert codes["INVALID_ARGUMENT"] > 0
