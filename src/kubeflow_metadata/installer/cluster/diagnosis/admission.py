"""Pods that the cluster rejects: quotas, limits, Pod Security, webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.diagnosis import causes, room, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.parts import BY_NAME

_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<asked>.*?), used: (?P<used>.*?), limited: (?P<hard>\S+)"
)
_AMOUNTS = re.compile(r"failed quota: (?P<name>[^:]+): must specify (?P<amounts>.+)")
_LIMITS = re.compile(
    r"(?P<message>\[?(?:maximum|minimum|max|min|cpu|memory)\b[^\]]*(?:per (?:Container|Pod)|limit)[^\]]*)\]?$"
)
_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^":]+)[^"]*": (?P<message>.+)', re.DOTALL)
_DENIED = re.compile(
    r"(?P<webhook>admission webhook \"[^\"]+\"|ValidatingAdmissionPolicy '[^']+')[^:]*? denied (?:the )?request:? ?"
    r"(?P<message>.*)",
    re.DOTALL,
)
_AWAY = re.compile(r'failed calling webhook "(?P<webhook>[^"]+)": (?P<message>.+)', re.DOTALL)
_ACCOUNT = re.compile(r'serviceaccount "(?P<name>[^"]+)" not found')
_ENFORCED = "pod-security.kubernetes.io/enforce"
# What quotas call the amounts of pods, and where the settings have them.
_SETTINGS = {
    f"{prefix}{amount}": (which, amount)
    for prefix, which in (("requests.", "requests"), ("", "requests"), ("limits.", "limits"))
    for amount in ("cpu", "memory")
}
# What stands before the reason: which pods, and which controller.
_PREFIX = re.compile(r'^(?:.*? failed error: |Error creating: )?(?:pods "[^"]*" is forbidden: )?', re.DOTALL)


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields why workloads have fewer pods than they should."""
    for workload in snapshot.workloads:
        wanted = (workload.get("spec") or {}).get("replicas", 1)
        count = len([each for each in shapes.pods_of(snapshot, workload) if not shapes.has_failed(each)])
        if shapes.is_done(workload) or count >= wanted:
            continue
        message, seconds = _rejection(snapshot, workload)
        found = _found(snapshot, workload, message, seconds) if message else None
        yield found or causes.NO_PODS.found(
            snapshot,
            f"{workload['kind']} {shapes.name_of(workload)}",
            part_of(workload),
            {"workload": shapes.name_of(workload), "count": f"{count} of {wanted}"},
            seconds=seconds,
        )


def _rejection(snapshot: Snapshot, workload: Object) -> tuple[str, float | None]:
    """Returns why no pod could be created the last time, and since when."""
    maker = shapes.replica_set_of(snapshot, workload) or workload
    for made in (maker, workload):
        failure = shapes.condition(made, "ReplicaFailure")
        if failure.get("status") == "True":
            return failure.get("message", ""), shapes.seconds_since(failure.get("lastTransitionTime"), snapshot)
    if event := shapes.standing(snapshot, maker, ("FailedCreate",), ("SuccessfulCreate",)):
        return event.get("message", ""), shapes.seconds_since(shapes.first_seen(event), snapshot)
    return "", None


def _found(snapshot: Snapshot, workload: Object, message: str, seconds: float | None) -> Finding | None:
    """Returns what a rejection means; None if it no longer holds, so that the next try may succeed."""
    name, kind, part = shapes.name_of(workload), workload["kind"], part_of(workload)
    subject = f"{kind} {name}"
    reason = _PREFIX.sub("", message, count=1).strip()
    settings = BY_NAME[part].settings if part in BY_NAME else "PART"
    words = {"workload": name, "kind": kind.lower(), "settings": settings}
    if match := _QUOTA.search(message):
        quota = _Quota.of(snapshot, match)
        if quota.has_room(quota.asked):
            return None
        return causes.QUOTA.found(
            snapshot,
            f"ResourceQuota {quota.name}",
            part,
            {**words, "name": quota.name, "less": _less(snapshot, workload, quota)},
            asked=", ".join(f"{each} {amount}" for each, amount in quota.asked.items()),
            available=quota.words,
            seconds=seconds,
        )
    if match := _AMOUNTS.search(message):
        if _is_gone(snapshot.quotas, match["name"]):
            return None
        return causes.QUOTA_NEEDS_AMOUNTS.found(
            snapshot,
            f"ResourceQuota {match['name']}",
            part,
            {**words, "name": match["name"], "amounts": match["amounts"]},
            seconds=seconds,
        )
    if match := _SECURITY.search(message):
        level = match["level"]
        labels = snapshot.namespace_labels
        if labels is not None and labels.get(_ENFORCED, level) != level:
            return None
        return causes.POD_SECURITY.found(
            snapshot, subject, part, {**words, "level": level, "message": match["message"]}, seconds=seconds
        )
    if match := _AWAY.search(message):
        return causes.WEBHOOK_AWAY.found(
            snapshot,
            subject,
            part,
            {
                **words,
                "webhook": match["webhook"],
                "message": match["message"].removeprefix("failed to call webhook: "),
            },
            seconds=seconds,
        )
    if match := _DENIED.search(message):
        webhook = match["webhook"]
        return causes.WEBHOOK_DENIES.found(
            snapshot,
            subject,
            part,
            {
                **words,
                "webhook": webhook[0].upper() + webhook[1:],
                "message": match["message"].strip() or "no reason given",
            },
            seconds=seconds,
        )
    if match := _ACCOUNT.search(message):
        return causes.ACCOUNT_MISSING.found(
            snapshot, f"ServiceAccount {match['name']}", part, {**words, "name": match["name"]}, seconds=seconds
        )
    if match := _LIMITS.search(reason):
        if snapshot.limit_ranges is not None and not snapshot.limit_ranges:
            return None
        names = [shapes.name_of(each) for each in snapshot.limit_ranges or ()]
        return causes.LIMIT_RANGE.found(
            snapshot,
            f"LimitRange {names[0] if names else '?'}",
            part,
            {**words, "name": ", ".join(names) or "of the namespace", "message": match["message"].strip("[] ")},
            asked=_resources(workload),
            available=_limits(snapshot),
            seconds=seconds,
        )
    return causes.PODS_REJECTED.found(snapshot, subject, part, {**words, "message": reason}, seconds=seconds)


