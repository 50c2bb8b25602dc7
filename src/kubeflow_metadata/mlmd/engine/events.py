"""Events: which execution read or wrote which artifact."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TypeAlias, cast

from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.db.base import DuplicateKeyError, Session
from kubeflow_metadata.mlmd.db.values import Row, SqlValue, batches, placeholders
from kubeflow_metadata.mlmd.engine.kinds import ARTIFACT, EXECUTION, AnyKind
from kubeflow_metadata.mlmd.engine.lookups import existing_ids
from kubeflow_metadata.mlmd.errors import AlreadyExistsError, InvalidArgumentError
from kubeflow_metadata.proto import metadata_store_pb2 as pb

# How many events are made between two looks at the time; one less than a power of two.
_CHECK_EVERY = 1023

# What a row of an event ``e`` holds.
COLUMNS = "e.id, e.artifact_id, e.execution_id, e.type, e.milliseconds_since_epoch"
EventRow: TypeAlias = "tuple[int, int, int, int, int | None]"


def get_events(session: Session, kind: AnyKind, ids: Iterable[int]) -> list[pb.Event]:
    """Returns the events of the artifacts or executions with these ids, in the order in which they were put."""
    rows: list[EventRow] = []
    for batch in batches(dict.fromkeys(ids)):
        rows += _rows(session, f"e.{kind.id_column} IN {placeholders(batch)}", batch)
    return event_messages(session, sorted(rows))


def event_messages(session: Session, rows: Iterable[EventRow]) -> list[pb.Event]:
    """Returns the events of rows that hold ``COLUMNS``, in their order, with their paths."""
    events: dict[int, pb.Event] = {}
    for event_id, artifact_id, execution_id, event_type, milliseconds in rows:
        if not len(events) & _CHECK_EVERY:
            deadlines.check()
        event = events[event_id] = pb.Event(
            artifact_id=artifact_id, execution_id=execution_id, type=cast("pb.Event.Type", event_type)
        )
        if milliseconds is not None:
            event.milliseconds_since_epoch = milliseconds
    _add_paths(session, events)
    return list(events.values())


def put_events(
    session: Session, given: Sequence[pb.Event], *, artifacts: Iterable[int] = (), executions: Iterable[int] = ()
) -> None:
    """Stores events; one that says what is stored already changes nothing.

    ``artifacts`` and ``executions`` are ids that the caller knows to be stored.

    Raises:
        InvalidArgumentError: an id or the type is missing, or there is no such artifact or execution.
        AlreadyExistsError: an event of this artifact, execution and type is stored with another path or time.
    """
    for event in given:
        _check(event)
    _check_ids(session, ARTIFACT, {event.artifact_id for event in given}.difference(artifacts))
    _check_ids(session, EXECUTION, {event.execution_id for event in given}.difference(executions))
    new = _without_repeats(given, _stored_like(session, given))
    now = time.time_ns() // 1_000_000
    columns = ("artifact_id", "execution_id", "type", "milliseconds_since_epoch")
    try:
        ids = session.insert("Event", columns, [_row(event, now) for event in new]) if new else []
    except DuplicateKeyError as error:
        raise AlreadyExistsError("Given event already exists.") from error
    no, yes = session.dialect.booleans
    steps: list[Row] = [
        (event_id, yes, step.index, None) if step.HasField("index") else (event_id, no, None, step.key)
        for event_id, event in zip(ids, new, strict=True)
        for step in event.path.steps
        if step.WhichOneof("value")
    ]
    if steps:
        session.insert_rows("EventPath", ("event_id", "is_index_step", "step_index", "step_key"), steps)


def _check(event: pb.Event) -> None:
    if not event.HasField("artifact_id"):
        raise InvalidArgumentError("No artifact id is specified.")
    if not event.HasField("execution_id"):
        raise InvalidArgumentError("No execution id is specified.")
    if event.type == pb.Event.UNKNOWN:
        raise InvalidArgumentError("No event type is specified.")


def _check_ids(session: Session, kind: AnyKind, ids: set[int]) -> None:
    if missing := ids - existing_ids(session, kind, ids):
        raise InvalidArgumentError(f"No {kind.name} with the given id {min(missing)}")


_Key = tuple[int, int, int]


def _key(event: pb.Event) -> _Key:
    return event.artifact_id, event.execution_id, event.type


def _stored_like(session: Session, given: Sequence[pb.Event]) -> dict[_Key, pb.Event]:
    """Returns the stored events between the artifacts and executions of the given ones."""
    stored: dict[_Key, pb.Event] = {}
    for batch in batches(given, width=2):
        artifacts = [event.artifact_id for event in batch]
        executions = [event.execution_id for event in batch]
        condition = f"e.artifact_id IN {placeholders(artifacts)} AND e.execution_id IN {placeholders(executions)}"
        rows = _rows(session, condition, (*artifacts, *executions))
        stored.update((_key(event), event) for event in event_messages(session, rows))
    return stored


def _without_repeats(given: Sequence[pb.Event], stored: dict[_Key, pb.Event]) -> list[pb.Event]:
    known = dict(stored)
    new = []
    for event in given:
        before = known.setdefault(_key(event), event)
        if before is event:
            new.append(event)
        elif not _says_the_same(event, before):
            raise AlreadyExistsError(
                f"Given event already exists: artifact_id {event.artifact_id}, execution_id {event.execution_id}, "
                f"type {pb.Event.Type.Name(event.type)}, with another path or time"
            )
    return new


def _says_the_same(event: pb.Event, before: pb.Event) -> bool:
    same_time = (
        not event.HasField("milliseconds_since_epoch")
        or event.milliseconds_since_epoch == before.milliseconds_since_epoch
    )
    return same_time and event.path == before.path


def _row(event: pb.Event, now: int) -> Row:
    timed = event.HasField("milliseconds_since_epoch")
    return (
        event.artifact_id,
        event.execution_id,
        event.type,
        event.milliseconds_since_epoch if timed else now,
    )


def _rows(session: Session, condition: str, params: Sequence[SqlValue]) -> list[EventRow]:
    """Returns the events ``e`` that ``condition``, which is never made of a request's text, selects, in any order."""
    return cast("list[EventRow]", session.fetch(f"SELECT {COLUMNS} FROM Event e WHERE {condition}", params))


def _add_paths(session: Session, events: dict[int, pb.Event]) -> None:
    # An event and its path are stored at once and never change, so a second query fits the first.
    order = session.dialect.path_order
    order_by = f" ORDER BY event_id, {order}" if order else ""
    for batch in batches(events):
        columns = "event_id, is_index_step, step_index, step_key"
        sql = f"SELECT {columns} FROM EventPath WHERE event_id IN {placeholders(batch)}{order_by}"
        for event_id, is_index, index, key in session.fetch(sql, batch):
            step = events[cast(int, event_id)].path.steps.add()
            if is_index:
                step.index = cast(int, index)
            else:
                step.key = cast(str, key)
