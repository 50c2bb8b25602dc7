"""Writers and readers that go on whatever happens, and remember what they were told."""

from __future__ import annotations

import collections
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc

from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.mlmd_server import Server, mysql_flags, with_password

TOKEN = "token"


@dataclass(frozen=True)
class TypeIds:
    artifact: int
    execution: int
    context: int


@dataclass
class Record:
    """What all clients saw, kept under one lock."""

    acknowledged: dict[str, int] = field(default_factory=dict)  # the id of an artifact, by its token
    executions: dict[int, int] = field(default_factory=dict)  # an acknowledged execution, and the artifact it wrote
    unknown: set[str] = field(default_factory=set)  # tokens whose call failed: stored or not
    failures: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    calls: int = 0
    wrong: list[str] = field(default_factory=list)
    successes: dict[str, float] = field(default_factory=dict)  # when each client last succeeded
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One client with a connection of its own."""

    def __init__(self, target: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500)]
        self._channel = grpc.insecure_channel(target, options)

    def call(self, method: str, request: Any, timeout: float = 60) -> Any:
        stub = self._channel.unary_unary(
            f"/ml_metadata.MetadataStoreService/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(rpc, f"{method}Response").FromString,
        )
        return stub(request, timeout=timeout, wait_for_ready=True)

    def close(self) -> None:
        self._channel.close()


def serving(settings: MySqlSettings) -> Iterator[Server]:
    """The server that is loaded, with two workers; for fixtures."""
    server = Server(*mysql_flags(settings), "--worker_processes=2", env=with_password(settings))
    yield server
    server.stop()


def put_types(client: Client) -> TypeIds:
    """The types of what clients write."""
    types = client.call(
        "PutTypes",
        rpc.PutTypesRequest(
            artifact_types=[pb.ArtifactType(name="A", properties={"rows": pb.INT})],
            execution_types=[pb.ExecutionType(name="E")],
            context_types=[pb.ContextType(name="C")],
        ),
    )
    return TypeIds(types.artifact_type_ids[0], types.execution_type_ids[0], types.context_type_ids[0])


def artifact(types: TypeIds, token: str) -> pb.Artifact:
    """An artifact all of whose parts follow from its token."""
    made = pb.Artifact(type_id=types.artifact, uri=f"s3://{token}", state=pb.Artifact.LIVE)
    made.properties["rows"].int_value = len(token)
    for part in range(3):
        made.custom_properties[f"{TOKEN}{part}"].string_value = f"{token}-{part}"
    return made


def write(client: Client, types: TypeIds, record: Record, chance: random.Random) -> None:
    """One call that stores one new artifact: alone, or with an execution, an event and a context."""
    token = uuid4().hex
    given = artifact(types, token)
    request: rpc.PutArtifactsRequest | rpc.PutExecutionRequest
    if chance.random() < 0.5:
        method, request = "PutArtifacts", rpc.PutArtifactsRequest(artifacts=[given])
    else:
        method = "PutExecution"
        request = both = rpc.PutExecutionRequest(
            execution=pb.Execution(type_id=types.execution),
            contexts=[pb.Context(type_id=types.context, name=f"run-{chance.randrange(20)}")],
        )
        both.artifact_event_pairs.add(artifact=given, event=pb.Event(type=pb.Event.OUTPUT))
        both.options.reuse_context_if_already_exist = True
    try:
        answer = client.call(method, request)
    except grpc.RpcError as error:
        with record.lock:
            record.failures[method, error.code().name] += 1
            record.unknown.add(token)
        raise
    with record.lock:
        record.acknowledged[token] = answer.artifact_ids[0]
        if method == "PutExecution":
            record.executions[answer.execution_id] = answer.artifact_ids[0]


def read(client: Client, types: TypeIds, record: Record, chance: random.Random) -> None:
    """One call that must find what was acknowledged, as it was given."""
    with record.lock:
        tokens = list(record.acknowledged)
        executions = list(record.executions)
    if not tokens:
        return
    method = chance.choice(["GetArtifactsByID", "GetArtifacts", "GetEventsByExecutionIDs"])
    try:
        if method == "GetArtifactsByID":
            token = chance.choice(tokens)
            wanted = record.acknowledged[token]
            found = client.call(method, rpc.GetArtifactsByIDRequest(artifact_ids=[wanted])).artifacts
            _check(record, len(found) == 1 and is_as_given(found[0], types, token), f"artifact {wanted}: {found}")
        elif method == "GetArtifacts":
            request = rpc.GetArtifactsRequest()
            request.options.max_result_size = 50
            for stored in client.call(method, request).artifacts:
                token = stored.uri.removeprefix("s3://")
                _check(record, is_as_given(stored, types, token), f"page: {stored}")
        elif executions:
            execution = chance.choice(executions)
            events = client.call(method, rpc.GetEventsByExecutionIDsRequest(execution_ids=[execution])).events
            written = [event.artifact_id for event in events]
            _check(record, written == [record.executions[execution]], f"events of {execution}: {events}")
    except grpc.RpcError as error:
        with record.lock:
            record.failures[method, error.code().name] += 1
        raise


def is_as_given(stored: pb.Artifact, types: TypeIds, token: str) -> bool:
    """Whether a stored artifact is the one of this token, whole."""
    plain = pb.Artifact()
    plain.CopyFrom(stored)
    for name in ("id", "type", "create_time_since_epoch", "last_update_time_since_epoch"):
        plain.ClearField(name)
    return plain == artifact(types, token)


def _check(record: Record, holds: bool, what: str) -> None:
    if not holds:
        with record.lock:
            record.wrong.append(what)
