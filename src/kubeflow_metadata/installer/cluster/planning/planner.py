"""Makes plans: every object is applied in a dry run, and the answer compared with what is in the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster import admission
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.managed_fields import paths_in
from kubeflow_metadata.installer.cluster.objects import Identity, in_order
from kubeflow_metadata.installer.cluster.planning import gitops, live, managers, recreation, trial_pods
from kubeflow_metadata.installer.cluster.planning.comparison import (
    Difference,
    deviations,
    differences,
    value_at,
)
from kubeflow_metadata.installer.cluster.planning.live import Live
from kubeflow_metadata.installer.cluster.planning.masking import masked
from kubeflow_metadata.installer.cluster.planning.paths import text_of
from kubeflow_metadata.installer.cluster.planning.plan import Action, Change, FieldChange, Plan
from kubeflow_metadata.installer.cluster.port import (
    Cluster,
    ConflictError,
    ForbiddenError,
    Object,
    RejectedError,
    UnknownKindError,
)
from kubeflow_metadata.installer.cluster.state.settings import Change as SettingChange

REJECTED = "KFM0501"
HOLDS_DATA = "KFM0502"
FORBIDDEN = "KFM0503"
FOREIGN = "KFM0504"
UNKNOWN_KIND = "KFM0505"
PODS_REJECTED = "KFM0506"

_NO_LONGER_WANTED = "no longer part of the installation"


@dataclass(frozen=True)
class _Judged:
    """What was learned about one object."""

    change: Change
    findings: tuple[Finding, ...] = ()
    managed_by: str = ""
    is_checked: bool = True


def make(
    cluster: Cluster,
    engine: Engine,
    objects: Sequence[Object],
    *,
    others: Iterable[Engine] = (),
    settings: Sequence[SettingChange] = (),
) -> Plan:
    """Returns what an engine would do to the cluster; changes nothing.

    Args:
        cluster: where.
        engine: applies the objects.
        objects: all that is wanted.
        others: the engines whose installation this one takes over.
        settings: those that change.
    """
    made = in_order(objects)
    losses = tuple(f"{other.name}: {other.loss(cluster)}" for other in others)
    if admission.lacks_namespace(cluster):
        return _all_new(cluster, engine, made, settings)
    present, recorded = look(cluster, engine, made)
    manager = engine.manager(cluster)
    judge = partial(_judged, cluster, present, manager=manager, takes_over=bool(losses))
    judged = live.in_parallel(judge, made)
    managed = {str(each.change.identity): each.managed_by for each in judged if each.managed_by}
    notes = []
    if not engine.is_exact(cluster):
        notes.append("Helm 3 merges by itself: drift and removed fields may turn out differently.")
    if not all(each.is_checked for each in judged):
        notes.append("Admission was not checked for every object: a webhook does not support dry runs.")
    findings = [finding for each in judged for finding in each.findings]
    rejected, is_tried = _rejected_pods(cluster, present, [each.change for each in judged if not each.findings])
    if not is_tried:
        notes.append("Whether pods are admitted was not checked: that takes the permission to create pods.")
    wanted = {each.change.identity for each in judged}
    if recorded is None:
        notes.append("What was installed before may not be read, so nothing that would be deleted is shown.")
    unwanted = [each for each in (recorded or set()) - wanted if each in present.objects and not each.holds_data]
    return Plan(
        engine.name,
        (*(each.change for each in judged), *_deletions(present, unwanted)),
        tuple(settings),
        tuple(_merged(cluster, [*findings, *rejected])),
        losses,
        tuple(sorted(managed.items())),
        is_exact=engine.is_exact(cluster),
        notes=tuple(notes),
    )


def look(cluster: Cluster, engine: Engine, objects: Sequence[Object]) -> tuple[Live, set[Identity] | None]:
    """Returns what is in the cluster, and what of it the engine recorded as applied; None where that is secret."""
    try:
        recorded = engine.recorded(cluster)
    except ForbiddenError:
        recorded = None
    present = live.read(cluster, {Identity.of(each) for each in objects} | (recorded or set()))
    return present, recorded


def is_current(cluster: Cluster, engine: Engine, plan: Plan) -> bool:
    """Returns whether no object has changed since a plan was made."""
    present, recorded = look(cluster, engine, plan.wanted)
    planned = {each.identity: each.resource_version for each in plan.changes}
    versions = present.versions
    prunable = {each for each in recorded or () if each in versions and not each.holds_data}
    return all(versions.get(each, "") == version for each, version in planned.items()) and prunable <= set(planned)


def _all_new(cluster: Cluster, engine: Engine, made: Sequence[Object], settings: Sequence[SettingChange]) -> Plan:
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}}
    named = [*([] if any(each["kind"] == "Namespace" for each in made) else [namespace]), *made]
    changes = tuple(Change(Identity.of(each), Action.CREATE, wanted=each) for each in named)
    note = "The namespace does not exist yet, so the cluster was not asked whether it admits the objects."
    return Plan(engine.name, changes, tuple(settings), admission_checked=False, notes=(note,))


def _judged(cluster: Cluster, present: Live, wanted: Object, *, manager: str, takes_over: bool) -> _Judged:
    identity = Identity.of(wanted)
    if identity in present.unread:
        error = present.unread[identity]
        return _Judged(_unknown(identity, wanted), (_finding(FORBIDDEN, identity, error),))
    now = present.objects.get(identity)
    if now is not None and (clash := admission.clash(cluster, wanted, now)):
        return _Judged(_unknown(identity, wanted), (_finding(FOREIGN, identity, clash),))
    managed_by = gitops.manager_of(now) if now else ""
    try:
        after, force = _dry_run(cluster, wanted, manager)
    except ConflictError as error:
        return _Judged(_untried(identity, wanted, now), (_finding(REJECTED, identity, error),), managed_by)
    except UnknownKindError as error:
        return _Judged(_unknown(identity, wanted), (_finding(UNKNOWN_KIND, identity, error),))
    except ForbiddenError as error:
        return _Judged(_untried(identity, wanted, now), (_finding(FORBIDDEN, identity, error),), managed_by)
    except RejectedError as error:
        if _waits_for_its_role(present, wanted, error):
            return _Judged(_untried(identity, wanted, now), (), managed_by)
        if "does not support dry run" in error.details:
            return _Judged(_untried(identity, wanted, now), (), managed_by, is_checked=False)
        if now is not None and recreation.is_immutable(error):
            return replace(_immutable(cluster, identity, wanted, now, error), managed_by=managed_by)
        return _Judged(_untried(identity, wanted, now), (_finding(REJECTED, identity, error),), managed_by)
    if now is None:
        return _Judged(Change(identity, Action.CREATE, wanted=wanted, force=force))
    return _Judged(_changed(identity, wanted, now, after, manager, force, takes_over, managed_by), (), managed_by)


def _rejected_pods(cluster: Cluster, present: Live, changes: Iterable[Change]) -> tuple[list[Finding], bool]:
    """Returns what rejects pods of workloads that change, and whether that could be tried."""
    changed = [each for each in changes if each.is_change and each.wanted and kinds.is_workload(each.identity.kind)]
    answers = live.in_parallel(lambda each: trial_pods.rejection(cluster, present, each.wanted or {}), changed)
    findings = [
        Finding(
            PODS_REJECTED,
            str(change.identity),
            "",
            f"The cluster would reject the pods of {change.identity}.",
            f"Check the Pod Security level, LimitRanges and webhooks of the namespace {cluster.namespace}.",
            details=error.details,
        )
        for change, error in zip(changed, answers, strict=True)
        if isinstance(error, RejectedError)
    ]
    return findings, not any(isinstance(error, ForbiddenError) for error in answers)


def _waits_for_its_role(present: Live, wanted: Object, error: RejectedError) -> bool:
    """Returns whether a RoleBinding is rejected only because its Role, which is applied before it, does not exist yet.

    Who may bind any Role is not told so.
    """
    role = wanted.get("roleRef") or {}
    identity = Identity(wanted["apiVersion"], role.get("kind", ""), role.get("name", ""))
    return bool(role) and "not found" in error.details and identity not in present.objects


def _dry_run(cluster: Cluster, wanted: Object, manager: str) -> tuple[Object, bool]:
    """Returns what an object would be, and whether others' fields are in the way."""
    try:
        return cluster.apply(wanted, dry_run=True, manager=manager), False
    except ConflictError:
        return cluster.apply(wanted, force=True, dry_run=True, manager=manager), True


