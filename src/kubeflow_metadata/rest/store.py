"""What the backend asks of the metadata store, once for all kinds of node.

The service has the same RPCs for each kind, and each is named after the kind: so are the fields of their messages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.calls import Calls
from kubeflow_metadata.rest.errors import StoreError

Node = TypeVar("Node", mlmd.Artifact, mlmd.Execution)
Type = TypeVar("Type", mlmd.ArtifactType, mlmd.ExecutionType)

# Every server accepts pages of 100. The official one loses all that follows the first page when asked for more.
PAGE_SIZE = 100
# Into how many a page is divided that turns out to be too large.
_SMALLER = 4


@dataclass(frozen=True)
class Kind(Generic[Node, Type]):
    """A kind of node: what it is called, and its messages."""

    noun: str
    node: type[Node]
    type: type[Type]

    @property
    def title(self) -> str:
        """Returns the noun as RPCs and messages have it."""
        return self.noun.capitalize()


ARTIFACT = Kind("artifact", mlmd.Artifact, mlmd.ArtifactType)
EXECUTION = Kind("execution", mlmd.Execution, mlmd.ExecutionType)

# The RPCs that every kind has; {} is its title.
_PUT_TYPE = "Put{}Type"
_GET_TYPE = "Get{}Type"
_GET_TYPES = "Get{}Types"
_PUT = "Put{}s"
_GET_BY_ID = "Get{}sByID"
_GET_ALL = "Get{}s"
_GET_BY_TYPE = "Get{}sByType"
_GET_EVENTS = "GetEventsBy{}IDs"


class Store:
    """The metadata store."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def nodes(self, kind: Kind[Node, Type]) -> NodeStore[Node, Type]:
        """Returns the store's nodes of a kind."""
        return NodeStore(self._calls, kind)

    async def put_event(self, event: mlmd.Event) -> None:
        """Stores an event."""
        await self._calls("PutEvents", events=[event])

    async def ping(self) -> None:
        """Returns if the store answers a question that it has to ask its database; else raises StoreError."""
        try:
            await self.nodes(ARTIFACT).get_type("kubeflow.org/alpha/model")
        except StoreError as error:
            if error.code != grpc.StatusCode.NOT_FOUND:
                raise


class Page:
    """A page of a list, as it was written; it may be large, and is kept only until it is taken."""

    def __init__(self, written: bytes, next_token: str) -> None:
        self.size = len(written)
        self.next_token = next_token
        self._written = written

    def take(self) -> bytes:
        """Returns the page, once."""
        written, self._written = self._written, b""
        return written


class NodeStore(Generic[Node, Type]):
    """The nodes of one kind, with their types and their side of the events."""

    def __init__(self, calls: Calls, kind: Kind[Node, Type]) -> None:
        self._calls = calls
        self._noun = kind.noun
        self._title = kind.title

    async def put_type(self, node_type: Type, *, can_add: bool = False, can_omit: bool = False) -> None:
        """Creates the type, or confirms that it is there with the same properties (or more, or fewer, if allowed)."""
        fields = {f"{self._noun}_type": node_type, "can_add_fields": can_add, "can_omit_fields": can_omit}
        await self._ask(_PUT_TYPE, **fields)

    async def get_type(self, name: str, version: str = "") -> Type:
        """Returns the type of this name and version; most types have none."""
        answer = await self._ask(_GET_TYPE, type_name=name, type_version=version or None)
        node_type: Type = getattr(answer, f"{self._noun}_type")
        return node_type

    async def get_types(self) -> Sequence[Type]:
        """Returns all types."""
        types: Sequence[Type] = getattr(await self._ask(_GET_TYPES), f"{self._noun}_types")
        return types

    async def put(self, node: Node) -> int:
        """Stores a node and returns its id."""
        ids: Sequence[int] = getattr(await self._ask(_PUT, **{f"{self._noun}s": [node]}), f"{self._noun}_ids")
        return ids[0]

    async def get(self, ids: Sequence[int]) -> Sequence[Node]:
        """Returns those of the nodes that exist."""
        return self._nodes_in(await self._ask(_GET_BY_ID, **{f"{self._noun}_ids": ids}))

    async def get_events(self, node_id: int) -> Sequence[mlmd.Event]:
        """Returns the events of a node."""
        events: Sequence[mlmd.Event] = (await self._ask(_GET_EVENTS, **{f"{self._noun}_ids": [node_id]})).events
        return events

    async def pages(
        self, write: Callable[[Sequence[Node]], bytes], type_name: str | None, version: str = ""
    ) -> AsyncIterator[Page]:
        """Yields all nodes, or those of the type of this name and version, in the order of their ids.

        Args:
            write: turns a page of nodes, at least one, into bytes; large ones in a thread, one after the other.
            type_name: of the type; None for all nodes.
            version: of the type.
        """

        def page_of(response: Any) -> Page:
            nodes = self._nodes_in(response)
            return Page(write(nodes) if nodes else b"", response.next_page_token)

        token = ""
        size = PAGE_SIZE
        while True:
            options = mlmd.ListOperationOptions(
                max_result_size=size,
                order_by_field={"field": mlmd.ListOperationOptions.OrderByField.ID, "is_asc": True},
                next_page_token=token,
            )
            try:
                if type_name is None:
                    page = await self._ask(_GET_ALL, page_of, options=options)
                else:
                    named = {"type_name": type_name, "type_version": version or None}
                    page = await self._ask(_GET_BY_TYPE, page_of, **named, options=options)
            except StoreError as error:
                # Nodes so large that a page of them exceeds what the store sends, or what is taken here.
                if error.code != grpc.StatusCode.RESOURCE_EXHAUSTED or size == 1:
                    raise
                size = max(1, size // _SMALLER)
                continue
            yield page
            token = page.next_token
            if not token:
                return

    async def _ask(self, rpc: str, use: Callable[[Any], Any] = lambda message: message, /, **fields: Any) -> Any:
        return await self._calls(rpc.format(self._title), use, **fields)

    def _nodes_in(self, response: Any) -> Sequence[Node]:
        nodes: Sequence[Node] = getattr(response, f"{self._noun}s")
        return nodes
