"""Pods for which the scheduler finds no node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kubeflow_metadata.installer.cluster.diagnosis import causes, room, shapes
from kubeflow_metadata.installer.cluster.diagnosis.causes import Cause
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.parts import BY_NAME

_SHOWN_NODES = 3
# A cluster that is adding a node for the pod is given time for it.
_SCALING_UP = 600.0
_CLAIM = re.compile(r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \"|storageclass\S* \"")
_TAINT = re.compile(r"taint\(?s?\)? \{(?P<key>[^:}]+)(?:: ?(?P<value>[^}]*))?\}")
# Taints by which Kubernetes itself says that a node is not to be used; other rules tell why.
_UNFIT = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PRESSURE = "-pressure"
_CORDON = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True)
class _Meaning:
    """What a reason of the scheduler means; the first in the table that applies to a node is the cause."""

    cause: Cause
    pattern: re.Pattern[str]


# A node that fails a later filter of the scheduler has passed the earlier ones, so is the nearest to fit.
_MEANINGS = (
    _Meaning(causes.NO_CPU, re.compile(r"Insufficient cpu")),
    _Meaning(causes.NO_MEMORY, re.compile(r"Insufficient memory")),
    _Meaning(causes.NODES_FULL, re.compile(r"Too many pods")),
    _Meaning(
        causes.VOLUME_ELSEWHERE, re.compile(r"volume node affinity conflict|available persistent volumes to bind")
    ),
    _Meaning(causes.NOT_PROVISIONED, re.compile(r"enough free storage")),
    _Meaning(causes.NO_MATCHING_NODE, re.compile(r"node affinity|node selector|didn't match.*(affinity|selector)")),
    _Meaning(causes.CORDONED, re.compile(rf"were unschedulable|{re.escape(_CORDON)}")),
    _Meaning(causes.TAINTED, re.compile(r"untolerated taint|had taint")),
)


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields why current pods are unschedulable."""
    pending = [each for each in shapes.current_pods(snapshot) if shapes.is_unschedulable(each)]
    for pod in pending:
        yield _found(snapshot, pod, pending)


def _found(snapshot: Snapshot, pod: Object, pending: list[Object]) -> Finding:
    scheduled = shapes.condition(pod, "PodScheduled")
    message = scheduled.get("message", "")
    name, subject, part = shapes.name_of(pod), f"Pod {shapes.name_of(pod)}", part_of(pod)
    seconds = shapes.seconds_since(scheduled.get("lastTransitionTime"), snapshot)
    if seconds is None:
        seconds = shapes.age(pod, snapshot)
    reasons = _reasons(message)
    if _CLAIM.search(message):
        return causes.CLAIM_AWAITED.found(snapshot, subject, part, {"pod": name}, seconds=seconds)
    taints = [match["key"] for match in _TAINT.finditer(reasons)]
    unfit = [each for each in taints if each in _UNFIT or each.endswith(_PRESSURE)]
    cause = next((each.cause for each in _MEANINGS if each.pattern.search(reasons)), causes.UNSCHEDULABLE)
    if cause is causes.TAINTED and unfit and len(unfit) == len(taints):
        # Other rules tell what is wrong with these nodes.
        cause = causes.NODES_UNFIT
    wanted = room.requested(pod)
    what = [
        words for words, reason in (("CPU", "Insufficient cpu"), ("memory", "Insufficient memory")) if reason in reasons
    ]
    claims = shapes.claims_of(pod)
    nodes = [shapes.name_of(each) for each in snapshot.nodes or () if (each.get("spec") or {}).get("unschedulable")]
    return cause.found(
        snapshot,
        subject,
        part,
        {
            "pod": name,
            "message": reasons or message or "the scheduler gives no reason",
            "what": " and ".join(what),
            "less": _less(snapshot, pod, pending, what),
            "context": f" --context {snapshot.context}" if snapshot.context else "",
            "taint": next((each for each in taints if each not in unfit), "KEY"),
            "node": nodes[0] if nodes else "NODE",
            "claim": claims[0] if claims else "?",
            "where": _where(snapshot, claims),
            "name": "?",
        },
        asked=_asked(cause, pod, wanted),
        available=_available(snapshot, pod, reasons),
        seconds=seconds,
        patience=_SCALING_UP if shapes.events_of(snapshot, pod, "TriggeredScaleUp") else None,
    )


def _reasons(message: str) -> str:
    """Returns why each node was passed over, without what the scheduler says about preemption."""
    text = message.partition(" preemption:")[0].strip().rstrip(".")
    return text.partition("nodes are available: ")[2] or text


def _asked(cause: Cause, pod: Object, wanted: room.Room) -> str:
    spec = pod.get("spec") or {}
    if cause is causes.NO_MATCHING_NODE:
        selector = [f"{key}={value}" for key, value in (spec.get("nodeSelector") or {}).items()]
        affinity = ["a node affinity"] if (spec.get("affinity") or {}).get("nodeAffinity") else []
        return ", ".join([*selector, *affinity])
    if cause is causes.TAINTED:
        keys = sorted({each.get("key", "any") for each in spec.get("tolerations") or []})
        return f"tolerations: {', '.join(keys)}" if keys else "no tolerations"
    return wanted.words if cause in {causes.NO_CPU, causes.NO_MEMORY} else ""


def _available(snapshot: Snapshot, pod: Object, reasons: str) -> str:
    """Returns what each node has free, those that admit the pod first; without rights to read it, the reasons."""
    left = room.free(snapshot)
    if left is None:
        return reasons
    told = []
    for node in sorted(snapshot.nodes or (), key=lambda each: (not room.admits(each, pod), shapes.name_of(each))):
        name = shapes.name_of(node)
        closed = "" if room.admits(node, pod) else f" ({_closed(node)})"
        told.append(f"{name}: {left[name].words} free{closed}")
    more = [f"and {len(told) - _SHOWN_NODES} more nodes"] if len(told) > _SHOWN_NODES else []
    return "; ".join([*told[:_SHOWN_NODES], *more]) or "no nodes"


def _closed(node: Object) -> str:
    spec = node.get("spec") or {}
    if spec.get("unschedulable"):
        return "cordoned"
    taints = [each["key"] for each in spec.get("taints") or [] if each.get("effect") != "PreferNoSchedule"]
    return f"taint {', '.join(taints)}" if taints else "another label"


def _less(snapshot: Snapshot, pod: Object, pending: list[Object], lacking: list[str]) -> str:
    """Returns the settings that request less: the small size only if it would fit."""
    if room.small_would_fit(snapshot, pending):
        return "small.enabled=true"
    part = BY_NAME.get(part_of(pod))
    settings = part.settings if part else "PART"
    return " --set ".join(f"{settings}.resources.requests.{each.lower()}=..." for each in lacking)


def _where(snapshot: Snapshot, claims: list[str]) -> str:
    """Returns to which nodes the volumes of claims are bound."""
    bound = {
        (each.get("spec") or {}).get("volumeName") for each in snapshot.claims or () if shapes.name_of(each) in claims
    }
    places = [
        value
        for volume in snapshot.volumes or ()
        if shapes.name_of(volume) in bound
        for term in (((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}).get(
            "nodeSelectorTerms", []
        )
        for expression in term.get("matchExpressions") or []
        for value in expression.get("values") or []
    ]
    return f"{', '.join(places)}" if places else "another node or zone"