def _changed(
    identity: Identity,
    wanted: Object,
    now: Object,
    after: Object,
    manager: str,
    force: bool,
    takes_over: bool,
    managed_by: str,
) -> Change:
    is_ours = managers.has_set(now, manager)
    appliers = managers.other_appliers(now, manager) if takes_over or managed_by or not is_ours else []
    found = {each.path: each for each in differences(now, after)}
    # What holds data keeps all that is in it: a password may have been applied by hand.
    for each in () if identity.holds_data else _dropped(now, after, manager, appliers):
        found.setdefault(each.path, each)
    for each in differences(now, gitops.without_marks(now)) if managed_by else ():
        found.setdefault(each.path, each)
    fields = tuple(_field(each, now, manager, is_ours) for each in found.values())
    taken_from = (*appliers, *([managed_by] if managed_by else []))
    action = Action.UPDATE if fields or taken_from else Action.UNCHANGED
    return Change(identity, action, fields, "", taken_from, wanted, *_version(now), force)


def _dropped(now: Object, after: Object, manager: str, taken_from: Sequence[str]) -> Iterator[Difference]:
    """Yields the fields that are set by the programs that lose the object, and that nobody wants any longer."""
    kept = set(paths_in(managers.applied_by(after, manager)))
    for name in taken_from:
        for words in paths_in(managers.set_by(now, name)):
            if words not in kept and words[0] != "f:status" and not words[-1].startswith("v:"):
                path = managers.path_of(words)
                if (value := value_at(now, path)) is not None:
                    yield Difference(path, value, None)


