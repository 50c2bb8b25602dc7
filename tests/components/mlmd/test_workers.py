"""Several processes on one port over MySQL, and what operators see of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import psutil
import pytest

from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.mlmd_server import Server, health_of, mysql_flags, put_type, with_password
from tests.support.servers import unused_port

SECONDS = 60


def eventually(what):
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def settings(mysql):
    with mysql.database() as settings:
        yield settings


@pytest.fixture
def server(settings):
    flags = ["--worker_processes=2", f"--metrics_port={unused_port()}", f"--health_port={unused_port()}"]
    server: Any = Server(*mysql_flags(settings), *flags, "--log_level=debug", env=with_password(settings))
    server.metrics_url = f"http://127.0.0.1:{flags[1].partition('=')[2]}/metrics"
    server.health_target = f"127.0.0.1:{flags[2].partition('=')[2]}"
    eventually(lambda: health_of(server, "readiness") == "SERVING")
    yield server
    server.stop()


def workers(server):
    return psutil.Process(server.process.pid).children()


def metric(server, name):
    text = urllib.request.urlopen(server.metrics_url, timeout=10).read().decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_a_worker_that_is_killed_is_replaced_and_clients_go_on(server):
    type_id = put_type(server)
    (victim, other) = workers(server)
    victim.send_signal(signal.SIGKILL)
    request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])

    def goes_on():
        try:
            with server.connect() as channel:
                return server.call("PutArtifacts", request, channel=channel)
        except grpc.RpcError:
            return None  # the connection led to the one that was killed

    eventually(goes_on)
    eventually(lambda: len({worker.pid for worker in workers(server)} - {victim.pid, other.pid}) == 1)
    assert any("a worker died" in line for line in server.log)


def test_workers_end_when_their_supervisor_is_killed(server):
    alive = workers(server)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    psutil.wait_procs(alive, timeout=SECONDS)
    assert not any(worker.is_running() for worker in alive)


def test_metrics_add_up_over_the_workers(server):
    for _ in range(10):
        with server.connect() as channel:
            server.call("GetArtifacts", rpc.GetArtifactsRequest(), channel=channel)
    calls = 'kubeflow_metadata_grpc_call_seconds_count{code="OK",method="GetArtifacts"}'
    eventually(lambda: metric(server, calls) == 10)
    assert metric(server, "kubeflow_metadata_grpc_database_up") == 1
    assert metric(server, 'kubeflow_metadata_grpc_database_connections{state="open"}') >= 1
    eventually(lambda: metric(server, 'kubeflow_metadata_grpc_database_connections{state="in_use"}') == 0)


def test_health_has_a_plain_port_of_its_own_that_answers_nothing_else(server):
    assert health_of(server, "liveness", server.health_target) == "SERVING"
    with grpc.insecure_channel(server.health_target) as channel, pytest.raises(grpc.RpcError) as caught:
        server.call("GetArtifacts", rpc.GetArtifactsRequest(), channel=channel)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_port_that_workers_of_another_server_have_is_taken(server, settings):
    port = server.target.rpartition(":")[2]
    command = [sys.executable, "-m", "kubeflow_metadata.mlmd", f"--grpc_port={port}", *mysql_flags(settings)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, env=with_password(settings))
    assert second.returncode == 1
    assert "--grpc_port" in second.stderr
    assert "Traceback" not in second.stderr


def test_sigterm_ends_every_process_in_good_order(server):
    alive = workers(server)
    assert server.stop() == 0
    assert not any(worker.is_running() for worker in alive)
    assert "stopped" in server.log[-1]


def test_writes_of_many_clients_through_all_workers_are_all_there(server):
    type_id = put_type(server)

    def write(number):
        with server.connect() as channel:
            request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id, name=str(number))])
            return server.call("PutArtifacts", request, channel=channel).artifact_ids[0]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(write, range(80)))
    stored = server.call("GetArtifacts", rpc.GetArtifactsRequest()).artifacts
    assert {artifact.id: artifact.name for artifact in stored} == {new: str(n) for n, new in enumerate(ids)}


def test_a_call_ends_at_its_deadline(server, mysql, settings):
    type_id = put_type(server)
    request = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
    (artifact_id,) = server.call("PutArtifacts", request).artifact_ids
    update = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(id=artifact_id, type_id=type_id, uri="new")])
    running = (
        f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{settings.database}' AND info IS NOT NULL"
    )
    with mysql.locked(settings.database, "Artifact"):
        with pytest.raises(grpc.RpcError) as caught:
            server.call("PutArtifacts", update, timeout=0.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        eventually(lambda: mysql.sql(running) == [(0,)])


def test_without_its_database_it_lives_but_is_not_ready(settings):
    away = [f"--mysql_config_port={unused_port()}" if "port" in flag else flag for flag in mysql_flags(settings)]
    server = Server(*away, "--worker_processes=1", env=with_password(settings))
    try:
        assert health_of(server, "liveness") == "SERVING"
        assert health_of(server, "readiness") == "NOT_SERVING"
        with pytest.raises(grpc.RpcError) as caught:
            server.call("GetArtifacts", rpc.GetArtifactsRequest(), timeout=1)
        assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        eventually(lambda: any("database unavailable" in line for line in server.log))
        assert settings.password not in "".join(server.log)
    finally:
        server.stop()


def test_a_database_of_another_version_ends_it_with_what_to_do(mysql, settings):
    mysql.sql("CREATE TABLE MLMDEnv (schema_version INT PRIMARY KEY)", database=settings.database)
    mysql.sql("INSERT INTO MLMDEnv VALUES (99)", database=settings.database)
    started = subprocess.run(
        [sys.executable, "-m", "kubeflow_metadata.mlmd", "--grpc_port=0", *mysql_flags(settings)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=with_password(settings),
    )
    assert started.returncode == 1
    assert "use a newer release" in started.stderr
    assert "Traceback" not in started.stderr


def test_logs_tell_each_call_and_no_value(settings):
    server = Server(*mysql_flags(settings), "--worker_processes=1", "--log_level=debug", env=with_password(settings))
    secret = "s3cret-value"
    type_id = put_type(server)
    artifact = pb.Artifact(type_id=type_id, uri=secret, custom_properties={secret: pb.Value(string_value=secret)})
    call = server.channel.unary_unary("/ml_metadata.MetadataStoreService/PutArtifacts")
    call(
        rpc.PutArtifactsRequest(artifacts=[artifact]).SerializeToString(),
        metadata=[("x-request-id", "req-1")],
        timeout=SECONDS,
    )
    server.stop()
    (line,) = [line for line in server.log if "method=PutArtifacts" in line]
    assert "code=OK" in line
    assert "request_id=req-1" in line
    assert secret not in "".join(server.log)


def test_the_official_configuration_file_is_understood(settings, tmp_path):
    file = tmp_path / "server.pbtxt"
    file.write_text(
        f'connection_config {{ mysql {{ host: "{settings.host}" port: {settings.port} user: "{settings.user}" '
        f"database: {json.dumps(settings.database)} password: {json.dumps(settings.password)} }} }}"
    )
    server = Server(f"--metadata_store_server_config_file={file}", "--worker_processes=1")
    eventually(lambda: health_of(server, "readiness") == "SERVING")
    assert put_type(server)
    assert server.stop() == 0


def test_the_official_servers_own_flags_start_it(settings):
    """As Kubeflow Pipelines' manifests have them."""
    server = Server(
        *mysql_flags(settings),
        f"--mysql_config_password={settings.password}",
        "--metadata_source_config_type=mysql",
        "--enable_database_upgrade=true",
        "--downgrade_db_schema_version=-1",
        "--metadata_store_connection_retries=5",
        "--grpc_channel_arguments=grpc.max_metadata_size=16384,grpc.max_receive_message_length=104857600",
        "--worker_processes=1",
    )
    assert put_type(server)
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sqlite_config_filename=x"], "Did you mean"),
        (["--mysql_config_host=h"], "--mysql_config_database"),
        (["--mysql_config_host=h", "--mysql_config_database=d", "--sqlite_config_filename_uri=x"], "Choose one"),
        (["--mysql_config_host=h", "--mysql_config_database=d", "--mysql_config_sslca=/no/such"], "Cannot read"),
        (["--mysql_config_host=h", "--mysql_config_database=d", "--mysql_config_verify_server_cert"], "sslrootcert"),
        (["--sqlite_config_filename_uri=x", "--grpc_channel_arguments=y"], "NAME=VALUE"),
        (["--sqlite_config_filename_uri=x", "--grpc_tls_key=k"], "must be used together"),
        (["--metadata_store_server_config_file=/no/such"], "Cannot read"),
        (["--metadata_source_config_type=config_file"], "--metadata_store_server_config_file"),
        (["--sqlite_config_filename_uri=x", "--memory_limit=512MB"], "512Mi"),
        (["--sqlite_config_filename_uri=x", "--memory_limit=1Mi"], "at least 64Mi"),
        (["--sqlite_config_filename_uri=x", "--downgrade_db_schema_version=9"], "does not downgrade"),
    ],
)
def test_wrong_flags_are_errors_that_say_what_to_type(flags, words):
    command = [sys.executable, "-m", "kubeflow_metadata.mlmd", *flags]
    started = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert started.returncode == 2
    assert words in re.sub(r"\s+", " ", started.stderr)
    assert "Traceback" not in started.stderr
