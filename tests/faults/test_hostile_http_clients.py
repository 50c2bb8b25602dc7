"""REST and UI stand whatever their clients do: memory stays within the limit, and others are answered meanwhile."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from kubeflow_metadata.parts import REST, UI
from tests.support.applications import connected, until_closed
from tests.support.http_processes import doors, http_process
from tests.support.mlmd_server import Server
from tests.support.waiting import eventually

MIB = 2**20
LIMITS = {part.name: int(part.standard["limits"]["memory"].removesuffix("Mi")) * MIB for part in (REST, UI)}
TYPES = "/api/v1alpha1/artifact_types"
# So much is nobody's fault: on a loaded machine health, too, takes its time.
GENEROUS_SECONDS = 20
ROUNDS = int(os.environ.get("KFM_FAULT_ROUNDS", "1"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doors")
    server = Server(f"--sqlite_config_filename_uri={folder / 'm.db'}")
    flags = {name: f"--memory_limit={limit}" for name, limit in LIMITS.items()}
    port = int(server.target.rpartition(":")[2])
    with doors(port, folder, flags["rest"], ui_flags=[flags["ui"]]) as started:
        with httpx.Client(trust_env=False, timeout=60) as client:
            eventually(lambda: client.get(f"{started.ui.url}/readyz").status_code == 200, "the UI is ready")
            eventually(lambda: client.get(f"{started.rest.url}/readyz").status_code == 200, "REST is ready")
        yield started
    server.stop()


@contextmanager
def watched(*urls: str) -> Iterator[None]:
    """Asks for health all the time; fails where it is not answered."""
    over, failures = threading.Event(), []

    def ask(url: str) -> None:
        with httpx.Client(trust_env=False, timeout=GENEROUS_SECONDS) as client:
            while not over.is_set():
                try:
                    assert client.get(f"{url}/healthz").status_code == 200
                except (httpx.HTTPError, AssertionError) as error:
                    failures.append(f"{url}: {error!r}")
                    return
                over.wait(0.02)

    threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []


def post(url: str, body: bytes, path: str = TYPES) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=120) as client:
        return client.post(url + path, content=body)


def head(url: str, length: int, path: str = TYPES) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Length: {length}\r\n\r\n".encode()


def upload_all_but_the_end(url: str, size: int) -> threading.Thread:
    """Sends a body without its last byte, and holds the connection until the server closes it."""

    def send() -> None:
        with connected(url, timeout=120) as raw:
            try:
                raw.sendall(head(url, size))
                piece = b" " * MIB
                for start in range(0, size - 1, MIB):
                    raw.sendall(piece[: min(MIB, size - 1 - start)])
            except OSError:
                return
            until_closed(raw)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def property_of(value: str) -> bytes:
    return json.dumps({"custom_properties": {"p": {"string_value": value}}}, ensure_ascii=False).encode()


def peak_body(limit: int) -> int:
    """The largest body that is taken under a limit."""
    from kubeflow_metadata.serving.budget import budget_of

    return budget_of(limit, 32 * MIB, 256 * MIB).body


@pytest.mark.timeout(600 * ROUNDS)
def test_the_largest_load_fits_the_limit_and_delays_nobody(servers):
    url = servers.rest.url
    largest = peak_body(LIMITS["rest"])
    assert post(url, b'{"name": "load"}').status_code == 200
    zeros = b'{"zz":[' + b"0," * (3 * MIB) + b"0]}"
    emojis = property_of("\U0001f9ea" * ((largest - 200) // 4))
    ascii_text = property_of("x," * ((largest - 200) // 2))
    nested = b'{"zz":' + b"[" * (2 * MIB) + b"]" * (2 * MIB) + b"}"
    quotes = b'{"zz":[' + b'"",' * (2 * MIB) + b'""]}'
    objects = b'{"name":"objects","zz":[' + b'{"a":{}},' * 24_000 + b"{}]}"
    with watched(url, servers.ui.url):
        for _ in range(ROUNDS):
            for _ in range(30):
                upload_all_but_the_end(url, largest)
            with ThreadPoolExecutor(12) as pool:
                sent = [
                    *((400, pool.submit(post, url, zeros)) for _ in range(4)),
                    *((413, pool.submit(post, url, b" " * int(31.9 * MIB))) for _ in range(2)),
                    *((400, pool.submit(post, url, body)) for body in (nested, quotes, nested, quotes)),
                    *((200, pool.submit(post, url, objects)) for _ in range(4)),
                ]
                loads = [
                    pool.submit(post, url, body, f"{TYPES}/load/artifacts") for body in (emojis, ascii_text, emojis) * 2
                ]
                # Those that had to give way are told so, and when to come back.
                for status, answer in sent:
                    response = answer.result()
                    assert response.status_code in (status, 503), response.text[:500]
                for answer in loads:
                    response = answer.result()
                    assert response.status_code in (200, 503), response.text[:500]
                    if response.status_code == 503:
                        assert response.headers["retry-after"]
    assert post(url, property_of("small"), f"{TYPES}/load/artifacts").status_code == 200
    for name, server in (("rest", servers.rest), ("ui", servers.ui)):
        peak = server.peak_bytes()
        print(f"{name}: peak {peak / MIB:.0f} of {LIMITS[name] / MIB:.0f} MiB")  # noqa: T201 - for -s
        assert peak < LIMITS[name]


def test_a_body_above_the_limit_is_told_the_limit_and_the_flag(servers):
    told = post(servers.rest.url, b" " * (peak_body(LIMITS["rest"]) + 1))
    assert told.status_code == 413
    assert "8 MiB" in told.json()["error"]
    assert "384 MiB, --memory_limit" in told.json()["error"]


@pytest.mark.parametrize("door", ["rest", "ui"])
@pytest.mark.timeout(600)
def test_readers_that_do_not_read_stop_nobody(servers, door):
    url = servers.urls[door]
    long = property_of("x" * MIB)
    assert post(url, b'{"name": "long"}').status_code == 200
    for _ in range(8):
        assert post(url, long, f"{TYPES}/long/artifacts").status_code == 200
    listing = f"{TYPES}/long/artifacts"
    with ExitStack() as stack, watched(url):
        for _ in range(101):
            reader = stack.enter_context(connected(url, receive_buffer=4096))
            reader.sendall(f"GET {listing} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        for _ in range(10):
            with httpx.Client(trust_env=False, timeout=60) as client:
                response = client.get(f"{url}{TYPES}")
                assert response.status_code == 200, response.text
    assert servers.rest.peak_bytes() < LIMITS["rest"]
    assert servers.ui.peak_bytes() < LIMITS["ui"]


@pytest.mark.parametrize("door", ["rest", "ui"])
def test_five_hundred_at_once_are_all_answered(servers, door):
    url = servers.urls[door]
    request = f"GET {TYPES} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n\r\n".encode()
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(url, timeout=120)) for _ in range(500)]
        for client in clients:
            client.sendall(request)
        answers = [until_closed(client) for client in clients]
    assert [answer for answer in answers if answer[9:12] != b"200"] == []


@pytest.mark.parametrize("door", ["rest", "ui"])
def test_slow_uploads_and_idle_connections_stop_nobody(servers, door):
    url = servers.urls[door]
    with ExitStack() as stack, watched(url):
        for _ in range(150):
            slow = stack.enter_context(connected(url))
            slow.sendall(head(url, 1000) + b"{")
            stack.enter_context(connected(url))
        for _ in range(10):
            response = post(url, b'{"name": "quick"}')
            assert response.status_code == 200, response.text


@pytest.mark.timeout(300)
def test_the_ui_gives_up_uploads_that_its_memory_cannot_hold_and_says_so(servers, tmp_path):
    """Under the smallest limit that may be set, more bodies than fit, of which only the end is missing."""
    limit, waiting = UI.least_memory_mib * MIB, 64 * 1024
    flags = ["--port=0", f"--rest_url={servers.rest.url}", f"--memory_limit={limit}"]
    with http_process("kubeflow_metadata.ui", tmp_path, *flags) as ui, ExitStack() as stack:
        uploads = [stack.enter_context(connected(ui.url, timeout=60)) for _ in range(64)]
        for upload in uploads:
            upload.sendall(head(ui.url, waiting) + b" " * (waiting - 1))
        # The first of them have waited for longest.
        told = until_closed(uploads[0])
        assert told.startswith(b"HTTP/1.1 503 ")
        assert f"memory limit of {UI.least_memory_mib} MiB (--memory_limit)".encode() in told
        assert post(ui.url, b'{"name": "small"}').status_code == 200
        assert ui.peak_bytes() < limit
        with httpx.Client(trust_env=False) as client:
            counted = client.get(f"{ui.url}/metrics").text
        assert 'kubeflow_metadata_ui_refusals_total{reason="memory"}' in counted
