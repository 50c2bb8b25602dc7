"""Clients that are idle, slow, endless or too large do not keep others from being answered."""

from __future__ import annotations

import resource
import socket
import threading

import grpc
import pytest

from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.mlmd_server import Server, health_of, put_type

# The beginning of every HTTP/2 connection (RFC 9113, section 3.4), and an empty SETTINGS frame.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.fixture
def server(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}")
    yield server
    server.stop()


@pytest.fixture
def sockets(server):
    """Open a raw connection to the server; all are closed at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    host, port = server.target.split(":")
    opened = []

    def connect():
        opened.append(socket.create_connection((host, int(port)), timeout=30))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def assert_answers(server):
    type_id = put_type(server)
    put = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
    with server.connect() as channel:
        (artifact_id,) = server.call("PutArtifacts", put, channel=channel).artifact_ids
        found = server.call(
            "GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=[artifact_id]), channel=channel
        )
    assert [artifact.id for artifact in found.artifacts] == [artifact_id]
    assert health_of(server, "readiness") == "SERVING"


def test_a_thousand_idle_connections(server, sockets):
    for number in range(1000):
        idle = sockets()
        if number % 2:
            idle.sendall(PREFACE)
    assert_answers(server)


def test_requests_that_never_end(server):
    """More of them than there are threads: a call takes a thread only when its request is whole."""
    over = threading.Event()

    def endless():
        yield b"\x0a"
        over.wait()

    with server.connect() as channel:
        call = channel.stream_unary("/ml_metadata.MetadataStoreService/PutArtifacts")
        calls = [call.future(endless()) for _ in range(32)]
        assert_answers(server)
        over.set()
        for one in calls:
            one.cancel()


def test_messages_that_are_too_large(server):
    huge = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(uri="x" * (101 * 2**20))])
    for _ in range(3):
        with server.connect() as channel, pytest.raises(grpc.RpcError) as caught:
            server.call("PutArtifacts", huge, channel=channel)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert_answers(server)


def test_headers_that_are_too_large(server):
    call = server.channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifacts")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", metadata=[("x-large", "y" * 20_000)], timeout=30)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert_answers(server)


def test_bytes_that_are_no_http2(server, sockets):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, PREFACE + b"\xff" * 1024):
        sockets().sendall(garbage)
    assert_answers(server)
