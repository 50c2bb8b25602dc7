"""Clients that hold back, flood, ask for too much or go away: what they do to others, which is nothing."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import pymysql
import pytest
from grpc_health.v1 import health_pb2

from kubeflow_metadata.mlmd import server as server_module
from kubeflow_metadata.mlmd import slots
from kubeflow_metadata.mlmd.db.deadlines import CallTime
from kubeflow_metadata.mlmd.db.mysql.database import MySqlDatabase
from kubeflow_metadata.mlmd.errors import UnavailableError
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.server import GrpcServer
from kubeflow_metadata.mlmd.slots import Slots
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from kubeflow_metadata.serving import ending
from tests.support.http2 import RawConnection, half_message
from tests.support.mlmd_server import Server, health_of, mysql_flags, put_type, with_password
from tests.support.servers import unused_port
from tests.support.store import caller
from tests.support.waiting import eventually

SECONDS = 60
PUT = "/ml_metadata.MetadataStoreService/PutArtifacts"
WATCH = "/grpc.health.v1.Health/Watch"


@pytest.fixture
def start(tmp_path):
    """Starts a server over a database of the test."""
    started = []

    def start(*flags):
        started.append(Server(f"--sqlite_config_filename_uri={tmp_path / 'm.db'}", *flags))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def assert_answers(server):
    with server.connect() as channel:
        for _ in range(10):
            server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), channel=channel)
    assert health_of(server, "liveness") == "SERVING"


@pytest.mark.parametrize("data", [b"", half_message(declared=100_000, sent=1000)], ids=["headers", "part"])
def test_calls_that_are_half_sent_hold_nobody_up(start, data):
    health = f"127.0.0.1:{unused_port()}"
    server = start(f"--health_port={health.rpartition(':')[2]}", "--worker_threads=2")
    connections = [RawConnection(server.target) for _ in range(10)]
    probes = [RawConnection(health) for _ in range(2)]
    try:
        for _ in range(20):
            for connection in connections:
                connection.open(PUT, data)
            for connection in probes:
                connection.open("/grpc.health.v1.Health/Check", data)
        assert_answers(server)
        assert health_of(server, "liveness", health) == "SERVING"
    finally:
        for connection in (*connections, *probes):
            connection.close()


def test_streams_that_are_opened_and_reset_are_a_matter_of_their_own_connection(start):
    server = start("--worker_threads=2")
    over = threading.Event()
    flooded = threading.Event()

    def flood():
        while not over.is_set():
            try:
                with RawConnection(server.target) as connection:
                    while not over.is_set():
                        connection.open_and_reset(PUT, 1000)
                        flooded.set()
            except OSError:  # the server may hang up
                continue

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        assert flooded.wait(SECONDS)
        with server.connect() as channel:
            for _ in range(200):
                server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), channel=channel)
    finally:
        over.set()
        thread.join(SECONDS)
    assert_answers(server)


def test_health_can_be_watched_by_many_at_once(start):
    server = start("--worker_threads=1")
    channels = [server.connect() for _ in range(3)]
    request = health_pb2.HealthCheckRequest(service="liveness").SerializeToString()
    watching = [channel.unary_stream(WATCH)(request) for channel in channels for _ in range(10)]
    for watch in watching:
        assert health_pb2.HealthCheckResponse.FromString(next(watch)).status == health_pb2.HealthCheckResponse.SERVING
    assert_answers(server)
    for channel in channels:
        channel.close()


# A query that takes longer than anybody waits: an artifact in many contexts, each of which may be each of the aliases.
COSTLY = " AND ".join(f"contexts_{name}.name LIKE '%c%'" for name in "abcdefg")


def put_costly(server):
    """Stores what makes ``COSTLY`` costly."""
    type_id = put_type(server)
    context_type = pb.ContextType(name="C")
    context_type_id = server.call("PutContextType", rpc.PutContextTypeRequest(context_type=context_type)).type_id
    contexts = [pb.Context(type_id=context_type_id, name=f"c{number}") for number in range(60)]
    context_ids = server.call("PutContexts", rpc.PutContextsRequest(contexts=contexts)).context_ids
    put = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
    (artifact_id,) = server.call("PutArtifacts", put).artifact_ids
    links = [pb.Attribution(artifact_id=artifact_id, context_id=context_id) for context_id in context_ids]
    server.call("PutAttributionsAndAssociations", rpc.PutAttributionsAndAssociationsRequest(attributions=links))


def ask_costly(channel):
    """Asks without a deadline."""
    request = rpc.GetArtifactsRequest(options={"filter_query": COSTLY, "max_result_size": 10})
    return channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifacts").future(request.SerializeToString())


def occupy(server, threads):
    """Costly queries on all threads."""
    channel = server.connect()
    asked = [ask_costly(channel) for _ in range(threads)]
    eventually(lambda: not answers(server), "all threads are occupied", seconds=SECONDS)
    return channel, asked


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def answers(server):
    try:
        server.call("GetArtifactTypes", rpc.GetArtifactTypesRequest(), timeout=0.5)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return False
        raise
    return True


def test_a_call_ends_at_the_limit_of_the_server(start):
    port = unused_port()
    before = start()
    put_costly(before)
    before.stop()
    server = start("--max_call_seconds=2", "--worker_threads=2", f"--metrics_port={port}")
    with server.connect() as channel:
        for asked in [ask_costly(channel) for _ in range(4)]:
            error = asked.exception(SECONDS)
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "--max_call_seconds" in error.details()
            assert "2 seconds" in error.details()
    assert_answers(server)
    assert metric(port, "kubeflow_metadata_grpc_calls_over_time_total") == 4


def test_a_call_whose_client_has_gone_ends(start):
    server = start("--max_call_seconds=0", "--worker_threads=2")
    put_costly(server)
    channel, asked = occupy(server, 4)
    for call in asked:
        call.cancel()
    assert_answers(server)
    channel.close()
    again, _ = occupy(server, 2)
    again.close()
    assert_answers(server)


def test_a_call_that_outlasts_the_grace_does_not_keep_the_process(start):
    server = start("--max_call_seconds=0", "--worker_threads=2", "--grace_seconds=0.5")
    put_costly(server)
    channel, _ = occupy(server, 2)
    assert server.stop() == 0
    channel.close()


def test_on_mysql_a_call_whose_client_has_gone_ends_with_its_statement(mysql):
    with mysql.database() as settings:
        server = Server(
            *mysql_flags(settings), "--worker_processes=1", "--max_call_seconds=0", env=with_password(settings)
        )
        try:
            type_id = put_type(server)
            put = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(type_id=type_id)])
            (artifact_id,) = server.call("PutArtifacts", put).artifact_ids
            update = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(id=artifact_id, type_id=type_id, uri="new")])
            running = (
                "SELECT COUNT(*) FROM information_schema.processlist "
                f"WHERE db = '{settings.database}' AND info IS NOT NULL"
            )
            with mysql.locked(settings.database, "Artifact"):
                call = server.channel.unary_unary(PUT).future(update.SerializeToString())
                eventually(lambda: mysql.sql(running) != [(0,)], "the statement waits for the lock")
                call.cancel()
                eventually(lambda: mysql.sql(running) == [(0,)], "the statement has ended")
            assert server.call("PutArtifacts", update).artifact_ids == [artifact_id]
        finally:
            server.stop()


def test_out_of_memory_in_the_serving_thread_ends_the_process(tmp_path):
    """A process whose serving thread is gone would live on, answer nobody and ignore SIGTERM."""
    script = (
        "import grpc._server\n"
        "def out_of_memory(*args, **kwargs): raise MemoryError\n"
        "grpc._server._handle_call = out_of_memory\n"
        "from kubeflow_metadata.mlmd.cli import main\n"
        "main()\n"
    )
    port = unused_port()
    command = [sys.executable, "-c", script, f"--grpc_port={port}"]
    process = subprocess.Popen([*command, f"--sqlite_config_filename_uri={tmp_path / 'm.db'}"], stderr=subprocess.PIPE)
    with process, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifactTypes")
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=SECONDS, wait_for_ready=True)
        try:
            assert process.wait(SECONDS) == ending.RESTART
        finally:
            process.kill()


class Blocking:
    """Calls that do not end before they are released, whatever their time."""

    descriptor = rpc.DESCRIPTOR.services_by_name["MetadataStoreService"]

    def __init__(self):
        self.release = threading.Event()

    def handler(self, method):
        def answer(_):
            self.release.wait(SECONDS)
            return getattr(rpc, f"{method}Response")()

        return answer


def test_liveness_fails_while_calls_do_not_end_any_more(monkeypatch):
    monkeypatch.setattr(server_module, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(slots, "STUCK_SECONDS", 0.1)
    service, stuck = Blocking(), threading.Event()
    server = GrpcServer([service], ServerOptions("127.0.0.1:0", workers=2, max_call_seconds=0.1))
    server.start(stuck.set)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:

        def live():
            answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"\n\x08liveness", timeout=SECONDS)
            return health_pb2.HealthCheckResponse.FromString(answer).status == health_pb2.HealthCheckResponse.SERVING

        assert live()
        call = channel.unary_unary(PUT).future(b"", timeout=SECONDS)
        assert stuck.wait(SECONDS)
        eventually(lambda: not live(), "liveness fails")
        service.release.set()
        assert call.result() == b""
        eventually(live, "liveness has recovered")
    server.stop(0)


def test_while_calls_end_none_is_stuck(monkeypatch):
    held = Slots()
    over, other = CallTime(limit=0), CallTime(limit=0)
    held.take(over)
    monkeypatch.setattr(slots, "time", SimpleNamespace(monotonic=lambda: over.ends + slots.STUCK_SECONDS + 1))
    assert held.stuck()
    held.take(other)
    held.give_back(other)
    assert not held.stuck()


def test_a_request_that_does_not_fit_the_memory_is_refused_in_words(start):
    port = unused_port()
    server = start("--memory_limit=512Mi", "--worker_processes=1", f"--metrics_port={port}")
    for size in (30 * 2**20, 101 * 2**20):
        huge = rpc.PutArtifactsRequest(artifacts=[pb.Artifact(uri="x" * size)])
        with pytest.raises(grpc.RpcError) as caught:
            server.call("PutArtifacts", huge)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        if size < 50 * 2**20:
            assert "512 MiB" in str(caught.value.details())
            assert "--memory_limit" in str(caught.value.details())
    many = rpc.PutArtifactsRequest(artifacts=[pb.Artifact()] * 1_000_000)
    with pytest.raises(grpc.RpcError) as caught:
        server.call("PutArtifacts", many)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "--memory_limit" in str(caught.value.details())
    assert_answers(server)
    refused = "kubeflow_metadata_grpc_refused_for_memory_total"
    assert [metric(port, f'{refused}{{reason="{reason}"}}') for reason in ("message", "fields")] == [1, 1]


@pytest.mark.parametrize("kind", ["sqlite", "mysql"])
def test_an_answer_that_does_not_fit_the_memory_is_refused_in_words(kind, start, request):
    flags = ["--memory_limit=160Mi", "--worker_processes=1"]
    if kind == "sqlite":
        assert_large_answers_are_refused(start(*flags))
        return
    with request.getfixturevalue("mysql").database() as settings:
        server = Server(*mysql_flags(settings), *flags, env=with_password(settings))
        try:
            assert_large_answers_are_refused(server)
        finally:
            server.stop()


def assert_large_answers_are_refused(server):
    type_id = put_type(server)
    stored = []
    for _ in range(10):
        artifacts = [pb.Artifact(type_id=type_id, uri="x" * 60_000) for _ in range(17)]
        stored += server.call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=artifacts)).artifact_ids
    with pytest.raises(grpc.RpcError) as caught:
        server.call("GetArtifacts", rpc.GetArtifactsRequest())
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "max_result_size" in str(caught.value.details())
    assert "--memory_limit" in str(caught.value.details())
    with ThreadPoolExecutor(8) as pool, server.connect() as channel:
        pages = list(
            pool.map(
                lambda _: server.call(
                    "GetArtifacts", rpc.GetArtifactsRequest(options={"max_result_size": 10}), channel=channel
                ),
                range(16),
            )
        )
    assert {len(page.artifacts) for page in pages} == {10}
    with server.connect() as channel:
        few = server.call("GetArtifactsByID", rpc.GetArtifactsByIDRequest(artifact_ids=stored[:5]), channel=channel)
    assert len(few.artifacts) == 5


def test_an_answer_that_fits_is_whole(start):
    server = start("--memory_limit=512Mi", "--worker_processes=1")
    type_id = put_type(server)
    for _ in range(5):
        artifacts = [pb.Artifact(type_id=type_id, custom_properties={"a": pb.Value(int_value=n)}) for n in range(1000)]
        server.call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=artifacts))
    assert len(server.call("GetArtifacts", rpc.GetArtifactsRequest()).artifacts) == 5000


def test_sigterm_ends_a_server_whose_database_is_away(tmp_path):
    away = [f"--mysql_config_port={unused_port()}", "--mysql_config_host=127.0.0.1", "--mysql_config_database=x"]
    server = Server(*away, "--worker_processes=1", "--grace_seconds=0.2")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(lambda: server.call("GetArtifacts", rpc.GetArtifactsRequest())) for _ in range(8)]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(SECONDS) == 0
        for call in waiting:
            assert isinstance(call.exception(SECONDS), grpc.RpcError)
    server.stop()


def test_a_call_whose_time_is_over_while_it_commits_does_not_claim_that_nothing_was_written(mysql, monkeypatch):
    commit = pymysql.connections.Connection.commit

    def commit_late(connection):
        hung_up = select.poll()
        hung_up.register(connection._sock.fileno(), 0)  # the end of a connection is always told
        assert hung_up.poll(SECONDS * 1000)
        commit(connection)

    monkeypatch.setattr("kubeflow_metadata.mlmd.db.mysql.driver._drivers", [pymysql])
    with mysql.database() as settings:
        database = MySqlDatabase(settings)
        database.prepare()
        call = caller(database)
        monkeypatch.setattr(pymysql.connections.Connection, "commit", commit_late)
        with CallTime(limit=0.3), pytest.raises(UnavailableError, match="may or may not have been stored"):
            call("PutTypes", 'artifact_types { name: "T" }')
        database.close()
