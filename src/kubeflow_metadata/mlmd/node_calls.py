"""What the calls of the three kinds of node share: ``MetadataStore`` has one object of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from kubeflow_metadata.mlmd.db.base import Database
from kubeflow_metadata.mlmd.db.values import SqlValue
from kubeflow_metadata.mlmd.engine.kinds import LINK_TABLES, N, NodeKind, T
from kubeflow_metadata.mlmd.engine.names import check_length
from kubeflow_metadata.mlmd.engine.node_reader import NodeReader
from kubeflow_metadata.mlmd.engine.node_writer import NodeWriter, UpdateOptions
from kubeflow_metadata.mlmd.engine.types import PutOptions, TypeCatalog, Types
from kubeflow_metadata.mlmd.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

F = TypeVar("F")

PutTypeRequest = rpc.PutArtifactTypeRequest | rpc.PutExecutionTypeRequest | rpc.PutContextTypeRequest


class NodeCalls(Generic[N, T]):
    """The calls of one kind of node and its types, each in one transaction.

    ``make`` is ``add`` of a response's list: what is read goes there.
    """

    def __init__(self, database: Database, catalog: TypeCatalog, kind: NodeKind[N, T]) -> None:
        self._database = database
        self._catalog = catalog
        self._kind = kind

    # Types

    @contextmanager
    def types(self) -> Iterator[Types[T]]:
        """Reads types."""
        with self._database.read(snapshot=False) as session:
            yield Types(session, self._kind)

    def put_type(self, given: T, request: PutTypeRequest) -> int:
        """Stores a type; returns its id."""
        options = put_options(request)
        with self._database.write() as session:
            return Types(session, self._kind).put(given, options)

    def types_by_external_ids(self, external_ids: Sequence[str]) -> list[T]:
        """Returns the types with these external ids; raises as ``by_external_ids``."""
        with self.types() as types:
            return by_external_ids(types.by_external_ids, external_ids)

    # Nodes

    @contextmanager
    def reader(self, make: Callable[[], N] | None = None) -> Iterator[NodeReader[N]]:
        """Reads nodes, in one query or in several of which the later ones can only find more than the earlier ones."""
        with self._database.read(snapshot=False) as session:
            yield NodeReader(session, self._catalog, self._kind, make)

    def put(self, given: Sequence[N], options: UpdateOptions) -> list[int]:
        """Stores nodes; returns their ids."""
        with self._database.write() as session:
            return NodeWriter(session, self._catalog, self._kind).put(given, options)

    def page(self, make: Callable[[], N], request: Any, condition: str = "", params: Sequence[SqlValue] = ()) -> str:
        """Reads a page of the nodes that meet ``condition``; returns the token of the next one."""
        options = request.options if request.HasField("options") else None
        with self.reader(make) as nodes:
            _, token = nodes.page(options, condition, params)
        return token

    def page_of_type(self, make: Callable[[], N], request: Any) -> str:
        """Reads a page of the nodes of a type; returns the token of the next one."""
        check_length("type name", request.type_name)
        check_length("type version", request.type_version)
        # A type that is not stored has no nodes: that is no error.
        condition = "n.type_id = (SELECT id FROM Type WHERE name = ? AND COALESCE(version, '') = ? AND type_kind = ?)"
        params = (request.type_name, request.type_version, self._kind.type_kind)
        return self.page(make, request, condition, params)

    def page_of_context(self, make: Callable[[], N], request: Any) -> str:
        """Reads a page of the nodes of a context; returns the token of the next one."""
        condition = f"n.id IN (SELECT {self._kind.id_column} FROM {LINK_TABLES[self._kind]} WHERE context_id = ?)"
        return self.page(make, request, condition, (request.context_id,))

    def by_ids(self, make: Callable[[], N], ids: Sequence[int]) -> None:
        """Reads the nodes with these ids."""
        with self.reader(make) as nodes:
            nodes.by_ids(ids)

    def by_type_and_name(self, request: Any, name: str) -> N | None:
        """Returns the node of this name and the request's type; None if there is none."""
        check_length("name", name)
        with self._database.read(snapshot=False) as session:
            node_type = Types(session, self._kind).find(request.type_name, request.type_version)
            nodes = NodeReader(session, self._catalog, self._kind)
            return nodes.by_type_and_name(node_type.id, name) if node_type else None

    def by_external_ids(self, make: Callable[[], N], external_ids: Sequence[str]) -> None:
        """Reads the nodes with these external ids; raises as the function of this name."""
        with self.reader(make) as nodes:
            by_external_ids(lambda wanted: nodes.matching_any("external_id", wanted), external_ids)


def put_options(request: PutTypeRequest | rpc.PutTypesRequest) -> PutOptions:
    """Returns how a type may differ from the stored one; raises UnimplementedError for what nobody offers."""
    if not request.all_fields_match:
        raise UnimplementedError("Must match all fields.")
    return PutOptions(can_add_fields=request.can_add_fields, can_omit_fields=request.can_omit_fields)


def by_external_ids(find: Callable[[Sequence[str]], list[F]], external_ids: Sequence[str]) -> list[F]:
    """Returns what ``find`` finds.

    Raises:
        InvalidArgumentError: an id is empty or longer than any.
        NotFoundError: nothing has one of these ids.
    """
    if not all(external_ids):
        raise InvalidArgumentError("Invalid argument because at least one empty external_id exists.")
    for external_id in external_ids:
        check_length("external id", external_id)
    found = find(external_ids)
    if external_ids and not found:
        raise NotFoundError("Nothing found for these external_ids.")
    return found
