"""Artifact types and execution types: create or confirm, add properties, get, list."""

from __future__ import annotations

from typing import Generic

import grpc

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.errors import ApiError, StoreError
from kubeflow_metadata.rest.store import Kind, Node, NodeStore, Type
from kubeflow_metadata.rest.v1alpha1.handlers.call import Answer, Call, invalid
from kubeflow_metadata.rest.v1alpha1.handlers.names import is_blank
from kubeflow_metadata.rest.v1alpha1.wire.encode import encode

_CONFLICT = "Type already exists with different properties."


class TypeHandlers(Generic[Node, Type]):
    """The operations on the types of one kind of node."""

    def __init__(self, kind: Kind[Node, Type]) -> None:
        self._kind: Kind[Node, Type] = kind
        self._noun = kind.noun

    async def create(self, call: Call) -> Answer:
        """Creates the type, or confirms that the stored one has exactly these properties."""
        return await self._put(self._nodes(call), self._read(call), can_add=False)

    async def update(self, call: Call) -> Answer:
        """Creates the type, or adds properties to the stored one; the body repeats those that it has."""
        nodes, node_type = self._nodes(call), self._read(call)
        if node_type.HasField("id"):
            await _check_id(nodes, node_type)
        return await self._put(nodes, node_type, can_add=True)

    async def get(self, call: Call) -> Answer:
        """Returns a type by its name."""
        node_type = await self._nodes(call).get_type(call.parameters["name"], call.query.get("version", ""))
        return self._one(node_type)

    async def list(self, call: Call) -> Answer:
        """Lists all types."""
        types = sorted(await self._nodes(call).get_types(), key=lambda node_type: node_type.id)
        if not types:
            return b"{}"
        return b'{"%b_types":[%b]}' % (self._noun.encode(), b",".join(map(encode, types)))

    def _nodes(self, call: Call) -> NodeStore[Node, Type]:
        return call.store.nodes(self._kind)

    def _read(self, call: Call) -> Type:
        node_type: Type = call.message(self._kind.type)
        call.check_names("type name", [node_type.name])
        call.check_names("version of the type", [node_type.version])
        call.check_names("external id", [node_type.external_id])
        if node_type.name and is_blank(node_type.name):
            raise invalid(f"The type name {node_type.name[:40]!a} is blank: nobody could see or type it.")
        call.check_names("property name", node_type.properties)
        for name in sorted(node_type.properties):
            if node_type.properties[name] == mlmd.UNKNOWN:
                raise invalid(f"Property {name} is UNKNOWN.")
        return node_type

    async def _put(self, nodes: NodeStore[Node, Type], node_type: Type, *, can_add: bool) -> bytes:
        try:
            await nodes.put_type(node_type, can_add=can_add)
        except StoreError as error:
            if error.code != grpc.StatusCode.ALREADY_EXISTS:
                raise
            raise ApiError(error.code, error.details if "external id" in error.details else _CONFLICT) from error
        return self._one(await nodes.get_type(node_type.name, node_type.version))

    def _one(self, node_type: Type) -> bytes:
        return b'{"%b_type":%b}' % (self._noun.encode(), encode(node_type))


async def _check_id(nodes: NodeStore[Node, Type], node_type: Type) -> None:
    # Reading first is safe: a stored type never changes its id.
    try:
        stored = await nodes.get_type(node_type.name, node_type.version)
    except StoreError as error:
        if error.code != grpc.StatusCode.NOT_FOUND:
            raise
        return
    if stored.id != node_type.id:
        raise ApiError(
            grpc.StatusCode.ALREADY_EXISTS,
            f"Type already exists with id {stored.id}, not {node_type.id}.",
        )
