"""A plan: what ``up`` does to each object, field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.installer.cluster.state.settings import Change as SettingChange


class Action(str, Enum):
    """What is done to an object."""

    CREATE = "create"
    UPDATE = "update"
    RECREATE = "recreate"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    # It may not be read, or not be tried.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FieldChange:
    """A field that changes.

    Attributes:
        path: such as ``spec.template.spec.containers[ui].image``.
        before: its value in the cluster; None where it is missing.
        after: its value afterwards; None where it is removed.
        manager: who set it, if that was not the engine; else empty.
        is_drift: whether the object is the engine's, so that the manager changed it behind the engine's back.
    """

    path: str
    before: Any
    after: Any
    manager: str = ""
    is_drift: bool = False


@dataclass(frozen=True)
class Change:
    """What is done to one object.

    Attributes:
        identity: of the object.
        action: what is done.
        fields: those that change; of an object that is created or deleted, none.
        reason: why it is recreated, deleted or unknown; else empty.
        taken_from: the programs that applied it and lose it to the engine.
        wanted: as it is applied; None where it is deleted.
        uid: of the object in the cluster; empty where there is none.
        resource_version: the same.
        force: whether fields that others own are set.
    """

    identity: Identity
    action: Action
    fields: tuple[FieldChange, ...] = ()
    reason: str = ""
    taken_from: tuple[str, ...] = ()
    wanted: Object | None = field(default=None, compare=False, repr=False)
    uid: str = field(default="", compare=False)
    resource_version: str = field(default="", compare=False)
    force: bool = field(default=False, compare=False)

    @property
    def is_change(self) -> bool:
        """Whether anything is done."""
        return self.action is not Action.UNCHANGED


@dataclass(frozen=True)
class Plan:
    """What ``up`` does.

    Attributes:
        engine: the tool that does it.
        changes: one for each object, in the order in which they are carried out.
        settings: those that change.
        findings: what keeps ``up`` from it, or would.
        losses: what is lost by taking over from another engine, as sentences.
        managed: who manages objects besides the engine, such as Argo CD, by the object's name.
        admission_checked: whether the cluster was asked if it admits the objects.
        is_exact: whether the engine merges as the plan does.
        notes: what limits the plan, as sentences.
    """

    engine: str
    changes: tuple[Change, ...]
    settings: tuple[SettingChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    losses: tuple[str, ...] = ()
    managed: tuple[tuple[str, str], ...] = ()
    admission_checked: bool = True
    is_exact: bool = True
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the cluster stays as it is."""
        return not (self.pending or self.losses)

    @property
    def pending(self) -> tuple[Change, ...]:
        """The objects that change."""
        return tuple(each for each in self.changes if each.is_change)

    @property
    def wanted(self) -> tuple[Object, ...]:
        """All objects, as they are applied."""
        return tuple(each.wanted for each in self.changes if each.wanted is not None)

    @property
    def counts(self) -> dict[str, int]:
        """How many objects there are for each action."""
        counted = Counter(each.action for each in self.changes)
        return {action.value: counted[action] for action in Action}

    def of(self, action: Action) -> tuple[Change, ...]:
        """Returns the changes with an action."""
        return tuple(each for each in self.changes if each.action is action)


def divergences(confirmed: Plan, now: Plan) -> list[str]:
    """Returns what a plan does that a confirmed one did not say, as sentences; empty where both do the same.

    The namespace is there by now: what is planned under the Lease needs one.
    """
    before, after = _by_identity(confirmed.pending), _by_identity(now.pending)
    found = []
    for identity in [*before, *(each for each in after if each not in before)]:
        old, new = before.get(identity), after.get(identity)
        if old == new:
            continue
        if old is None or new is None or old.action is not new.action:
            found.append(f"{identity}: {_action(old)} was planned, now {_action(new)}")
        else:
            pairs = ((old.fields, new.fields), (new.fields, old.fields))
            fields = {each.path for some, others in pairs for each in some if each not in others}
            found.append(f"{identity}: other changes of {', '.join(sorted(fields)) or 'its owner'}")
    return found


def _by_identity(changes: Sequence[Change]) -> dict[Identity, Change]:
    return {each.identity: each for each in changes if each.identity.kind != "Namespace"}


def _action(change: Change | None) -> str:
    return (change.action if change else Action.UNCHANGED).value
