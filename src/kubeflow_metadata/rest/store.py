"""The gRPC metadata store, as far as `/api/v1alpha1` needs it. Any server of `ml_metadata` will do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.proto import metadata_store_service_pb2 as service
from kubeflow_metadata.rest.metrics import observe_call

Request = TypeVar("Request", bound=Message)
Reply = TypeVar("Reply", bound=Message)
Node = TypeVar("Node", mlmd.Artifact, mlmd.Execution)
Type = TypeVar("Type", mlmd.ArtifactType, mlmd.ExecutionType)

SERVICE = "ml_metadata.MetadataStoreService"
# Every server accepts pages of 100. The official one loses all that follows the first page when asked for more.
PAGE_SIZE = 100

request_id: ContextVar[str] = ContextVar("request_id", default="")


class StoreError(Exception):
    """The store answered with an error, or not at all."""

    def __init__(self, method: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{method}: {code.name}: {details}")
        self.code = code
        self.details = details


def connect(target: str, max_message_length: int) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(
        target,
        options=[
            ("grpc.max_receive_message_length", max_message_length),
            ("grpc.max_send_message_length", max_message_length),
            # A store that comes back is found within a second, not within gRPC's two minutes.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
    )


class Store:
    """All that the backend asks of the store; the two kinds of node are asked alike."""

    def __init__(self, channel: grpc.aio.Channel, timeout: float) -> None:
        calls = _Calls(channel, timeout)
        self.artifacts: NodeStore[mlmd.Artifact, mlmd.ArtifactType] = ArtifactStore(calls)
        self.executions: NodeStore[mlmd.Execution, mlmd.ExecutionType] = ExecutionStore(calls)
        self._put_events = calls.method(service.PutEventsRequest, service.PutEventsResponse)
        self._get_type = calls.method(service.GetArtifactTypeRequest, service.GetArtifactTypeResponse)

    async def put_event(self, event: mlmd.Event) -> None:
        await self._put_events(service.PutEventsRequest(events=[event]))

    async def ping(self) -> None:
        """Return if the store answers a question that it has to ask its database; else raise StoreError."""
        try:
            await self._get_type(service.GetArtifactTypeRequest(type_name="kubeflow.org/alpha/model"))
        except StoreError as error:
            if error.code != grpc.StatusCode.NOT_FOUND:
                raise


class NodeStore(ABC, Generic[Node, Type]):
    """One kind of node, artifacts or executions, with its types and its side of the events."""

    noun: str
    node_message: type[Node]
    type_message: type[Type]

    @abstractmethod
    async def put_type(self, node_type: Type, *, can_add: bool = False, can_omit: bool = False) -> None:
        """Create the type, or confirm that it is there with the same properties (or more, or fewer, if allowed)."""

    @abstractmethod
    async def get_type(self, name: str) -> Type: ...

    @abstractmethod
    async def get_types(self) -> Sequence[Type]: ...

    @abstractmethod
    async def put(self, node: Node) -> int: ...

    @abstractmethod
    async def get(self, ids: Sequence[int]) -> Sequence[Node]: ...

    @abstractmethod
    async def get_page(self, type_name: str | None, options: mlmd.ListOperationOptions) -> tuple[Sequence[Node], str]:
        """A page of all nodes or of a type's, and the token of the next page ("" after the last)."""

    @abstractmethod
    async def get_events(self, node_id: int) -> Sequence[mlmd.Event]: ...

    async def pages(self, type_name: str | None) -> AsyncIterator[Sequence[Node]]:
        """All nodes, or a type's, in the order of their ids."""
        token = ""
        while True:
            options = mlmd.ListOperationOptions(
                max_result_size=PAGE_SIZE,
                order_by_field={"field": mlmd.ListOperationOptions.OrderByField.ID, "is_asc": True},
                next_page_token=token,
            )
            nodes, token = await self.get_page(type_name, options)
            yield nodes
            if not token:
                return


