"""Nodes: reading them with their properties in one query, writing any number in a constant number of statements."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar, cast

from kubeflow_metadata.mlmd.db.base import Database, DuplicateKeyError, Row, Session, SqlValue, batches, placeholders
from kubeflow_metadata.mlmd.engine import reading, values
from kubeflow_metadata.mlmd.engine.filtering import Filter, compiled
from kubeflow_metadata.mlmd.engine.kinds import Node, NodeKind
from kubeflow_metadata.mlmd.engine.listing import Page
from kubeflow_metadata.mlmd.engine.types import TypeCatalog
from kubeflow_metadata.mlmd.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

N = TypeVar("N", bound=Node)


@dataclass(frozen=True)
class UpdateOptions:
    """How stored nodes are updated.

    Attributes:
        mask: the fields to set (``uri``, ``properties``, ``properties.NAME`` ...); none means all.
        abort_if_changed: refuse where the given node's last update time is not the stored one.
        force_update_time: set the last update time even where nothing changes.
    """

    mask: Sequence[str] = ()
    abort_if_changed: bool = False
    force_update_time: bool = False


class Nodes(Generic[N]):
    """The nodes of one kind, in one session."""

    def __init__(
        self, session: Session, database: Database, catalog: TypeCatalog, kind: NodeKind, make: Callable[[], N]
    ) -> None:
        """``make`` makes the message of a node that is read: the kind's class, or a response's own ``add``."""
        self._session = session
        self._database = database
        self._catalog = catalog
        self._kind = kind
        self._make = make
        self._fields = ("name", "external_id", *kind.own_columns)

    # Reading

    def by_ids(self, ids: Iterable[int]) -> list[N]:
        """The stored nodes among these ids, each once, in the order of their ids."""
        return self.matching_any("id", ids)

    def matching_any(self, column: str, wanted: Iterable[SqlValue]) -> list[N]:
        """The nodes whose ``column`` has one of the wanted values, by id."""
        found: list[N] = []
        for batch in batches(dict.fromkeys(wanted)):
            found += self._select(Filter(condition=f"n.{column} IN {placeholders(batch)}", params=tuple(batch)))
        return found

    def by_type_and_name(self, type_id: int, name: str) -> N | None:
        """The node of this type and name; None if there is none."""
        found = self._select(Filter(condition="n.type_id = ? AND n.name = ?", params=(type_id, name)))
        return found[0] if found else None

    def ids_by_names(self, names: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """The ids of the stored nodes among these (type id, name)."""
        found: dict[tuple[int, str], int] = {}
        for batch in batches(names, width=2):
            type_ids, wanted = [*{type_id for type_id, _ in batch}], [*{name for _, name in batch}]
            rows = self._session.fetch(
                f"SELECT type_id, name, id FROM {self._kind.table} "
                f"WHERE type_id IN {placeholders(type_ids)} AND name IN {placeholders(wanted)}",
                (*type_ids, *wanted),
            )
            found.update(((type_id, name), node_id) for type_id, name, node_id in cast("list[Any]", rows))
        return {key: node_id for key, node_id in found.items() if key in names}

    def linked(self, link: str, own_column: str, other_column: str, other_ids: Iterable[int]) -> list[N]:
        """The nodes that table ``link`` ties to one of ``other_ids``, each once, by id."""
        found: list[N] = []
        for batch in batches(dict.fromkeys(other_ids)):
            tied = f"SELECT {own_column} FROM {link} WHERE {other_column} IN {placeholders(batch)}"
            found += self._select(Filter(condition=f"n.id IN ({tied})", params=tuple(batch)))
        return found

    def page(
        self, options: pb.ListOperationOptions | None, condition: str = "", params: Sequence[SqlValue] = ()
    ) -> tuple[list[N], str]:
        """A page of the nodes ``n`` that meet ``condition``, and the token of the next one ("" after the last).

        Without ``options`` all of them come at once, by id.

        Raises:
            InvalidArgumentError: an option is wrong.
        """
        if options is None:
            return self._select(Filter(condition=condition, params=tuple(params))), ""
        page = Page.from_options(options)
        selected = compiled(self._kind, options.filter_query).where(condition, tuple(params)).where(*page.condition())
        sql, bound = reading.select(self._kind, selected, f" ORDER BY {page.order_by()} LIMIT {page.size + 1}")
        read = self._session.fetch(sql, bound)
        key = itemgetter(reading.columns(self._kind).index(page.order_column), 0)
        found = self._messages(read, key=key, reverse=not page.ascending, most=page.size)
        more = bool(read) and read[-1][0] != found[-1].id
        return found, page.next_token(found[-1]) if more else ""

    def _select(self, chosen: Filter) -> list[N]:
        """The nodes ``n`` that a filter chooses, by id."""
        return self._messages(self._session.fetch(*reading.select(self._kind, chosen)), key=itemgetter(0))

    def _messages(
        self, found: list[Row], *, key: Callable[[Row], Any], reverse: bool = False, most: int | None = None
    ) -> list[N]:
        # Sorted here: databases would sort every node once more for each of its properties.
        found.sort(key=key, reverse=reverse)
        return reading.messages(found, self._kind, self._make, self._type_name, most)

    def _type_name(self, type_id: int) -> str:
        return self._catalog.name(self._session, self._kind, type_id)

    # Writing

    def put(self, given: Sequence[N], options: UpdateOptions | None = None) -> list[int]:
        """Updates the nodes that have an id and inserts the others; returns the ids in the order of ``given``.

        Raises:
            InvalidArgumentError: a type or id is missing or wrong, or a property does not fit its type.
            NotFoundError: there is no such type.
            AlreadyExistsError: a name is taken in its type, or an external id is taken.
            FailedPreconditionError: see ``UpdateOptions.abort_if_changed``.
        """
        options = options or UpdateOptions()
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
                f"Given node already exists: another {self._kind.name} has the name in this type, or the external id."
            ) from error
        return [node.id if node.HasField("id") else next(new_ids) for node in given]

    def _locked(self, ids: Sequence[int]) -> dict[int, N]:
        """The stored nodes among these ids, which nobody else can change until this transaction ends."""
        if self._session.for_update:
            for batch in batches(sorted(set(ids))):  # in order, so that rivals do not wait for each other in a circle
                sql = f"SELECT id FROM {self._kind.table} WHERE id IN {placeholders(batch)} ORDER BY id"
                self._session.fetch(f"{sql}{self._session.for_update}", batch)
        return {node.id: node for node in self.by_ids(ids)}

    def check_types(self, given: Iterable[N]) -> None:
        """Raises what ``put`` would for new nodes whose type is missing or unknown, or that do not fit it."""
        for node in given:
            if not node.HasField("type_id"):
                raise InvalidArgumentError("Type id is missing.")
            self._catalog.require(self._session, self._kind, node.type_id)
            self._check(node)

    def _order_matters(self, new: Iterable[N], to_update: Iterable[N]) -> bool:
        """Whether a new node takes a name or external id that a stored one may give up in the same call."""
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
        for node in given:
            before = current.get(node.id)
            if before is None:
                raise InvalidArgumentError(f"Cannot find the given id {node.id}")
            self._check_update(node, before, options)
            after = self._merged(before, node, options.mask)
            if options.force_update_time or after != before:
                changed[node.id] = after
            if self._kind.message is not pb.Context:  # the names of artifacts and executions are for ever
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
        """What is to be stored."""
        merged = cast(N, self._kind.message())
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
        # The official server stores and returns a URI always, empty where none is given.
        return tuple(getattr(node, field) if field == "uri" or node.HasField(field) else None for field in self._fields)

    def _property_rows(self, node_id: int, node: N) -> list[Row]:
        return [
            (node_id, name, is_custom, *values.to_columns(name, value, self._database))
            for is_custom, properties in enumerate((node.properties, node.custom_properties))
            for name, value in properties.items()
        ]

    def _insert_properties(self, rows: Iterable[Row]) -> None:
        columns = (self._kind.id_column, "name", "is_custom_property", *values.COLUMNS)
        if given := list(rows):
            self._session.insert_rows(self._kind.property_table, columns, given)


def existing_ids(session: Session, kind: NodeKind, ids: set[int]) -> set[int]:
    """Those of the ids that stored nodes of this kind have."""
    found: set[int] = set()
    for batch in batches(ids):
        sql = f"SELECT id FROM {kind.table} WHERE id IN {placeholders(batch)}"
        found.update(cast(int, row[0]) for row in session.fetch(sql, batch))
    return found


def ids_matching(
    session: Session, kind: NodeKind, chosen: Filter, *, among: Iterable[int] | None = None, limit: int | None = None
) -> list[int]:
    """The ids of the nodes that a filter chooses, in order; of those ``among`` the given ones if there are any."""
    if among is None:
        return _ids_matching(session, kind, chosen, limit)
    found: list[int] = []
    for batch in batches(among, width=2):  # leaves room for what the filter binds
        found += _ids_matching(session, kind, chosen.where(f"n.id IN {placeholders(batch)}", tuple(batch)), limit)
    return found


def _ids_matching(session: Session, kind: NodeKind, chosen: Filter, limit: int | None) -> list[int]:
    where = f" WHERE {chosen.condition}" if chosen.condition else ""
    page = "" if limit is None else f" LIMIT {limit}"
    rows = session.fetch(
        f"SELECT DISTINCT n.id FROM {kind.table} n{chosen.joins}{where} ORDER BY n.id{page}",
        (*chosen.join_params, *chosen.params),
    )
    return [cast(int, row[0]) for row in rows]


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
