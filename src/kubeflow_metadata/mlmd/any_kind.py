"""What the calls of the three kinds of node share; ``service`` gives it the calls' names and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from kubeflow_metadata.mlmd.db.base import Database, Session, SqlValue
from kubeflow_metadata.mlmd.engine.executions import Stores
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION, LINK_TABLES, Node, NodeKind, NodeType
from kubeflow_metadata.mlmd.engine.links import related_contexts
from kubeflow_metadata.mlmd.engine.nodes import Nodes
from kubeflow_metadata.mlmd.engine.types import PutOptions, TypeCatalog, Types
from kubeflow_metadata.mlmd.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

N = TypeVar("N", bound=Node)
T = TypeVar("T", bound=NodeType)
F = TypeVar("F")

PutTypeRequest = rpc.PutArtifactTypeRequest | rpc.PutExecutionTypeRequest | rpc.PutContextTypeRequest


class AnyKind:
    """Calls as they are for any kind of node.

    ``make`` makes the message of each node that is read: its class, or ``add`` of a response, which saves a copy.
    ``_message`` only tells the type checker which kind it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalog = TypeCatalog()

    def _read(self) -> AbstractContextManager[Session]:
        """For one query, or for several of which the later ones can only find more than the earlier ones."""
        return self._database.read(snapshot=False)

    def _nodes(self, session: Session, kind: NodeKind, make: Callable[[], N]) -> Nodes[N]:
        return Nodes(session, self._database, self._catalog, kind, make)

    def _stores(self, session: Session) -> Stores:
        return Stores(
            self._nodes(session, ARTIFACT, pb.Artifact),
            self._nodes(session, EXECUTION, pb.Execution),
            self._nodes(session, CONTEXT, pb.Context),
        )

    @contextmanager
    def _types(self, kind: NodeKind, _message: type[T]) -> Iterator[Types[T]]:
        with self._read() as session:
            yield Types(session, kind)

    def _put_type(self, kind: NodeKind, given: T, request: PutTypeRequest) -> int:
        options = put_options(request)
        with self._database.write() as session:
            types: Types[T] = Types(session, kind)
            return types.put(given, options)

    def _list(
        self,
        kind: NodeKind,
        make: Callable[[], N],
        request: Any,
        condition: str = "",
        params: Sequence[SqlValue] = (),
    ) -> str:
        """Makes a page of the nodes that meet ``condition``; returns the token of the next one."""
        options = request.options if request.HasField("options") else None
        with self._read() as session:
            _, token = self._nodes(session, kind, make).page(options, condition, params)
        return token

    def _list_of_type(self, kind: NodeKind, make: Callable[[], N], request: Any) -> str:
        # A type that is not stored has no nodes: that is no error.
        condition = "n.type_id = (SELECT id FROM Type WHERE name = ? AND COALESCE(version, '') = ? AND type_kind = ?)"
        params = (request.type_name, request.type_version, kind.type_kind)
        return self._list(kind, make, request, condition, params)

    def _list_of_context(self, kind: NodeKind, make: Callable[[], N], request: Any) -> str:
        condition = f"n.id IN (SELECT {kind.id_column} FROM {LINK_TABLES[kind]} WHERE context_id = ?)"
        return self._list(kind, make, request, condition, (request.context_id,))

    def _by_ids(self, kind: NodeKind, make: Callable[[], N], ids: Sequence[int]) -> None:
        with self._read() as session:
            self._nodes(session, kind, make).by_ids(ids)

    def _contexts_of(self, kind: NodeKind, make: Callable[[], pb.Context], node_id: int) -> None:
        with self._read() as session:
            contexts = self._nodes(session, CONTEXT, make)
            found = contexts.linked(LINK_TABLES[kind], "context_id", kind.id_column, [node_id])
        if not found:
            raise NotFoundError(f"No contexts found for {kind.id_column}: {node_id}")

    def _related_contexts(
        self, ids: Sequence[int], *, own_column: str, other_column: str
    ) -> dict[int, list[pb.Context]]:
        with self._read() as session:
            contexts = self._nodes(session, CONTEXT, pb.Context)
            return related_contexts(session, contexts, ids, own_column=own_column, other_column=other_column)

    def _by_type_and_name(self, kind: NodeKind, make: Callable[[], N], request: Any, name: str) -> N | None:
        with self._read() as session:
            types: Types[NodeType] = Types(session, kind)
            node_type = types.find(request.type_name, request.type_version)
            nodes = self._nodes(session, kind, make)
            return nodes.by_type_and_name(node_type.id, name) if node_type else None

    def _nodes_by_external_ids(self, kind: NodeKind, make: Callable[[], N], external_ids: Sequence[str]) -> None:
        with self._read() as session:
            nodes = self._nodes(session, kind, make)
            by_external_ids(lambda wanted: nodes.matching_any("external_id", wanted), external_ids)


def put_options(request: PutTypeRequest | rpc.PutTypesRequest) -> PutOptions:
    """How a type may differ from the stored one; raises UnimplementedError for what nobody offers."""
    if not request.all_fields_match:
        raise UnimplementedError("Must match all fields.")
    return PutOptions(can_add_fields=request.can_add_fields, can_omit_fields=request.can_omit_fields)


def by_external_ids(find: Callable[[Sequence[str]], list[F]], external_ids: Sequence[str]) -> list[F]:
    """What ``find`` finds; raises InvalidArgumentError for an empty id, NotFoundError for no match."""
    if not all(external_ids):
        raise InvalidArgumentError("Invalid argument because at least one empty external_id exists.")
    found = find(external_ids)
    if external_ids and not found:
        raise NotFoundError("Nothing found for these external_ids.")
    return found
