"""The server as a process, over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest


class Recorder(BaseHTTPRequestHandler):
    targets: list[str]

    def do_GET(self):
        self.targets.append(self.path)
        body = b'{"artifacts":[]}'
        self.send_response(200)
        self.send_header("content-length", "100" if "cut" in self.path else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def recorder():
    handler = type("OneRecorder", (Recorder,), {"targets": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def process(recorder):
    rest_url = f"http://127.0.0.1:{recorder.server_port}"
    command = [sys.executable, "-m", "kubeflow_metadata.ui", "--port=0", f"--rest_url={rest_url}", "--log_format=json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def url_in_log(process):
    first = json.loads(process.stderr.readline())
    assert first["event"] == "serving"
    return first["url"].rstrip("/")


def stop(process):
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    return output, errors


def test_it_serves_and_stops_cleanly_on_sigterm(process, recorder):
    url = url_in_log(process)
    target = "/api/v1alpha1/artifact_types/kubeflow.org%2Falpha%2fmodel/artifacts?name=a%2Fb"
    assert httpx.get(f"{url}/metadata{target}").json() == {"artifacts": []}
    assert httpx.get(f"{url}/metadata/").status_code == 200
    output, errors = stop(process)
    assert process.returncode == 0
    assert output == ""
    lines = [json.loads(line) for line in errors.splitlines()]
    # A request is logged once its answer is out, which may be after the signal.
    assert sorted(line["event"] for line in lines) == ["request", "request", "stopped", "stopping"]
    assert lines[-1]["event"] == "stopped"
    assert lines[0]["path"] == f"/metadata{target.partition('?')[0]}"
    assert recorder.RequestHandlerClass.targets == [target]


def test_an_answer_that_rest_cuts_short_is_cut_short_for_the_client(process):
    url = url_in_log(process)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{url}/api/cut")
    _, errors = stop(process)
    assert "response cut short" in errors
    assert "Traceback" not in errors


def test_a_taken_port_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "kubeflow_metadata.ui", f"--port={port}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    where = f"Cannot listen on 127.0.0.1:{port}: Address already in use."
    assert done.stderr == f"Error: {where} Choose another address with --host and --port.\n"
