"""The three kinds of node, and what differs between them: tables, columns and messages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeAlias, TypeVar

from kubeflow_metadata.mlmd.db import schema
from kubeflow_metadata.proto import metadata_store_pb2 as pb

Node: TypeAlias = pb.Artifact | pb.Execution | pb.Context
NodeType: TypeAlias = pb.ArtifactType | pb.ExecutionType | pb.ContextType

N = TypeVar("N", bound=Node)
T = TypeVar("T", bound=NodeType)


@dataclass(frozen=True, eq=False)  # there is one object of each kind: it is equal to itself alone, and hashed at once
class NodeKind(Generic[N, T]):
    """One kind of node."""

    name: str
    type_kind: int
    message: type[N]
    type_message: type[T]
    # Columns that only this kind has, named as the message's fields.
    own_columns: tuple[str, ...]

    @cached_property
    def table(self) -> str:
        return self.name.capitalize()

    @cached_property
    def property_table(self) -> str:
        return f"{self.table}Property"

    @cached_property
    def id_column(self) -> str:
        """The column of other tables that points here."""
        return f"{self.name}_id"

    @cached_property
    def base_types(self) -> dict[int, str]:
        """The built-in type's name for each value of ``SystemDefinedBaseType`` but UNSET."""
        values = self.type_message.SystemDefinedBaseType.DESCRIPTOR.values
        return {
            value.number: value.GetOptions().Extensions[pb.system_type_extension].type_name  # type: ignore[index]
            for value in values
            if value.number
        }

    @cached_property
    def number_of_base_type(self) -> dict[str, int]:
        """The value of ``SystemDefinedBaseType`` for each built-in type's name."""
        return {name: number for number, name in self.base_types.items()}


ARTIFACT = NodeKind("artifact", schema.ARTIFACT_TYPE, pb.Artifact, pb.ArtifactType, ("uri", "state"))
EXECUTION = NodeKind("execution", schema.EXECUTION_TYPE, pb.Execution, pb.ExecutionType, ("last_known_state",))
CONTEXT = NodeKind("context", schema.CONTEXT_TYPE, pb.Context, pb.ContextType, ())

AnyKind: TypeAlias = NodeKind[Any, Any]

KINDS: tuple[AnyKind, ...] = (ARTIFACT, EXECUTION, CONTEXT)
KIND_OF_TYPE = {kind.type_kind: kind for kind in KINDS}

# The table that ties contexts to each other kind of node.
LINK_TABLES: dict[AnyKind, str] = {ARTIFACT: "Attribution", EXECUTION: "Association"}
