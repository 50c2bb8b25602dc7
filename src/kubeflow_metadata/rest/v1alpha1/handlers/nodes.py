"""Artifacts and executions: create, get, list."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Generic

import grpc

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.errors import ApiError, StoreError
from kubeflow_metadata.rest.store import Kind, Node, NodeStore, Page, Type
from kubeflow_metadata.rest.v1alpha1.handlers.call import Answer, Call, invalid
from kubeflow_metadata.rest.v1alpha1.wire.decode import INT64
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode

_LARGE_PAGE_BYTES = 256 * 1024
_DIGITS = re.compile("[0-9]+")
_PROPERTY_TYPES = {
    "int_value": mlmd.INT,
    "double_value": mlmd.DOUBLE,
    "string_value": mlmd.STRING,
    "struct_value": mlmd.STRUCT,
    "proto_value": mlmd.PROTO,
    "bool_value": mlmd.BOOLEAN,
}
# What upstream says it expected of a node that does not exist, where that is not the node's title.
_EXPECTED = {"artifact": "new Artifact id"}


class NodeHandlers(Generic[Node, Type]):
    """The operations on one kind of node."""

    def __init__(self, kind: Kind[Node, Type]) -> None:
        self._kind: Kind[Node, Type] = kind
        self._noun = kind.noun
        self._title = kind.title

    async def create(self, call: Call) -> Answer:
        """Creates a node of the type in the path."""
        node: Node = call.message(self._kind.node)
        if node.HasField("id"):
            raise invalid(f"id should remain unspecified when creating {self._title}")
        call.check_names("name", [node.name])
        call.check_names("external id", [node.external_id])
        call.check_names("property name", [*node.properties, *node.custom_properties])
        nodes = call.store.nodes(self._kind)
        node_type = await self._resolve_type(nodes, call.parameters["parent"], call.query.get("version", ""))
        _check_properties(node, node_type)
        node.type_id = node_type.id
        return await self._one(nodes, await nodes.put(node))

    async def get(self, call: Call) -> Answer:
        """Returns a node by its id; the type in the path has never mattered."""
        number = call.parameters["id"]
        if not _DIGITS.fullmatch(number) or len(number) > 19 or int(number) not in INT64:
            types, nodes = f"{self._noun}_types", f"{self._noun}s"
            raise invalid(
                f'malformed {self._title} name "{types}/{call.parameters["name"]}/{nodes}/{number}".'
                f' Must match pattern "{types}/.*/{nodes}/([0-9]+)"'
            )
        return await self._one(call.store.nodes(self._kind), int(number))

    async def list_of_type(self, call: Call) -> Answer:
        """Lists the nodes of the type in the path."""
        return await self._list(call, call.parameters["name"])

    async def list_all(self, call: Call) -> Answer:
        """Lists all nodes, or those of the type in the query."""
        name = call.query.get("name", "")
        return await self._list(call, name.removeprefix(f"{self._noun}_types/") if name else None)

    async def _resolve_type(self, nodes: NodeStore[Node, Type], name: str, version: str) -> Type:
        try:
            return await nodes.get_type(name, version)
        except StoreError as error:
            if error.code != grpc.StatusCode.NOT_FOUND:
                raise
            raise ApiError(
                error.code,
                f'failed to resolve {self._title}Type under "{self._noun}_types/{name}": {error.details}',
            ) from error

    async def _one(self, nodes: NodeStore[Node, Type], node_id: int) -> bytes:
        stored = await nodes.get([node_id])
        if not stored:
            expected = _EXPECTED.get(self._noun, self._title)
            message = f"internal error: expecting single {expected}, got instead : []"
            raise ApiError(grpc.StatusCode.NOT_FOUND, message)
        return b'{"%b":%b}' % (self._noun.encode(), encode(stored[0]))

    async def _list(self, call: Call, type_name: str | None) -> Answer:
        pages = call.store.nodes(self._kind).pages(_written, type_name, call.query.get("version", ""))
        first = await anext(pages)
        if not first.size:
            return b"{}"
        stream = self._stream(first, pages)
        if not first.next_token:
            return b"".join([part async for part in stream])
        return stream

    async def _stream(self, page: Page | None, pages: AsyncIterator[Page]) -> AsyncIterator[bytes]:
        separator = b'{"%bs":[' % self._noun.encode()
        while page is not None and page.size:
            # The store works on the next page while this one is sent. No client makes this server keep two large ones,
            # nor one that it has been sent while the next one waits for its turn.
            upcoming = asyncio.create_task(_next(pages)) if page.size <= _LARGE_PAGE_BYTES else None
            try:
                yield separator + page.take()
                page = await (upcoming or _next(pages))
            finally:
                if upcoming:
                    upcoming.cancel()
            separator = b","
        yield b"]}"


async def _next(pages: AsyncIterator[Page]) -> Page | None:
    return await anext(pages, None)


def _written(nodes: Sequence[mlmd.Artifact] | Sequence[mlmd.Execution]) -> bytes:
    return b",".join(map(encode, nodes))


def _check_properties(node: Node, node_type: Type) -> None:
    """Rejects, in upstream's words, what no store accepts; also, some stores do not survive an empty custom value."""
    for name in sorted(node.properties):
        if name not in node_type.properties:
            raise invalid(f"Found unknown property: {name}")
        kind = node.properties[name].WhichOneof("value")
        if kind is None or _PROPERTY_TYPES[kind] != node_type.properties[name]:
            raise invalid(f"Found unmatched property type: {name}")
    for name in sorted(node.custom_properties):
        if node.custom_properties[name].WhichOneof("value") is None:
            raise invalid(f"Found unmatched property type: {name}")
