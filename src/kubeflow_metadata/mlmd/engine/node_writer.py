"""Nodes written: any number of them in a constant number of statements."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, Session
from kubeflow_metadata.mlmd.db.values import Row, SqlValue, batches, placeholders
from kubeflow_metadata.mlmd.engine import reading, values
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, CONTEXT, EXECUTION, N, Node, NodeKind
from kubeflow_metadata.mlmd.engine.names import check_length
from kubeflow_metadata.mlmd.engine.node_reader import NodeReader
from kubeflow_metadata.mlmd.engine.types import TypeCatalog
from kubeflow_metadata.mlmd.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

# How many nodes are checked between two looks at the time; one less than a power of two.
_CHECK_EVERY = 255

_NO_TYPE = "Type id is missing."


@dataclass(frozen=True)
class UpdateOptions:
    """How stored nodes are updated.

    Attributes:
        mask: the fields to set (``uri``, ``properties``, ``properties.NAME`` ...); none means all.
        abort_if_changed: refuse if the given node's last update time is not the stored one.
        force_update_time: set the last update time even where nothing changes.
    """

    mask: Sequence[str] = ()
    abort_if_changed: bool = False
    force_update_time: bool = False


class NodeWriter(Generic[N]):
    """The nodes of one kind, written in one session.

    Attributes:
        stored: reads what is stored, into messages of their own: never into a response.
    """

    def __init__(self, session: Session, catalog: TypeCatalog, kind: NodeKind[N, Any]) -> None:
        """Writes nothing yet."""
        self._session = session
        self._dialect = session.dialect
        self._catalog = catalog
        self._kind = kind
        self._fields = ("name", "external_id", *kind.own_columns)
        self.stored = NodeReader(session, catalog, kind)

    def put(self, given: Sequence[N], options: UpdateOptions | None = None) -> list[int]:
        """Updates the nodes that have an id and inserts the others; returns the ids in the order of ``given``.

        Raises:
            InvalidArgumentError: a type or id is missing or wrong, or a property does not fit its type.
            NotFoundError: there is no such type.
            AlreadyExistsError: a name is taken in its type, or an external id is taken.
            FailedPreconditionError: see ``UpdateOptions.abort_if_changed``.
        """
        options = options or UpdateOptions()
        deadlines.check()
        for node in given:  # before anything is made of any of them
            if not (node.HasField("id") or node.HasField("type_id")):
                raise InvalidArgumentError(_NO_TYPE)
        new = [node for node in given if not node.HasField("id")]
        old = [node for node in given if node.HasField("id")]
        stored = self._locked([node.id for node in old]) if old else {}
        if len(given) > 1 and (len({node.id for node in old}) < len(old) or self._order_matters(new, stored.values())):
            return [self.put([node], options)[0] for node in given]
        now = time.time_ns() // 1_000_000
        try:
            new_ids = iter(self._insert(new, now))
            self._update(old, stored, options, now)
        except DuplicateKeyError as error:
            raise AlreadyExistsError(
                f"Given node already exists: another {self._kind.name} has the same name and type, or the same "
                "external id."
            ) from error
        return [node.id if node.HasField("id") else next(new_ids) for node in given]

    def _locked(self, ids: Sequence[int]) -> dict[int, N]:
        """Returns the stored nodes among these ids, which nobody else can change until this transaction ends."""
        if self._dialect.for_update:
            for batch in batches(sorted(set(ids))):  # in order, so that rivals do not wait for each other in a circle
                sql = f"SELECT id FROM {self._kind.table} WHERE id IN {placeholders(batch)} ORDER BY id"
                self._session.fetch(f"{sql}{self._dialect.for_update}", batch)
        return {node.id: node for node in self.stored.by_ids(ids)}

    def check_types(self, given: Iterable[N]) -> None:
        """Raises what ``put`` would for new nodes whose type is missing or unknown, or that do not fit it."""
        for number, node in enumerate(given):
            if not number & _CHECK_EVERY:
                deadlines.check()
            if not node.HasField("type_id"):
                raise InvalidArgumentError(_NO_TYPE)
            self._catalog.require(self._session, self._kind, node.type_id)
            self._check(node)

    def _order_matters(self, new: Iterable[N], to_update: Iterable[N]) -> bool:
        """Returns whether a new node takes a name or external id that a stored one may give up in the same call."""
        given_up = {key for node in to_update for key in self._unique_keys(node)}
        return any(key in given_up for node in new for key in self._unique_keys(node))

    def _unique_keys(self, node: N) -> Iterator[tuple[SqlValue, ...]]:
        if node.HasField("external_id"):
            yield (node.external_id,)
        if self._kind.message is pb.Context:  # the names of the other kinds never change
            yield node.type_id, node.name

    def _insert(self, given: Sequence[N], now: int) -> list[int]:
        self.check_types(given)
        if not given:
            return []
        ids = self._session.insert(
            self._kind.table,
            ("type_id", *self._fields, *reading.TIMES),
            [(node.type_id, *self._column_values(node), now, now) for node in given],
        )
        self._insert_properties(
            row for node_id, node in zip(ids, given, strict=True) for row in self._property_rows(node_id, node)
        )
        return ids

    def _update(self, given: Sequence[N], stored: dict[int, N], options: UpdateOptions, now: int) -> None:
        current = dict(stored)
        changed: dict[int, N] = {}
        for number, node in enumerate(given):
            if not number & _CHECK_EVERY:
                deadlines.check()
            before = current.get(node.id)
            if before is None:
                raise InvalidArgumentError(f"Cannot find the given id {node.id}")
            self._check_update(node, before, options)
            after = self._merged(before, node, options.mask)
            if options.force_update_time or after != before:
                changed[node.id] = after
            if self._kind.message is not pb.Context:  # the names of artifacts and executions never change
                _copy_field("name", before, after)
            self._check(after)
            current[node.id] = after
        if changed:
            self._write_changes(stored, changed, now)

    def _check_update(self, given: N, stored: N, options: UpdateOptions) -> None:
        if given.HasField("type_id") and given.type_id != stored.type_id:
            raise InvalidArgumentError(
                f"Given type_id {given.type_id} is different from the one known before: {stored.type_id}"
            )
        given_time, stored_time = given.last_update_time_since_epoch, stored.last_update_time_since_epoch
        if options.abort_if_changed and given_time != stored_time:
            raise FailedPreconditionError(
                f"The stored {self._kind.name} {stored.id} was last updated at {stored_time}, "
                f"not at the {given_time} of the given one."
            )

    def _merged(self, stored: N, given: N, mask: Sequence[str]) -> N:
        """Returns what is to be stored."""
        merged = self._kind.message()
        if not mask:
            merged.MergeFrom(given)  # type: ignore[arg-type]
            merged.ClearField("system_metadata")
            merged.type_id = stored.type_id
            merged.create_time_since_epoch = stored.create_time_since_epoch
            merged.last_update_time_since_epoch = stored.last_update_time_since_epoch
            return merged
        merged.MergeFrom(stored)  # type: ignore[arg-type]
        for path in mask:
            field, _, name = path.partition(".")
            if field in ("properties", "custom_properties"):
                _merge_properties(getattr(merged, field), getattr(given, field), name)
            elif field in self._fields:
                _copy_field(field, given, merged)
        return merged

    def _check(self, node: N) -> None:
        """Raises InvalidArgumentError unless the node's properties are those that its type declares."""
        if self._kind.message is pb.Context and not node.name:
            raise InvalidArgumentError("Context name should not be empty")
        check_length("name", node.name)
        check_length("external id", node.external_id)
        for name, value in node.properties.items():
            declared = self._catalog.property_type(self._session, self._kind, node.type_id, name)
            if declared is None:
                raise InvalidArgumentError(f"Found unknown property: {name}")
            if value.WhichOneof("value") != values.FIELD_OF_TYPE.get(declared):
                raise InvalidArgumentError(f"Found unmatched property type: {name}")

    def _write_changes(self, stored: dict[int, N], changed: dict[int, N], now: int) -> None:
        gone: list[Row] = []
        added: list[Row] = []
        for node_id, after in changed.items():
            before_rows = {row[:3]: row for row in self._property_rows(node_id, stored[node_id])}
            after_rows = {row[:3]: row for row in self._property_rows(node_id, after)}
            gone += [key for key, row in before_rows.items() if after_rows.get(key) != row]
            added += [row for key, row in after_rows.items() if before_rows.get(key) != row]
        self._session.update_rows(
            self._kind.table,
            (*self._fields, "last_update_time_since_epoch"),
            [(*self._column_values(node), now, node_id) for node_id, node in changed.items()],
        )
        self._session.delete_rows(self._kind.property_table, (self._kind.id_column, "name", "is_custom_property"), gone)
        self._insert_properties(added)

    def _column_values(self, node: N) -> tuple[SqlValue, ...]:
        # The official server stores and returns a URI always, empty if none is given.
        return tuple(getattr(node, field) if field == "uri" or node.HasField(field) else None for field in self._fields)

    def _property_rows(self, node_id: int, node: N) -> list[Row]:
        return [
            (node_id, name, is_custom, *values.to_columns(name, value, self._dialect))
            for is_custom, properties in zip(
                self._dialect.booleans, (node.properties, node.custom_properties), strict=True
            )
            for name, value in properties.items()
        ]

    def _insert_properties(self, rows: Iterable[Row]) -> None:
        columns = (self._kind.id_column, "name", "is_custom_property", *values.COLUMNS)
        if given := list(rows):
            self._session.insert_rows(self._kind.property_table, columns, given)


@dataclass(frozen=True)
class Writers:
    """The writers of each kind of node, in one session."""

    artifacts: NodeWriter[pb.Artifact]
    executions: NodeWriter[pb.Execution]
    contexts: NodeWriter[pb.Context]

    @classmethod
    def of(cls, session: Session, catalog: TypeCatalog) -> Writers:
        """Returns those of a session."""
        return cls(
            NodeWriter(session, catalog, ARTIFACT),
            NodeWriter(session, catalog, EXECUTION),
            NodeWriter(session, catalog, CONTEXT),
        )


def _copy_field(field: str, source: Node, target: Node) -> None:
    """Sets a field as it is in ``source``, or clears it where it is not set there."""
    target.ClearField(field)
    if source.HasField(field):
        setattr(target, field, getattr(source, field))


def _merge_properties(stored: MutableMapping[str, pb.Value], given: MutableMapping[str, pb.Value], name: str) -> None:
    """Sets property ``name`` as given, or all of them where no name is said; what is not given goes."""
    for key in [name] if name else [*stored]:
        stored.pop(key, None)
    for key in [name] if name else [*given]:
        if key in given:
            stored[key].CopyFrom(given[key])