def _is_gone(objects: tuple[Object, ...] | None, name: str) -> bool:
    return objects is not None and shapes.named(objects, name) is None


@dataclass(frozen=True)
class _Quota:
    """A ResourceQuota that rejected a pod: what was asked for then, and what is used and allowed now."""

    name: str
    asked: Mapping[str, str]
    used: Mapping[str, str]
    hard: Mapping[str, str]

    @classmethod
    def of(cls, snapshot: Snapshot, match: re.Match[str]) -> _Quota:
        """Returns the quota that a rejection names; as the rejection tells it, where it may not be read."""
        asked, used, hard = (_amounts(match[name]) for name in ("asked", "used", "hard"))
        if snapshot.quotas is not None:
            status = (shapes.named(snapshot.quotas, match["name"]) or {}).get("status") or {}
            used, hard = status.get("used") or {}, status.get("hard") or {}
        return cls(match["name"], asked, used, hard)

    def has_room(self, asked: Mapping[str, str]) -> bool:
        """Returns whether it allows as much as that in addition."""
        return all(
            room.quantity(self.used.get(name, "0")) + room.quantity(amount) <= room.quantity(self.hard[name])
            for name, amount in asked.items()
            if name in self.hard
        )

    @property
    def words(self) -> str:
        """What is used of what was asked for."""
        return ", ".join(f"{each} {self.used.get(each, '0')} of {self.hard.get(each, '?')} used" for each in self.asked)


def _amounts(text: str) -> dict[str, str]:
    return {name: amount for name, _, amount in (each.partition("=") for each in text.split(","))}


def _less(snapshot: Snapshot, workload: Object, quota: _Quota) -> str:
    """Returns how to request less: the small size only if the quota has room for it."""
    part = BY_NAME.get(part_of(workload))
    lacking = [name for name, amount in quota.asked.items() if not quota.has_room({name: amount})]
    if part is None or not lacking or not all(each in _SETTINGS for each in lacking):
        return "."
    small = {name: part.small[which][amount] for name, (which, amount) in _SETTINGS.items()}
    pod = {**shapes.template_of(workload), "metadata": workload["metadata"]}
    is_enough = all(quota.has_room({name: small.get(name, amount)}) for name, amount in quota.asked.items())
    settings = [f"{part.settings}.resources.{'.'.join(_SETTINGS[each])}=..." for each in lacking]
    chosen = ["small.enabled=true"] if room.can_be_small(pod) and is_enough else settings
    command = f"{program.command('up')} {snapshot.options}"
    return f", or request less, run: {command} {' '.join(f'--set {each}' for each in chosen)}"


def _resources(workload: Object) -> str:
    told = []
    for container in shapes.template_of(workload)["spec"].get("containers") or []:
        resources = container.get("resources") or {}
        for which in ("requests", "limits"):
            amounts = resources.get(which) or {}
            told += [f"{which} {name} {amounts[name]}" for name in ("cpu", "memory") if name in amounts]
    return ", ".join(told)


def _limits(snapshot: Snapshot) -> str:
    told = []
    for each in snapshot.limit_ranges or ():
        for limit in (each.get("spec") or {}).get("limits") or []:
            for bound in ("min", "max"):
                amounts = limit.get(bound) or {}
                told += [f"{limit.get('type', '')} {bound} {name} {amount}" for name, amount in sorted(amounts.items())]
    return ", ".join(told)
