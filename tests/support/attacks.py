"""What a client may do to a server by mistake or on purpose. Each is held until its block ends.

The sizes are those at which servers were once seen to fail.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message

from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.http2 import RawConnection

_SERVICE = "/ml_metadata.MetadataStoreService"
_PUT = f"{_SERVICE}/PutArtifacts"
# More than the kernel buffers for a client that does not read: 6 MB.
ARTIFACTS, URI_LENGTH = 2000, 3000
CONTEXTS = 60


@dataclass(frozen=True)
class Victim:
    """The addresses of the servers."""

    grpc: str
    rest: str
    ui: str

    @property
    def long_list(self) -> str:
        """The path of a list that takes a while to send."""
        return "/api/v1alpha1/artifacts"


def fill(victim: Victim) -> None:
    """Stores what the attacks read: a long list, and an artifact in many contexts."""
    with _channel(victim.grpc) as channel:

        def call(method: str, request: Message) -> Any:
            stub = channel.unary_unary(
                f"{_SERVICE}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=getattr(rpc, f"{method}Response").FromString,
            )
            return stub(request, timeout=120)

        artifact_type, context_type = pb.ArtifactType(name="attacked"), pb.ContextType(name="attacked")
        types = call("PutTypes", rpc.PutTypesRequest(artifact_types=[artifact_type], context_types=[context_type]))
        (type_id,), (context_id,) = types.artifact_type_ids, types.context_type_ids
        ids = []
        for start in range(0, ARTIFACTS, 500):
            uris = [f"s3://{number}/{'x' * URI_LENGTH}" for number in range(start, start + 500)]
            artifacts = [pb.Artifact(type_id=type_id, uri=uri) for uri in uris]
            ids += call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=artifacts)).artifact_ids
        contexts = [pb.Context(type_id=context_id, name=f"c{number}") for number in range(CONTEXTS)]
        made = call("PutContexts", rpc.PutContextsRequest(contexts=contexts)).context_ids
        links = [pb.Attribution(artifact_id=ids[0], context_id=each) for each in made]
        call("PutAttributionsAndAssociations", rpc.PutAttributionsAndAssociationsRequest(attributions=links))


@contextmanager
def half_sent_calls(victim: Victim) -> Iterator[None]:
    """A thousand calls over twelve connections that send headers and no message."""
    with ExitStack() as stack:
        for _ in range(12):
            connection = RawConnection(victim.grpc)
            stack.callback(connection.close)
            for _ in range(84):
                connection.open(_PUT)
        yield


@contextmanager
def costly_queries(victim: Victim) -> Iterator[None]:
    """Queries that would take years, without a deadline, of clients that go away."""
    query = " AND ".join(f"contexts_{alias}.name != 'x'" for alias in "abcdefg")
    request = rpc.GetArtifactsRequest(options={"filter_query": query}).SerializeToString()

    def ask(stop: threading.Event) -> None:
        with _channel(victim.grpc) as channel:
            call: Any = channel.unary_unary(f"{_SERVICE}/GetArtifacts")
            calls = [call.future(request) for _ in range(8)]
            stop.wait(0.5)
            for each in calls:
                each.cancel()

    with _repeated(ask):
        yield


@contextmanager
def many_values(victim: Victim) -> Iterator[None]:
    """JSON of 6 MiB with three million values."""
    body = b'{"zz":[' + b"0," * (3 * 2**20) + b"0]}"
    path = "/api/v1alpha1/artifact_types/attacked/artifacts"
    with _repeated(lambda _: _post(victim.rest, path, body), 2):
        yield


@contextmanager
def unfinished_uploads(victim: Victim) -> Iterator[None]:
    """Thirty bodies of 30 MiB whose last byte does not come."""
    content = b" " * (30 * 2**20)
    with ExitStack() as stack:
        uploads = [_upload(victim, stack, len(content) + 1) for _ in range(30)]
        senders = [threading.Thread(target=_send_all, args=(upload, content)) for upload in uploads]
        for sender in senders:
            sender.start()
        yield
        for upload in uploads:
            with suppress(OSError):  # the server has closed it
                upload.shutdown(socket.SHUT_RDWR)
        for sender in senders:
            sender.join()


@contextmanager
def empty_elements(victim: Victim) -> Iterator[None]:
    """Messages of 10 MiB with five million empty artifacts."""
    message = b"\x0a\x00" * (5 * 2**20)

    def put(_: threading.Event) -> None:
        with _channel(victim.grpc) as channel:
            call: Any = channel.unary_unary(_PUT)
            try:
                call(message, timeout=60)
            except grpc.RpcError:
                return

    with _repeated(put):
        yield


@contextmanager
def clients_that_leave(victim: Victim) -> Iterator[None]:
    """Clients of the UI that go after the first byte of a long list."""

    def leave(_: threading.Event) -> None:
        with _connection(victim.ui) as connection:
            connection.sendall(_get(victim.long_list))
            connection.recv(1)

    with _repeated(leave, 4):
        yield


@contextmanager
def readers_that_do_not_read(victim: Victim) -> Iterator[None]:
    """More than a hundred clients each of REST and UI that ask for a long list and leave it in the pipe."""
    with ExitStack() as stack:
        for url in (victim.rest, victim.ui):
            for _ in range(110):
                connection = stack.enter_context(_connection(url, receive_bytes=4096))
                connection.sendall(_get(victim.long_list))
        yield


@contextmanager
def crowds(victim: Victim) -> Iterator[None]:
    """Five hundred small requests at once through the UI, and again."""
    answers: list[tuple[int, bool]] = []
    with _repeated(lambda _: answers.extend(asyncio.run(_crowd(victim)))):
        yield
    wrong = [answer for answer in answers if answer not in ((200, False), (503, True))]
    print(f"crowds: {len(answers)} answers, {sum(status == 503 for status, _ in answers)} of them 503")  # noqa: T201
    assert answers
    assert not wrong, f"{len(wrong)} of {len(answers)}, such as {wrong[0]}"


@contextmanager
def reset_flood(victim: Victim) -> Iterator[None]:
    """Calls on one connection that are begun and taken back at once; a connection that is closed is opened again."""

    def flood(stop: threading.Event) -> None:
        connection = RawConnection(victim.grpc)
        try:
            while not stop.is_set():
                connection.open_and_reset(_PUT, 100)
        finally:
            connection.close()

    with _repeated(flood):
        yield


Attack = Callable[[Victim], object]

ATTACKS = {
    attack.__name__: attack
    for attack in (
        half_sent_calls,
        costly_queries,
        many_values,
        unfinished_uploads,
        empty_elements,
        clients_that_leave,
        readers_that_do_not_read,
        crowds,
        reset_flood,
    )
}


def allow_many_files() -> None:
    """Lets this process have as many connections as it may at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _repeated(once: Callable[[threading.Event], object], threads: int = 1) -> Iterator[None]:
    """Does something over and over in threads, whatever the server does about it."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                once(stop)
            except OSError:
                stop.wait(0.05)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join()


async def _crowd(victim: Victim) -> list[tuple[int, bool]]:
    """Five hundred requests at once: the status of each, and whether it says when to come again."""
    host, port = _address(victim.ui)

    async def ask() -> tuple[int, bool]:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(_get("/api/v1alpha1/artifact_types"))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return int(head.split()[1]), b"\r\nretry-after:" in head

    async def ask_patiently() -> tuple[int, bool]:
        try:
            return await asyncio.wait_for(ask(), 60)
        except (OSError, EOFError, asyncio.TimeoutError):
            return 0, False

    return await asyncio.gather(*(ask_patiently() for _ in range(500)))


def _upload(victim: Victim, stack: ExitStack, length: int) -> socket.socket:
    connection = stack.enter_context(_connection(victim.rest))
    path = "/api/v1alpha1/artifact_types/attacked/artifacts"
    connection.sendall(_request("POST", path, "Content-Type: application/json", f"Content-Length: {length}"))
    return connection


def _send_all(connection: socket.socket, content: bytes) -> None:
    try:
        connection.sendall(content)
    except OSError:
        return


def _post(url: str, path: str, body: bytes) -> None:
    with _connection(url) as connection:
        headers = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
        connection.sendall(_request("POST", path, *headers) + body)
        while connection.recv(65536):
            pass


def _get(path: str) -> bytes:
    return _request("GET", path)


def _request(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def _connection(url: str, receive_bytes: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(60)
    connection.connect(_address(url))
    return connection


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _channel(target: str) -> grpc.Channel:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
    return grpc.insecure_channel(target, options)
