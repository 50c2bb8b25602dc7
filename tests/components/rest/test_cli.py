"""`python -m kubeflow_metadata.rest` as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.servers import unused_port

COMMAND = [sys.executable, "-m", "kubeflow_metadata.rest"]


def run(*arguments, **environment):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


@pytest.fixture
def lines():
    """What a server logged before it listened."""
    return []


@pytest.fixture
def process(lines):
    started = []

    def begin(*arguments, **environment):
        server = subprocess.Popen(
            [*COMMAND, "--http_port", "0", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(server)
        for line in server.stderr:
            lines.append(line)
            if found := re.search(r" url=(http://127\.0\.0\.1:\d+)", line):
                return server, found[1]
        raise AssertionError("the server ended before it listened")

    yield begin
    for server in started:
        server.kill()
        server.communicate()


def test_help_fits_a_terminal_and_names_every_flag():
    done = run("--help", COLUMNS="80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    for flag in ("--http_host", "--http_port", "--mlmd_grpc_host", "--mlmd_grpc_port", "--schema_root_dir"):
        assert flag in done.stdout


def test_a_misspelt_flag_is_corrected():
    done = run("--http_prt", "1")
    assert done.returncode == 2
    assert "'--http_port'?" in done.stderr


@pytest.mark.parametrize(
    ("origins", "words"),
    [
        ("example.org", "'example.org' is not an origin like https://example.org:8443."),
        ("ftp://example.org", "is not an origin"),
        ("https://user:secret@example.org", "must not hold a user name or a password"),
        ("https://example.org:port", "is not an origin"),
        ("null", "is not an origin"),
        ("https://example.org/", "never matches: browsers send 'https://example.org'."),
        ("https://Example.org:443/path", "never matches: browsers send 'https://example.org'."),
        ("https://example.org,*", "* allows every origin; leave out the others."),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origins, words):
    done = run("--allowed_origins", origins)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "host", ["https://example.org", "example.org:8080", "example.org/path", "exam ple", "-x", "a@b"]
)
def test_a_host_is_a_name(host):
    done = run(f"--allowed_hosts={host}")
    assert done.returncode == 2
    assert "leave out scheme, port and path" in done.stderr or "user name or a password" in done.stderr


@pytest.mark.parametrize("flag", ["--http_host", "--grpc_web_host", "--mlmd_grpc_host"])
@pytest.mark.parametrize("host", ["http://me:secret@store", "me:secret@store", "store:8080", "dns:///store", ""])
def test_an_address_is_a_host_and_a_password_is_never_shown(flag, host):
    done = run(flag, host)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("size", ["0", "-1", "lots", "12 parsecs", "1KiB", "9" * 1000])
def test_a_size_is_written_as_kubernetes_does(size):
    done = run(f"--memory_limit={size}")
    assert done.returncode == 2
    assert "is not a size like 512Mi" in done.stderr


def test_a_misspelt_variable_is_said_with_the_likely_name(process, lines):
    server, url = process(KFM_REST_HTPP_PORT="1", KFM_RESTT_LOG_LEVEL="debug", KFM_MLMD_GRPC_PORT="1", KFM_UI_PORT="2")
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)
    assert url
    said = "".join(lines)
    assert "variable=KFM_REST_HTPP_PORT" in said
    assert "likely=KFM_REST_HTTP_PORT" in said
    assert "likely=KFM_REST_LOG_LEVEL" in said
    assert "KFM_MLMD" not in said
    assert "KFM_UI" not in said


@pytest.mark.parametrize("flags", [["--http_host=::"], ["--http_host=[::]"]])
def test_the_address_of_everything_is_reached_over_both_families(flags):
    server = subprocess.Popen([*COMMAND, "--http_port=0", *flags], stderr=subprocess.PIPE, text=True)
    try:
        line = next(line for line in server.stderr if " url=" in line)
        found = re.search(r" url=http://(?:\[::\]|0\.0\.0\.0):(\d+)", line)
        assert found is not None, line
        port = found[1]
        hosts = ["127.0.0.1", *(["[::1]"] if "[::]" in line else [])]
        for host in hosts:
            assert httpx.get(f"http://{host}:{port}/healthz", trust_env=False).status_code == 200
        assert "[::]" in line or not socket.has_dualstack_ipv6() or not _has_ipv6()
    finally:
        server.kill()
        server.communicate()


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_a_server_that_is_held_up_ends_after_its_grace_all_the_same(process, scripted):
    held, release = threading.Event(), threading.Event()

    def answer(method, request, context):
        if method == "GetArtifactTypes":
            held.set()
            release.wait(60)
        return b""

    with scripted(answer) as target, ThreadPoolExecutor(1) as beside:
        server, url = process("--mlmd_grpc_port", target.split(":")[1], "--grace_seconds=0.5")
        beside.submit(lambda: httpx.get(f"{url}/api/v1alpha1/artifact_types", trust_env=False, timeout=60))
        assert held.wait(60)
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
        release.set()
    assert server.returncode is not None


@pytest.mark.parametrize("port", ["x", "0", "65536", "tcp://10.0.0.1"])
def test_a_port_is_a_number(port):
    done = run("--mlmd_grpc_port", port)
    assert done.returncode == 2
    assert "is not a port number" in done.stderr


def test_a_taken_port_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--http_port", port)
    assert done.returncode == 1
    assert f"Error: Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_schema_ends_the_server_before_it_serves(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    done = run("--schema_root_dir", str(tmp_path), "--http_port", "0")
    assert done.returncode == 2
    assert f"Error: {tmp_path / 'broken.json'}: invalid JSON" in done.stderr


def test_the_store_is_found_through_the_environment_of_a_pod(process, store):
    with store() as target:
        host, port = target.split(":")
        _, url = process(METADATA_GRPC_SERVICE_HOST=host, METADATA_GRPC_SERVICE_PORT=f"tcp://10.0.0.1:{port}")
        assert httpx.get(f"{url}/api/v1alpha1/artifact_types", trust_env=False).status_code == 200


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_the_store_is_never_asked_through_a_proxy(process, store, variable):
    with store() as target:
        proxy = {variable: f"http://127.0.0.1:{unused_port()}", "no_proxy": "", "NO_PROXY": ""}
        _, url = process("--mlmd_grpc_port", target.split(":")[1], **proxy)
        assert httpx.get(f"{url}/api/v1alpha1/artifact_types", trust_env=False).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_peace(process, number):
    server, url = process("--mlmd_grpc_port", "1")
    assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "ok"}
    server.send_signal(number)
    _, errors = server.communicate(timeout=60)
    assert server.returncode == 0
    assert "Traceback" not in errors


def test_requests_under_way_are_finished_on_both_ports_before_the_server_ends(process, scripted):
    port = unused_port()
    under_way = threading.Barrier(2)

    def answer(method, request, context):
        if method in ("GetArtifactTypes", "GetArtifacts"):
            if under_way.wait(60) == 0:
                server.send_signal(signal.SIGTERM)
            # Until the server has closed both doors, and so has heard the signal.
            for address in (url, grpc_web):
                host, number = address.removeprefix("http://").split(":")
                while True:
                    try:
                        socket.create_connection((host, int(number)), timeout=1).close()
                    except OSError:
                        break
        return b""

    grpc_web = f"http://127.0.0.1:{port}"
    with scripted(answer) as target, ThreadPoolExecutor(1) as beside:
        server, url = process("--mlmd_grpc_port", target.split(":")[1], "--grpc_web_port", str(port))
        browser = beside.submit(
            httpx.post,
            f"{grpc_web}/ml_metadata.MetadataStoreService/GetArtifacts",
            content=b"\0\0\0\0\0",
            headers={"content-type": "application/grpc-web"},
            trust_env=False,
            timeout=60,
        )
        response = httpx.get(f"{url}/api/v1alpha1/artifact_types", trust_env=False, timeout=60)
        assert (response.status_code, response.content) == (200, b"{}")
        assert browser.result().content == b"\0\0\0\0\0\x80\0\0\0\x0fgrpc-status:0\r\n"
        _, log = server.communicate(timeout=60)
    assert server.returncode == 0
    assert re.search(r"request .*code=OK .*operation='grpc-web GetArtifacts'", log)


def test_a_taken_grpc_web_port_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--http_port", "0", "--grpc_web_port", port)
    assert done.returncode == 1
    assert f"Error: Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--grpc_web_port" in done.stderr