class _Calls:
    def __init__(self, channel: grpc.aio.Channel, timeout: float) -> None:
        self._channel = channel
        self._timeout = timeout

    def method(self, request: type[Request], reply: type[Reply]) -> Callable[[Request], Awaitable[Reply]]:
        """The RPC whose messages these are: in this service `X` takes `XRequest`."""
        name = request.DESCRIPTOR.name.removesuffix("Request")
        call: grpc.aio.UnaryUnaryMultiCallable[Any, Any] = self._channel.unary_unary(
            f"/{SERVICE}/{name}", request.SerializeToString, reply.FromString
        )

        async def invoke(message: Request) -> Reply:
            metadata = (("x-request-id", request_id.get()),) if request_id.get() else None
            with observe_call(name) as outcome:
                try:
                    answer: Reply = await call(message, timeout=self._timeout, metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    outcome.code = error.code().name
                    raise StoreError(name, error.code(), error.details() or "") from error
            return answer

        return invoke


class ArtifactStore(NodeStore[mlmd.Artifact, mlmd.ArtifactType]):
    noun = "artifact"
    node_message = mlmd.Artifact
    type_message = mlmd.ArtifactType

    def __init__(self, calls: _Calls) -> None:
        self._put_type = calls.method(service.PutArtifactTypeRequest, service.PutArtifactTypeResponse)
        self._get_type = calls.method(service.GetArtifactTypeRequest, service.GetArtifactTypeResponse)
        self._get_types = calls.method(service.GetArtifactTypesRequest, service.GetArtifactTypesResponse)
        self._put = calls.method(service.PutArtifactsRequest, service.PutArtifactsResponse)
        self._by_id = calls.method(service.GetArtifactsByIDRequest, service.GetArtifactsByIDResponse)
        self._all = calls.method(service.GetArtifactsRequest, service.GetArtifactsResponse)
        self._by_type = calls.method(service.GetArtifactsByTypeRequest, service.GetArtifactsByTypeResponse)
        self._events = calls.method(service.GetEventsByArtifactIDsRequest, service.GetEventsByArtifactIDsResponse)

    async def put_type(self, node_type: mlmd.ArtifactType, *, can_add: bool = False, can_omit: bool = False) -> None:
        await self._put_type(
            service.PutArtifactTypeRequest(artifact_type=node_type, can_add_fields=can_add, can_omit_fields=can_omit)
        )

    async def get_type(self, name: str) -> mlmd.ArtifactType:
        return (await self._get_type(service.GetArtifactTypeRequest(type_name=name))).artifact_type

    async def get_types(self) -> Sequence[mlmd.ArtifactType]:
        return (await self._get_types(service.GetArtifactTypesRequest())).artifact_types

    async def put(self, node: mlmd.Artifact) -> int:
        return (await self._put(service.PutArtifactsRequest(artifacts=[node]))).artifact_ids[0]

    async def get(self, ids: Sequence[int]) -> Sequence[mlmd.Artifact]:
        return (await self._by_id(service.GetArtifactsByIDRequest(artifact_ids=ids))).artifacts

    async def get_page(
        self, type_name: str | None, options: mlmd.ListOperationOptions
    ) -> tuple[Sequence[mlmd.Artifact], str]:
        if type_name is None:
            page = await self._all(service.GetArtifactsRequest(options=options))
            return page.artifacts, page.next_page_token
        of_type = await self._by_type(service.GetArtifactsByTypeRequest(type_name=type_name, options=options))
        return of_type.artifacts, of_type.next_page_token

    async def get_events(self, node_id: int) -> Sequence[mlmd.Event]:
        return (await self._events(service.GetEventsByArtifactIDsRequest(artifact_ids=[node_id]))).events


class ExecutionStore(NodeStore[mlmd.Execution, mlmd.ExecutionType]):
    noun = "execution"
    node_message = mlmd.Execution
    type_message = mlmd.ExecutionType

    def __init__(self, calls: _Calls) -> None:
        self._put_type = calls.method(service.PutExecutionTypeRequest, service.PutExecutionTypeResponse)
        self._get_type = calls.method(service.GetExecutionTypeRequest, service.GetExecutionTypeResponse)
        self._get_types = calls.method(service.GetExecutionTypesRequest, service.GetExecutionTypesResponse)
        self._put = calls.method(service.PutExecutionsRequest, service.PutExecutionsResponse)
        self._by_id = calls.method(service.GetExecutionsByIDRequest, service.GetExecutionsByIDResponse)
        self._all = calls.method(service.GetExecutionsRequest, service.GetExecutionsResponse)
        self._by_type = calls.method(service.GetExecutionsByTypeRequest, service.GetExecutionsByTypeResponse)
        self._events = calls.method(service.GetEventsByExecutionIDsRequest, service.GetEventsByExecutionIDsResponse)

    async def put_type(self, node_type: mlmd.ExecutionType, *, can_add: bool = False, can_omit: bool = False) -> None:
        await self._put_type(
            service.PutExecutionTypeRequest(execution_type=node_type, can_add_fields=can_add, can_omit_fields=can_omit)
        )

    async def get_type(self, name: str) -> mlmd.ExecutionType:
        return (await self._get_type(service.GetExecutionTypeRequest(type_name=name))).execution_type

    async def get_types(self) -> Sequence[mlmd.ExecutionType]:
        return (await self._get_types(service.GetExecutionTypesRequest())).execution_types

    async def put(self, node: mlmd.Execution) -> int:
        return (await self._put(service.PutExecutionsRequest(executions=[node]))).execution_ids[0]

    async def get(self, ids: Sequence[int]) -> Sequence[mlmd.Execution]:
        return (await self._by_id(service.GetExecutionsByIDRequest(execution_ids=ids))).executions

    async def get_page(
        self, type_name: str | None, options: mlmd.ListOperationOptions
    ) -> tuple[Sequence[mlmd.Execution], str]:
        if type_name is None:
            page = await self._all(service.GetExecutionsRequest(options=options))
            return page.executions, page.next_page_token
        of_type = await self._by_type(service.GetExecutionsByTypeRequest(type_name=type_name, options=options))
        return of_type.executions, of_type.next_page_token

    async def get_events(self, node_id: int) -> Sequence[mlmd.Event]:
        return (await self._events(service.GetEventsByExecutionIDsRequest(execution_ids=[node_id]))).events
