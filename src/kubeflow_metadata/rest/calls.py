"""Calls to the gRPC metadata store. Any server of ``ml_metadata`` will do."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from kubeflow_metadata.proto import metadata_store_service_pb2 as service
from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.metrics import observe_call
from kubeflow_metadata.serving.telemetry import request_id

SERVICE = "ml_metadata.MetadataStoreService"
RPCS = service.DESCRIPTOR.services_by_name["MetadataStoreService"].methods_by_name


def connect(target: str, max_message_length: int) -> grpc.aio.Channel:
    """Returns a channel to the store; it connects by itself, and again when the store comes back."""
    return grpc.aio.insecure_channel(
        target,
        options=[
            # A proxy named in the environment is not for neighbours.
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", max_message_length),
            ("grpc.max_send_message_length", max_message_length),
            # A store that comes back is found within a second, not within gRPC's two minutes.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
    )


class Calls:
    """The RPCs of the store, by their names."""

    def __init__(self, channel: grpc.aio.Channel, timeout: float) -> None:
        self._channel = channel
        self._timeout = timeout
        self._rpcs: dict[str, tuple[type[Message], grpc.aio.UnaryUnaryMultiCallable[Any, Any]]] = {}

    async def __call__(self, name: str, **fields: Any) -> Any:
        """Calls an RPC with a request of these fields and returns its response.

        Raises:
            StoreError: the store answered with an error, or not at all.
        """
        request, rpc = self._rpcs.get(name) or self._add(name)
        metadata = (("x-request-id", request_id.get()),) if request_id.get() else None
        with observe_call(name) as outcome:
            try:
                return await rpc(request(**fields), timeout=self._timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                outcome.code = error.code().name
                raise StoreError(name, error.code(), error.details() or "") from error

    def _add(self, name: str) -> tuple[type[Message], grpc.aio.UnaryUnaryMultiCallable[Any, Any]]:
        request, response = GetMessageClass(RPCS[name].input_type), GetMessageClass(RPCS[name].output_type)
        rpc = self._channel.unary_unary(f"/{SERVICE}/{name}", request.SerializeToString, response.FromString)
        self._rpcs[name] = request, rpc
        return request, rpc
