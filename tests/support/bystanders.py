"""Clients that do ordinary work beside an attack, and what they notice of it."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse

import grpc
from grpc_health.v1 import health_pb2

from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

# What a client waits for at most. An answer after that is none.
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
# Of this machine, as 127.0.0.1 is.
_ADDRESS = "127.0.0.2"

Ask = Callable[[], None]


@dataclass
class Bystander:
    """One client: how long each of its calls took, and which failed.

    Attributes:
        name: what it does.
        seconds: of each call that was answered.
        failures: what the others ended with.
    """

    name: str
    ask: Ask
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.ask()
            except (grpc.RpcError, OSError, HTTPException, AssertionError) as error:
                code = error.code().name if isinstance(error, grpc.Call) else f"{type(error).__name__}: {error}"
                self.failures.append(f"{code} after {time.monotonic() - began:.1f} s")
            else:
                self.seconds.append(time.monotonic() - began)
            stop.wait(_PAUSE_SECONDS)

    @property
    def ended(self) -> int:
        return len(self.seconds) + len(self.failures)

    def p99(self) -> float:
        """Seconds that one call in a hundred took longer than."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else float("inf")


@contextmanager
def at_work(clients: dict[str, Ask]) -> Iterator[list[Bystander]]:
    """Lets a bystander work for each of these, from one call to the next."""
    stop = threading.Event()
    bystanders = [Bystander(name, ask) for name, ask in clients.items()]
    threads = [threading.Thread(target=each.run, args=(stop,)) for each in bystanders]
    for thread in threads:
        thread.start()
    try:
        yield bystanders
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def grpc_reader(target: str) -> Ask:
    """Reads an artifact over gRPC."""
    channel = _channel(target)
    call = channel.unary_unary(
        "/ml_metadata.MetadataStoreService/GetArtifactsByID",
        request_serializer=rpc.GetArtifactsByIDRequest.SerializeToString,
        response_deserializer=rpc.GetArtifactsByIDResponse.FromString,
    )

    def ask() -> None:
        answer = call(rpc.GetArtifactsByIDRequest(artifact_ids=[1]), timeout=PATIENCE_SECONDS)
        assert [artifact.id for artifact in answer.artifacts] == [1]

    return ask


def grpc_health(target: str) -> Ask:
    """Asks as a probe of Kubernetes does."""
    channel = _channel(target)
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )

    def ask() -> None:
        answer = check(health_pb2.HealthCheckRequest(service="liveness"), timeout=PATIENCE_SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    return ask


class _FromElsewhere(urllib.request.HTTPHandler):
    """Connects from an address of its own: to servers, the attackers are somebody else."""

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(partial(HTTPConnection, source_address=(_ADDRESS, 0)), req)


def http_reader(url: str) -> Ask:
    """Reads a page; an answer that says when to come again is one."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _FromElsewhere())

    def ask() -> None:
        try:
            with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 503 or not error.headers.get("Retry-After"):
                raise

    return ask


def _channel(target: str) -> grpc.Channel:
    return grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)])
