"""Whatever bytes arrive at REST, grpc-web or the UI: no response is an error of the server, and no log a traceback.

KFM_FUZZ_REQUESTS says how many for each of them, KFM_FUZZ_SEED which.
"""

from __future__ import annotations

import os
import re

import pytest

from tests.support.applications import answer_to
from tests.support.http_fuzzer import requests
from tests.support.http_processes import doors
from tests.support.mlmd_server import Server

COUNT = int(os.environ.get("KFM_FUZZ_REQUESTS", "300"))
SEED = int(os.environ.get("KFM_FUZZ_SEED", "1"))

# Deletes are published and were never there; a coding of a body may be one that nobody knows.
EXPECTED = {b"501", b"505"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    server = Server(f"--sqlite_config_filename_uri={folder / 'm.db'}")
    with doors(int(server.target.rpartition(":")[2]), folder) as started:
        yield started
    server.stop()


@pytest.mark.parametrize("door", ["rest", "grpc-web", "ui"])
@pytest.mark.timeout(300 + COUNT)
def test_no_request_is_an_error_of_the_server(servers, door):
    url = servers.urls[door]
    for number, request in enumerate(requests(SEED, COUNT)):
        received = answer_to(url, request, patience=0.5)
        for status in re.findall(rb"(?:^|\r\n|[}\n])HTTP/1\.[01] (\d{3}) ", received):
            assert status < b"500" or status in EXPECTED, (number, request[:2000], received[:2000])
    for server in (servers.rest, servers.ui):
        assert server.process.poll() is None
        faults = [line for line in server.log() if "raw" in line or line.get("level") == "error" or "exception" in line]
        assert faults == []
    healthy = answer_to(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200 ")
