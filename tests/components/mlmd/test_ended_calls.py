"""What is left of a call that has ended, however it did: nothing, and at once."""

from __future__ import annotations

import gc
import weakref

import grpc
import pytest

from kubeflow_metadata.mlmd import server as server_module
from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.errors import NotFoundError, UnavailableError
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.server import GrpcServer
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.mlmd.slots import Slots
from kubeflow_metadata.mlmd.unsent import UnsentAnswers
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.store import caller
from tests.support.waiting import eventually

SECONDS = 60


@pytest.fixture(autouse=True)
def no_collection():
    """Without the garbage collector, which frees, now and then, what should not have been kept."""
    gc.disable()
    yield
    gc.enable()


def test_calls_that_their_client_gave_up_leave_their_streams_to_others(tmp_path):
    database = SqliteSettings(tmp_path / "m.db").open()
    database.prepare()
    server = GrpcServer([MetadataStore(database)], ServerOptions("127.0.0.1:0"))
    server.start()
    call = caller(database)
    type_id = call("PutArtifactType", rpc.PutArtifactTypeRequest(artifact_type={"name": "t"})).type_id
    call("PutArtifacts", rpc.PutArtifactsRequest(artifacts=[{"type_id": type_id, "uri": "x" * 2**20}]))
    options = [("grpc.max_receive_message_length", 2**16)]
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
            read = channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifacts")
            types = channel.unary_unary("/ml_metadata.MetadataStoreService/GetArtifactTypes")
            for _ in range(4):
                reads = [read.future(b"", timeout=SECONDS) for _ in range(60)]
                for one in reads[1::2]:
                    one.cancel()
                for one in reads[::2]:
                    assert one.exception() is not None  # too large for this client

            def others_get_through():
                try:
                    return types(b"", timeout=SECONDS) is not None
                except grpc.RpcError:
                    return False

            eventually(others_get_through, "a call gets a stream", seconds=10)
    finally:
        server.stop(0)
        database.close()


class AbortedError(Exception):
    """What gRPC raises to end a call with an error."""


class Context:
    """As much of gRPC's context of a call as a failed one needs."""

    def time_remaining(self):
        return None

    def add_callback(self, _callback):
        return True

    def invocation_metadata(self):
        return ()

    def abort(self, code, _details):
        raise AbortedError(code)


def fails(_request):
    # As in much of the engine, the frame that raises an error has it in a variable, and so has its cause's.
    try:
        missing = NotFoundError("missing")
        raise missing
    except NotFoundError as cause:
        error = UnavailableError("broken")
        raise error from cause


def test_an_error_does_not_keep_the_call_that_it_ended():
    options = ServerOptions("127.0.0.1:0")
    work = server_module._Work(Slots(), None, options.budget, None, UnsentAnswers(1))
    answer = server_module._answer("GetArtifacts", rpc.GetArtifactsRequest.DESCRIPTOR, fails, work)
    context = Context()
    left = weakref.ref(context)
    ended = None
    try:
        answer(b"", context)
    except AbortedError as error:
        (ended,) = error.args
    assert ended is grpc.StatusCode.UNAVAILABLE
    del context
    assert left() is None
