"""Checks of the nodes: whether our pods fit on those that take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result, counted
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.checks.workloads import (
    Amounts,
    Ask,
    add,
    asks,
    of_pod,
    quantities,
    times,
    written,
)
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_RESOURCES = ("cpu", "memory", "ephemeral-storage", "pods")
_ENDED = {"Succeeded", "Failed"}
# Of nodes that come when pods wait for them.
_ON_DEMAND = ("karpenter.sh/nodepool", "eks.amazonaws.com/compute-type", "cloud.google.com/gke-provisioning")


@dataclass
class Node:
    """A node that takes our pods.

    Attributes:
        name: its name.
        free: what is left of what it can allocate.
    """

    name: str
    free: dict[str, Decimal] = field(default_factory=dict)

    def takes(self, wanted: Amounts) -> bool:
        """Returns whether a pod that requests this fits."""
        return all(amount <= self.free.get(name, Decimal(0)) for name, amount in wanted.items() if name in _RESOURCES)

    def place(self, wanted: Amounts) -> None:
        """Takes a pod in."""
        for name, amount in wanted.items():
            if name in self.free:
                self.free[name] -= amount


def room(subject: Subject) -> Iterator[Result]:
    """Places the pods, the largest first, on the nodes that tolerate and select them."""
    wanted = [ask for ask in asks(subject.objects) if ask.kind != "Job"]
    if not wanted:
        return
    listed = subject.readable("v1", "Node")
    if listed is None:
        yield codes.NODE_ROOM.unknown("Nodes may not be read.", "An administrator of the cluster can run this check.")
        return
    spec = wanted[0].pod["spec"]
    reasons = {each["metadata"]["name"]: _refuses(each, spec) for each in listed}
    ready = [each for each in listed if not reasons[each["metadata"]["name"]]]
    if not ready:
        details = "\n".join(f"{name}: {reason}" for name, reason in reasons.items())
        yield codes.NODE_ROOM.failed("No node takes the pods.", _hint(subject, reasons.values()), details)
        return
    running = subject.readable("v1", "Pod", everywhere=True)
    nodes = [Node(each["metadata"]["name"], _free(each, running or [], subject)) for each in ready]
    most = {name: max(node.free.get(name, Decimal(0)) for node in nodes) for name in ("cpu", "memory")}
    available = f"{counted(len(nodes), 'node')} with up to {_amounts(most)} free"
    homeless = _unplaced(nodes, wanted)
    asked = _total(wanted)
    if homeless:
        requested = _amounts(homeless.requests)
        sentence = f"A pod of {homeless.name} asks for {requested}; there is {available}, before other pods of ours."
        hint = "Free resources or add a node, or ask for less: --set small.enabled=true"
        if any(label in (each["metadata"].get("labels") or {}) for each in ready for label in _ON_DEMAND):
            yield codes.NODE_ROOM.warning(sentence, "Nodes seem to be added on demand; else " + hint.lower())
        else:
            yield codes.NODE_ROOM.failed(sentence, hint)
    elif running is None:
        yield codes.NODE_ROOM.unknown(
            f"The pods ask for {asked}. Without the pods of other namespaces, which may not be read, "
            f"there is {available}."
        )
    else:
        yield codes.NODE_ROOM.ok(f"The pods ask for {asked}; there is {available}.")


def _unplaced(nodes: list[Node], wanted: Iterable[Ask]) -> Ask | None:
    """Places pods; returns the workload of the first that fits nowhere."""
    pods = [ask for ask in wanted for _ in range(ask.count)]
    for ask in sorted(pods, key=lambda each: each.requests.get("memory", Decimal(0)), reverse=True):
        requested = {**ask.requests, "pods": Decimal(1)}
        node = next((each for each in nodes if each.takes(requested)), None)
        if node is None:
            return ask
        node.place(requested)
    return None


def _free(node: Object, running: Iterable[Object], subject: Subject) -> dict[str, Decimal]:
    """Returns what is left on a node without our own pods, which make room for those that replace them."""
    name, namespace = node["metadata"]["name"], subject.cluster.namespace
    free = quantities(node.get("status", {}).get("allocatable") or {})
    for pod in running:
        ours = pod["metadata"].get("namespace") == namespace and part_of(pod)
        if ours or pod.get("spec", {}).get("nodeName") != name or pod.get("status", {}).get("phase") in _ENDED:
            continue
        free = add(free, times({**of_pod(pod, "requests"), "pods": Decimal(1)}, -1))
    return free


def _refuses(node: Object, spec: Object) -> str:
    """Returns why a node does not take pods of ours; empty if it does."""
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions") or []}
    if conditions.get("Ready") != "True":
        return "not ready"
    if node.get("spec", {}).get("unschedulable"):
        return "cordoned"
    labels = node["metadata"].get("labels") or {}
    for key, value in (spec.get("nodeSelector") or {}).items():
        if labels.get(key) != value:
            return f"has no label {key}={value} (scheduling.nodeSelector)"
    for taint in node.get("spec", {}).get("taints") or []:
        if taint["effect"] in {"NoSchedule", "NoExecute"} and not _is_tolerated(taint, spec.get("tolerations") or []):
            value = f"={taint['value']}" if taint.get("value") else ""
            return f"has the taint {taint['key']}{value}:{taint['effect']} (scheduling.tolerations)"
    return ""


def _is_tolerated(taint: Object, tolerations: Iterable[Object]) -> bool:
    for each in tolerations:
        exists = each.get("operator", "Equal") == "Exists"
        same_key = each.get("key") == taint["key"] or (exists and not each.get("key"))
        same_value = exists or (each.get("value") or "") == (taint.get("value") or "")
        if same_key and same_value and each.get("effect") in (None, "", taint["effect"]):
            return True
    return False


def _hint(subject: Subject, reasons: Iterable[str]) -> str:
    text = " ".join(reasons)
    if "scheduling." in text:
        return "Change the settings scheduling.nodeSelector and scheduling.tolerations, or the nodes."
    if "cordoned" in text:
        return f"To let a node take pods again, run: kubectl --context {subject.cluster.context} uncordon NODE"
    return f"For details, run: kubectl --context {subject.cluster.context} describe nodes"


def _total(wanted: Iterable[Ask]) -> str:
    total: dict[str, Decimal] = {}
    count = 0
    for ask in wanted:
        total = add(total, times(ask.requests, ask.count))
        count += ask.count
    return f"{_amounts(total)} ({counted(count, 'pod')})"


def _amounts(amounts: Amounts) -> str:
    names = {"cpu": "CPU", "memory": "memory"}
    return " and ".join(f"{written(key, amounts[key])} {title}" for key, title in names.items() if key in amounts)
