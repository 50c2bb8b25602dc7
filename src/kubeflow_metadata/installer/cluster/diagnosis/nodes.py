"""Nodes that are gone or under pressure, and what becomes of pods on them."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow_metadata.installer.cluster.diagnosis import causes, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.parts import BY_NAME

_PRESSURES = {"MemoryPressure": "memory", "DiskPressure": "disk space", "PIDPressure": "processes"}
# The kubelet reports the end of a pod a little later than its grace period ends.
_SLACK_SECONDS = 20.0


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields what is wrong with the nodes of our pods, and with pods that were evicted or do not terminate."""
    yield from _nodes(snapshot)
    yield from _evictions(snapshot)
    yield from _stuck(snapshot)


def _context(snapshot: Snapshot) -> str:
    return f" --context {snapshot.context}" if snapshot.context else ""


def _nodes(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.nodes is None:
        return
    users: dict[str, str] = {}
    for pod in snapshot.pods:
        evicted = (pod.get("status") or {}).get("reason") == "Evicted"
        if (node := (pod.get("spec") or {}).get("nodeName")) and (evicted or not shapes.has_failed(pod)):
            if not shapes.is_ready(pod):
                users.setdefault(node, part_of(pod))
        elif shapes.is_unschedulable(pod):
            # None of them takes it: any may be why.
            for each in snapshot.nodes:
                users.setdefault(shapes.name_of(each), part_of(pod))
    for name, part in users.items():
        node = shapes.named(snapshot.nodes, name)
        if node is None:
            yield causes.NODE_GONE.found(
                snapshot,
                f"Node {name}",
                part,
                {"node": name, "state": "gone", "message": "", "context": _context(snapshot)},
            )
        elif found := _of_node(snapshot, node, part):
            yield found


def _of_node(snapshot: Snapshot, node: Object, part: str) -> Finding | None:
    name, ready = shapes.name_of(node), shapes.condition(node, "Ready")
    if ready and ready.get("status") != "True":
        message = ready.get("message") or ready.get("reason", "")
        return causes.NODE_GONE.found(
            snapshot,
            f"Node {name}",
            part,
            {
                "node": name,
                "state": "not ready",
                "message": f": {message}" if message else "",
                "context": _context(snapshot),
            },
            seconds=shapes.seconds_since(ready.get("lastTransitionTime"), snapshot),
        )
    pressed = [each for each in _PRESSURES if shapes.condition(node, each).get("status") == "True"]
    if not pressed:
        return None
    first = shapes.condition(node, pressed[0])
    return causes.NODE_PRESSURE.found(
        snapshot,
        f"Node {name}",
        part,
        {
            "node": name,
            "pressures": ", ".join(_PRESSURES[each] for each in pressed),
            "message": first.get("message") or first.get("reason", ""),
            "what": _PRESSURES[pressed[0]],
            "context": _context(snapshot),
        },
        seconds=shapes.seconds_since(first.get("lastTransitionTime"), snapshot),
    )


def _evictions(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields the last eviction of each part; the pods of earlier ones are only left over."""
    done = {part_of(each): shapes.is_done(each) for each in snapshot.workloads}
    last: dict[str, Object] = {}
    for pod in snapshot.pods:
        status = pod.get("status") or {}
        if status.get("phase") == "Failed" and status.get("reason") == "Evicted":
            last[part_of(pod)] = max(pod, last.get(part_of(pod), pod), key=_evicted_at)
    for name, pod in last.items():
        part = BY_NAME.get(name)
        cause = causes.EVICTED_BEFORE if done.get(name) else causes.EVICTED
        yield cause.found(
            snapshot,
            f"Pod {shapes.name_of(pod)}",
            name,
            {
                "pod": shapes.name_of(pod),
                "message": (pod["status"].get("message") or "no reason given").strip(),
                "settings": part.settings if part else "PART",
            },
            seconds=shapes.seconds_since(_evicted_at(pod), snapshot),
        )


def _evicted_at(pod: Object) -> str:
    status = pod["status"]
    return str(shapes.condition(pod, "DisruptionTarget").get("lastTransitionTime") or status.get("startTime") or "")


def _stuck(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields pods that are still there although their time to end is over."""
    for pod in snapshot.pods:
        # The API server sets this to when the grace period ends.
        overdue = shapes.seconds_since(pod["metadata"].get("deletionTimestamp"), snapshot)
        if overdue is None or overdue < _SLACK_SECONDS:
            continue
        name, node = shapes.name_of(pod), (pod.get("spec") or {}).get("nodeName", "")
        finalizers = pod["metadata"].get("finalizers") or []
        if finalizers:
            message = f"its finalizers are {', '.join(finalizers)}."
            remedy = (
                f"Who set them should remove them. By hand, run: {snapshot.kubectl} patch pod {name} --type=merge "
                '--patch=\'{"metadata":{"finalizers":null}}\''
            )
        else:
            message = f"node {node} does not report that it ended."
            remedy = (
                f"Only if node {node} is shut down for good, run: {snapshot.kubectl} delete pod {name} --force "
                "--grace-period=0"
            )
        yield causes.STUCK_TERMINATION.found(
            snapshot, f"Pod {name}", part_of(pod), {"pod": name, "message": message, "remedy": remedy}, seconds=overdue
        )