def _field(difference: Difference, now: Object, manager: str, is_ours: bool) -> FieldChange:
    shown = masked(difference, now)
    owner = managers.owner_of(now, difference.path, manager) if difference.before is not None else ""
    is_drift = bool(owner) and is_ours and difference.after is not None
    return FieldChange(text_of(difference.path), shown.before, shown.after, owner, is_drift)


def _immutable(cluster: Cluster, identity: Identity, wanted: Object, now: Object, error: RejectedError) -> _Judged:
    fields = tuple(
        FieldChange(text_of(each.path), shown.before, shown.after)
        for each in deviations(now, wanted)
        for shown in [masked(each, now)]
    )
    why = recreation.reason(now)
    if not why:
        names = ", ".join(each.path for each in fields) or "its fields"
        finding = Finding(
            HOLDS_DATA,
            str(identity),
            "",
            f"{identity} holds data and is never made again, but {names} cannot change in place.",
            error.hint or "Restore the settings that it was created with.",
            details=error.details,
        )
        change = Change(identity, Action.UNKNOWN, fields, "holds data", (), wanted, *_version(now))
        return _Judged(change, (finding,))
    change = Change(identity, Action.RECREATE, fields, why, (), wanted, *_version(now))
    try:
        # Under another name, so that the rest of it is judged, too.
        cluster.create({**wanted, "metadata": {**wanted["metadata"], "name": f"{identity.name}-new"}}, dry_run=True)
    except (RejectedError, ForbiddenError) as rejection:
        if "does not support dry run" not in rejection.details:
            return _Judged(change, (_finding(REJECTED, identity, rejection),))
    return _Judged(change)


def _untried(identity: Identity, wanted: Object, now: Object | None) -> Change:
    """Returns what would be changed as far as that can be told without asking the cluster."""
    if now is None:
        return Change(identity, Action.CREATE, wanted=wanted)
    found = [masked(each, now) for each in deviations(now, wanted)]
    fields = tuple(FieldChange(text_of(each.path), each.before, each.after) for each in found)
    action = Action.UPDATE if fields else Action.UNCHANGED
    return Change(identity, action, fields, "", (), wanted, *_version(now), force=True)


def _unknown(identity: Identity, wanted: Object) -> Change:
    return Change(identity, Action.UNKNOWN, reason="unknown", wanted=wanted)


def _deletions(present: Live, identities: Iterable[Identity]) -> Iterator[Change]:
    objects = [present.objects[each] for each in identities]
    for made in reversed(in_order(objects)):
        yield Change(Identity.of(made), Action.DELETE, (), _NO_LONGER_WANTED, (), None, *_version(made))


def _version(made: Object) -> tuple[str, str]:
    metadata = made["metadata"]
    return str(metadata.get("uid", "")), str(metadata.get("resourceVersion", ""))


def _finding(code: str, identity: Identity, error: UserError) -> Finding:
    return Finding(code, str(identity), "", str(error), error.hint, details=error.details)


def _merged(cluster: Cluster, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yields findings; rights that are missing are told once for all objects."""
    missing: list[Finding] = []
    for each in findings:
        if each.code == FORBIDDEN:
            missing.append(each)
        else:
            yield each
    if missing:
        subjects = ", ".join(each.subject for each in missing)
        sentence = missing[0].sentence if len(missing) == 1 else f"Permission denied for {len(missing)} objects."
        hint = f"For the Role to ask for, run: {program.command('check')} {cluster.options} --print-role"
        yield Finding(FORBIDDEN, subjects, "", sentence, hint, details=missing[0].details)
