"""Types: what they declare, how they may change, and which of them this process knows already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, cast

from google.protobuf import json_format

from kubeflow_metadata.mlmd.db import schema
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, Session
from kubeflow_metadata.mlmd.db.values import SqlValue, batches, placeholders
from kubeflow_metadata.mlmd.engine.kinds import KIND_OF_TYPE, AnyKind, NodeKind, NodeType, T
from kubeflow_metadata.mlmd.engine.names import check_length
from kubeflow_metadata.mlmd.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)
from kubeflow_metadata.proto import metadata_store_pb2 as pb

_BUILT_IN_NAMES = frozenset(name for name, _ in schema.BUILT_IN_TYPES)
_COLUMNS = "t.id, t.type_kind, t.name, t.version, t.description, t.input_type, t.output_type, t.external_id"


@dataclass(frozen=True)
class PutOptions:
    """How a type that is already stored may differ from the given one."""

    can_add_fields: bool = False
    can_omit_fields: bool = False


@dataclass
class TypeCatalog:
    """The names and properties of types by id, remembered between calls.

    Types are never deleted and only grow, so what is remembered stays true; whoever misses something in it asks
    the database again before saying no.
    """

    _names: dict[tuple[int, int], str] = field(default_factory=dict)
    _properties: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict)

    def name(self, session: Session, kind: AnyKind, type_id: int) -> str:
        """Returns the name of a type; empty where somebody deleted the type under its nodes, which stay readable."""
        key = (kind.type_kind, type_id)
        if key not in self._names:
            try:
                self._load(session, kind, type_id)
            except NotFoundError:
                return ""
        return self._names[key]

    def property_type(self, session: Session, kind: AnyKind, type_id: int, name: str) -> int | None:
        """Returns the ``PropertyType`` that a type declares for a property; None if it declares none.

        Raises:
            NotFoundError: there is no such type.
        """
        known = self._properties.get((kind.type_kind, type_id))
        if known is None or name not in known:
            self._load(session, kind, type_id)
        return self._properties[kind.type_kind, type_id].get(name)

    def require(self, session: Session, kind: AnyKind, type_id: int) -> None:
        """Raises NotFoundError unless there is a type of this kind with this id."""
        if (kind.type_kind, type_id) not in self._properties:
            self._load(session, kind, type_id)

    def _load(self, session: Session, kind: AnyKind, type_id: int) -> None:
        key = (kind.type_kind, type_id)
        names = session.fetch("SELECT name FROM Type WHERE id = ? AND type_kind = ?", (type_id, kind.type_kind))
        if not names:
            raise NotFoundError(f"No {kind.name} type found for type_id: {type_id}")
        rows = session.fetch("SELECT name, data_type FROM TypeProperty WHERE type_id = ?", (type_id,))
        self._names[key] = cast(str, names[0][0])
        self._properties[key] = {cast(str, name): cast(int, data_type) for name, data_type in rows}


class Types(Generic[T]):
    """The types of one kind of node, in one session."""

    def __init__(self, session: Session, kind: NodeKind[Any, T]) -> None:
        self._session = session
        self._kind = kind
        # The properties that each type had when it was first put here, by name and version; None if it was not stored.
        self._before: dict[tuple[str, str], frozenset[str] | None] = {}

    def find(self, name: str, version: str) -> T | None:
        """Returns the type of this name and version; a type without version has the version ``""``.

        Raises:
            InvalidArgumentError: either is longer than any.
        """
        check_length("type name", name)
        check_length("type version", version)
        found = self._fetch("t.name = ? AND COALESCE(t.version, '') = ?", (name, version))
        return found[0] if found else None

    def get(self, name: str, version: str) -> T:
        """Returns the same as ``find``; raises NotFoundError if there is none."""
        found = self.find(name, version)
        if found is None:
            # The official server's words, which clients are known to look for.
            raise NotFoundError(f"No type found for query, name: `{name}`, version: `{version or 'nullopt'}`")
        return found

    def all(self) -> list[T]:
        """Returns all types but the built-in ones, in the order of their ids."""
        return [stored for stored in self._fetch("TRUE", ()) if stored.name not in _BUILT_IN_NAMES]

    def by_ids(self, ids: Iterable[int]) -> list[T]:
        """Returns the types with these ids in the order of the ids, which may repeat; unknown ids are passed over."""
        wanted = list(ids)
        stored: dict[int, T] = {}
        for batch in batches(dict.fromkeys(wanted)):
            stored.update((found.id, found) for found in self._fetch(f"t.id IN {placeholders(batch)}", tuple(batch)))
        return [stored[type_id] for type_id in wanted if type_id in stored]

    def by_external_ids(self, external_ids: Iterable[str]) -> list[T]:
        """Returns the types with these external ids."""
        found: list[T] = []
        for batch in batches(dict.fromkeys(external_ids)):
            found += self._fetch(f"t.external_id IN {placeholders(batch)}", tuple(batch))
        return found

    def put(self, given: T, options: PutOptions) -> int:
        """Stores a type, or adds what is new to the stored type of the same name and version; returns its id.

        Raises:
            InvalidArgumentError: the name is missing or a property's type is UNKNOWN.
            AlreadyExistsError: the stored type differs in a way that ``options`` do not allow.
            UnimplementedError: the base type of a stored type would change.
        """
        if not given.name:
            raise InvalidArgumentError("No type name is specified.")
        check_length("external id", given.external_id)
        stored = self.find(given.name, given.version)
        if stored is None or self._says_more(given, stored):
            # No unique key guards the name and version of a type: look again when no other type is being put.
            self._session.queue_up()
            stored = self.find(given.name, given.version)
        before = self._before.setdefault(
            (given.name, given.version), None if stored is None else frozenset(stored.properties)
        )
        try:
            if stored is None:
                return self._create(given)
            # What this call has added to a stored type may be left out when the call gives that type once more.
            required = frozenset(stored.properties) if before is None else before
            self._grow(stored, given, required, options)
        except DuplicateKeyError as error:
            raise AlreadyExistsError(f"Another type has the external id {given.external_id!r}.") from error
        return stored.id

    @staticmethod
    def _says_more(given: T, stored: T) -> bool:
        return (
            any(name not in stored.properties for name in given.properties)
            or (bool(given.base_type) and not stored.base_type)
            or (given.HasField("external_id") and given.external_id != stored.external_id)
        )

    def _create(self, given: T) -> int:
        _check_property_types(given.properties)
        _refuse_unset_base_type(given)
        columns = ("name", "type_kind", "version", "description", "input_type", "output_type", "external_id")
        row = (
            given.name,
            self._kind.type_kind,
            given.version or None,
            given.description if given.HasField("description") else None,
            _struct_type_text(given, "input_type"),
            _struct_type_text(given, "output_type"),
            given.external_id if given.HasField("external_id") else None,
        )
        (type_id,) = self._session.insert("Type", columns, [row])
        self._add_properties(type_id, given.properties)
        if given.base_type:
            self._set_base_type(type_id, given.base_type)
        return type_id

    def _grow(self, stored: T, given: T, required: Iterable[str], options: PutOptions) -> None:
        refusal = f"Type already exists with different properties: {given.name}: "
        new = {}
        for name, data_type in given.properties.items():
            if name not in stored.properties:
                new[name] = data_type
            elif stored.properties[name] != data_type:
                raise AlreadyExistsError(f"{refusal}property {name} is {pb.PropertyType.Name(stored.properties[name])}")
        omitted = [name for name in required if name not in given.properties]
        if omitted and not options.can_omit_fields:
            raise AlreadyExistsError(f"{refusal}{', '.join(sorted(omitted))} missing and can_omit_fields is false")
        if new and not options.can_add_fields:
            raise AlreadyExistsError(f"{refusal}{', '.join(sorted(new))} new and can_add_fields is false")
        _check_property_types(new)
        self._change_base_type(stored, given)
        self._add_properties(stored.id, new)
        if given.HasField("external_id") and given.external_id != stored.external_id:
            self._session.update_rows("Type", ("external_id",), [(given.external_id, stored.id)])

    def _change_base_type(self, stored: T, given: T) -> None:
        _refuse_unset_base_type(given)
        if given.base_type and stored.base_type and stored.base_type != given.base_type:
            raise UnimplementedError("The base type of a type cannot be changed.")
        if given.base_type and not stored.base_type:
            self._set_base_type(stored.id, given.base_type)

    def _set_base_type(self, type_id: int, base_type: int) -> None:
        name = self._kind.base_types[base_type]
        ((base_id,),) = self._session.fetch(
            "SELECT id FROM Type WHERE name = ? AND type_kind = ? AND version IS NULL",
            (name, self._kind.type_kind),
        )
        self._session.insert_rows("ParentType", ("type_id", "parent_type_id"), [(type_id, base_id)])

    def _add_properties(self, type_id: int, properties: Mapping[str, int]) -> None:
        rows = [(type_id, name, data_type) for name, data_type in properties.items()]
        self._session.insert_rows("TypeProperty", ("type_id", "name", "data_type"), rows)

    def _fetch(self, condition: str, params: tuple[SqlValue, ...]) -> list[T]:
        kind = self._kind
        found = _fetch(self._session, f"t.type_kind = ? AND {condition}", (kind.type_kind, *params))
        return [stored for _, stored in found]


def all_types(session: Session, *, built_in: bool) -> dict[AnyKind, list[Any]]:
    """Returns the types of every kind, each in the order of their ids, with or without the built-in ones."""
    found: dict[AnyKind, list[Any]] = {}
    for kind, stored in _fetch(session, "TRUE", ()):
        if built_in or stored.name not in _BUILT_IN_NAMES:
            found.setdefault(kind, []).append(stored)
    return found


def _fetch(session: Session, condition: str, params: tuple[SqlValue, ...]) -> list[tuple[AnyKind, Any]]:
    """Returns the types ``t`` that ``condition``, never made of a request's text, selects, by id, in one query."""
    rows = session.fetch(
        f"SELECT {_COLUMNS}, p.name, p.data_type, base.name FROM Type t "
        "LEFT JOIN TypeProperty p ON p.type_id = t.id "
        "LEFT JOIN ParentType link ON link.type_id = t.id LEFT JOIN Type base ON base.id = link.parent_type_id "
        f"WHERE {condition}",
        params,
    )
    found: dict[int, tuple[AnyKind, Any]] = {}
    for row in cast("list[tuple[Any, ...]]", rows):
        *columns, property_name, data_type, base_name = row
        if columns[0] not in found:
            found[columns[0]] = _message(*columns)
        kind, stored = found[columns[0]]
        if property_name is not None:
            stored.properties[property_name] = data_type
        if base_name in kind.number_of_base_type:
            stored.base_type = kind.number_of_base_type[base_name]
    return [found[type_id] for type_id in sorted(found)]


def _message(
    type_id: int,
    type_kind: int,
    name: str,
    version: str | None,
    description: str | None,
    input_type: str | None,
    output_type: str | None,
    external_id: str | None,
) -> tuple[AnyKind, Any]:
    kind = KIND_OF_TYPE[type_kind]
    message = kind.type_message(
        id=type_id, name=name, version=version, description=description, external_id=external_id
    )
    if isinstance(message, pb.ExecutionType):
        if input_type:
            json_format.Parse(input_type, message.input_type)
        if output_type:
            json_format.Parse(output_type, message.output_type)
    return kind, message


def _refuse_unset_base_type(given: NodeType) -> None:
    if given.HasField("base_type") and not given.base_type:
        raise UnimplementedError("The base type of a type cannot be removed.")


def _check_property_types(properties: Mapping[str, int]) -> None:
    for name, data_type in properties.items():
        if data_type == pb.UNKNOWN:
            raise InvalidArgumentError(f"Property {name} is UNKNOWN.")


def _struct_type_text(given: NodeType, name: str) -> str | None:
    if isinstance(given, pb.ExecutionType) and given.HasField(name):
        return json_format.MessageToJson(getattr(given, name), indent=None)
    return None
