"""The gRPC server as a process: what clients of any language see of it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, wrappers_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.server import GrpcServer
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.mlmd_server import Server, health_of, put_type
from tests.support.servers import unused_port
from tests.support.waiting import eventually


@pytest.fixture
def server(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}")
    yield server
    server.stop()


def test_an_error_has_a_status_and_a_message(server):
    with pytest.raises(grpc.RpcError) as caught:
        server.call("GetArtifactType", rpc.GetArtifactTypeRequest(type_name="x"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "No type found for query, name: `x`" in str(caught.value.details())


LONG = "漢" * 100_000


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GetArtifactType", {"type_name": LONG}),
        ("GetExecutionType", {"type_name": "t", "type_version": LONG}),
        ("GetContextsByType", {"type_name": LONG}),
        ("GetArtifactByTypeAndName", {"type_name": "works", "artifact_name": LONG}),
        ("GetContextByTypeAndName", {"type_name": LONG, "context_name": "c"}),
        ("GetExecutionsByExternalIds", {"external_ids": ["e", LONG]}),
        ("GetArtifactTypesByExternalIds", {"external_ids": [LONG]}),
        ("GetArtifacts", {"options": {"max_result_size": 1, "filter_query": f"name = '{LONG}'"}}),
        ("GetArtifacts", {"options": {"max_result_size": 1, "next_page_token": LONG}}),
        ("PutArtifactType", {"artifact_type": {"name": LONG}, "all_fields_match": True}),
    ],
)
def test_an_argument_that_is_far_too_long_is_invalid(server, method, fields):
    with pytest.raises(grpc.RpcError) as caught:
        server.call(method, getattr(rpc, f"{method}Request")(**fields))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(str(caught.value.details()).encode()) <= 2000


def test_the_words_of_an_error_are_cut_where_they_repeat_a_long_text(server):
    with pytest.raises(grpc.RpcError) as caught:
        server.call("GetArtifactType", rpc.GetArtifactTypeRequest(type_name="漢" * 60_000))
    details = str(caught.value.details())
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert details.startswith("No type found for query, name: `漢漢")
    assert details.endswith("漢...")
    assert len(details.encode()) <= 1500


def test_an_index_outside_of_its_list_is_out_of_range(server):
    request = rpc.PutLineageSubgraphRequest()
    request.event_edges.add(execution_index=0).event.artifact_id = 1
    with pytest.raises(grpc.RpcError) as caught:
        server.call("PutLineageSubgraph", request)
    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE


def test_a_string_that_is_not_utf8_is_an_invalid_argument(server):
    raw = server.channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifactType")
    with pytest.raises(grpc.RpcError) as caught:
        raw(b"\x0a\x02\xff\xfe", timeout=60)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_health_and_reflection(server):
    for service in ("", "liveness", "readiness", "ml_metadata.MetadataStoreService"):
        assert health_of(server, service) == "SERVING"
    reflect = server.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    (listed,) = reflect(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=60)
    names = {service.name for service in listed.list_services_response.service}
    assert "ml_metadata.MetadataStoreService" in names


def test_a_request_that_is_too_large_does_not_harm_the_server(server):
    huge = pb.Artifact(uri="x" * (101 * 1024 * 1024))
    with pytest.raises(grpc.RpcError) as caught:
        server.call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=[huge]))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert put_type(server)


def test_acknowledged_writes_survive_a_kill(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}")
    type_id = put_type(server)
    request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
    acknowledged = set()

    def write(_):
        try:
            while len(acknowledged) < 1000:
                acknowledged.update(server.call("PutArtifacts", request).artifact_ids)
                if len(acknowledged) > 40:
                    server.process.send_signal(signal.SIGKILL)
        except grpc.RpcError:
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    again = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}")
    stored = {artifact.id for artifact in again.call("GetArtifacts", rpc.GetArtifactsRequest()).artifacts}
    assert len(acknowledged) > 40
    assert acknowledged <= stored
    again.stop()


def test_a_server_whose_file_is_deleted_says_so_and_is_not_ready_until_it_is_back(tmp_path):
    path, away = tmp_path / "m.db", tmp_path / "away.db"
    server = Server(f"--sqlite_config_filename_uri={path}")
    try:
        put_type(server)
        path.rename(away)
        with pytest.raises(grpc.RpcError) as caught:
            put_type(server)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "deleted or moved" in str(caught.value.details())
        eventually(lambda: health_of(server, "readiness") == "NOT_SERVING", "not ready")
        assert health_of(server, "liveness") == "SERVING"
        eventually(
            lambda: any("database unavailable" in line and "deleted or moved" in line for line in server.log), "said"
        )
        away.rename(path)
        eventually(lambda: health_of(server, "readiness") == "SERVING", "ready again")
        put_type(server)
    finally:
        server.stop()


def test_a_damaged_page_is_data_loss_and_the_server_is_not_ready(tmp_path):
    path = tmp_path / "m.db"
    server = Server(f"--sqlite_config_filename_uri={path}")
    type_id = put_type(server)
    server.call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)] * 200))
    server.stop()
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'Artifact'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    server = Server(f"--sqlite_config_filename_uri={path}")
    try:
        with pytest.raises(grpc.RpcError) as caught:
            server.call("GetArtifacts", rpc.GetArtifactsRequest())
        assert caught.value.code() is grpc.StatusCode.DATA_LOSS
        assert "restore a backup" in str(caught.value.details())
        eventually(lambda: health_of(server, "readiness") == "NOT_SERVING", "not ready")
        eventually(lambda: any("database unavailable" in line and "is damaged" in line for line in server.log), "said")
    finally:
        server.stop()


def test_sigterm_lets_a_running_call_finish(tmp_path):
    server = Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}", "--worker_threads=1")
    type_id = put_type(server)
    request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
    other_writer = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    other_writer.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.call, "PutArtifacts", request)
        while answers(server):  # until the call has the only worker, where it waits for the other writer
            pass
        server.process.send_signal(signal.SIGTERM)
        other_writer.execute("COMMIT")
        other_writer.close()
        assert len(waiting.result().artifact_ids) == 1
    assert server.stop() == 0


def answers(server):
    try:
        server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), timeout=0.3)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return False
        raise
    return True


def test_a_taken_port_is_an_error_that_names_the_flag(server, tmp_path):
    port = server.target.rpartition(":")[2]
    second = subprocess.run(
        [
            *(sys.executable, "-m", "kubeflow_metadata.mlmd", f"--grpc_port={port}"),
            f"--sqlite_config_filename_uri={tmp_path / 'other.db'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "--grpc_port" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("host", ["::", "[::]", "::1"])
@pytest.mark.parametrize("processes", [1, 2])
def test_an_address_of_ipv6_is_listened_on_by_every_server(tmp_path, host, processes):
    metrics, health = unused_port(), unused_port()
    server = Server(
        f"--sqlite_config_filename_uri={tmp_path / 'm.db'}",
        f"--grpc_host={host}",
        f"--worker_processes={processes}",
        f"--metrics_port={metrics}",
        f"--health_port={health}",
    )
    try:
        port = server.target.rpartition(":")[2]
        assert server.target == f"[{host.strip('[]')}]:{port}"
        for local in ["[::1]", "127.0.0.1"] if "::1" not in host else ["[::1]"]:
            assert health_of(server, "liveness", f"{local}:{port}") == "SERVING"
            assert health_of(server, "liveness", f"{local}:{health}") == "SERVING"
            with urllib.request.urlopen(f"http://{local}:{metrics}/metrics", timeout=60) as answer:
                assert answer.status == 200
    finally:
        server.stop()


def test_no_database_is_an_error_never_a_store_in_memory():
    started = subprocess.run(
        [sys.executable, "-m", "kubeflow_metadata.mlmd"], capture_output=True, text=True, check=False
    )
    assert started.returncode == 2
    assert "--sqlite_config_filename_uri" in started.stderr


class Echo:
    """A service of another package."""

    def __init__(self) -> None:
        file = descriptor_pb2.FileDescriptorProto(
            name="tests/echo.proto", package="tests", dependency=["google/protobuf/wrappers.proto"]
        )
        message = ".google.protobuf.StringValue"
        file.service.add(name="Echo").method.add(name="Say", input_type=message, output_type=message)
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
        pool.Add(file)
        self.descriptor = pool.FindServiceByName("tests.Echo")

    def handler(self, _):
        return lambda request: request


def test_any_number_of_services_share_the_port(tmp_path):
    database = SqliteSettings(tmp_path / "m.db").open()
    database.prepare()
    server = GrpcServer([MetadataStore(database), Echo()], ServerOptions("127.0.0.1:0"))
    server.start()
    server.set_ready(ready=True)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        method: Any = channel.unary_unary
        said = wrappers_pb2.StringValue(value="hello").SerializeToString()
        assert method("/tests.Echo/Say")(said, timeout=60) == said
        assert method("/ml_metadata.MetadataStoreService/GetArtifacts")(b"", timeout=60) == b""
        check = method("/grpc.health.v1.Health/Check")
        for name in ("tests.Echo", "ml_metadata.MetadataStoreService"):
            answer = check(health_pb2.HealthCheckRequest(service=name).SerializeToString(), timeout=60)
            assert health_pb2.HealthCheckResponse.FromString(answer).status == health_pb2.HealthCheckResponse.SERVING
    server.stop(0)
    database.close()
