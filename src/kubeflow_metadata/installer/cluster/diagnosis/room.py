"""What pods request, what nodes have free, and what would fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubeflow_metadata.installer.cluster.diagnosis import shapes
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.installer.model.quantities import MIB
from kubeflow_metadata.parts import BY_NAME

_GIB = 1024 * MIB


@dataclass(frozen=True)
class Room:
    """CPU in cores, and memory in bytes."""

    cpu: Decimal
    memory: Decimal

    def __add__(self, other: Room) -> Room:
        return Room(self.cpu + other.cpu, self.memory + other.memory)

    def __sub__(self, other: Room) -> Room:
        return Room(self.cpu - other.cpu, self.memory - other.memory)

    def holds(self, other: Room) -> bool:
        """Returns whether another one fits into it."""
        return self.cpu >= other.cpu and self.memory >= other.memory

    @property
    def words(self) -> str:
        """Both amounts, as people write them."""
        return f"{cores(self.cpu)} CPU, {size(self.memory)} memory"


NOTHING = Room(Decimal(0), Decimal(0))


def quantity(text: Any) -> Decimal:
    """Returns an amount as Kubernetes writes it, as a number; 0 where it is none."""
    from kubernetes.utils import quantity as untyped_quantity

    parser: Any = untyped_quantity
    try:
        return Decimal(parser.parse_quantity(str(text)))
    except (ValueError, ArithmeticError):
        return Decimal(0)


def cores(amount: Decimal) -> str:
    """Returns an amount of CPU in cores, with two decimals at most."""
    return f"{max(amount, Decimal(0)):.2f}".rstrip("0").rstrip(".")


def size(amount: Decimal) -> str:
    """Returns an amount of memory in the unit that suits it."""
    amount = max(amount, Decimal(0))
    return f"{amount / _GIB:.1f}".removesuffix(".0") + "Gi" if amount >= 10 * _GIB else f"{amount / MIB:.0f}Mi"


def of(amounts: Any) -> Room:
    """Returns CPU and memory of requests, limits or what a node has."""
    amounts = amounts or {}
    return Room(quantity(amounts.get("cpu", "0")), quantity(amounts.get("memory", "0")))


def requested(pod: Object) -> Room:
    """Returns what a pod takes of a node: its containers' requests, or those of an initContainer if that is more."""
    spec = pod.get("spec") or {}
    total = NOTHING
    for container in spec.get("containers") or []:
        total += of((container.get("resources") or {}).get("requests"))
    for container in spec.get("initContainers") or []:
        one = of((container.get("resources") or {}).get("requests"))
        total = Room(max(total.cpu, one.cpu), max(total.memory, one.memory))
    return total


def free(snapshot: Snapshot) -> dict[str, Room] | None:
    """Returns what each node has free for the pods that are unschedulable, by its name; None if it is unknown."""
    if snapshot.nodes is None or snapshot.others is None:
        return None
    left = {shapes.name_of(each): of((each.get("status") or {}).get("allocatable")) for each in snapshot.nodes}
    for pod in snapshot.others:
        node = pod["spec"].get("nodeName", "")
        if node in left:
            left[node] -= requested(pod)
    return left


def admits(node: Object, pod: Object) -> bool:
    """Returns whether a node's taints and labels allow a pod, as far as the pod's node selector tells."""
    spec = pod.get("spec") or {}
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    node_spec = node.get("spec") or {}
    taints = [each for each in node_spec.get("taints") or [] if each.get("effect") in {"NoSchedule", "NoExecute"}]
    tolerations = spec.get("tolerations") or []
    return not node_spec.get("unschedulable") and all(
        any(_tolerates(toleration, taint) for toleration in tolerations) for taint in taints
    )


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    return toleration.get("key") == taint.get("key") and toleration.get("value", "") == taint.get("value", "")


def small_would_fit(snapshot: Snapshot, pods: Iterable[Object]) -> bool:
    """Returns whether all of these pods would find room in the small size."""
    left = free(snapshot)
    if left is None:
        return False
    for pod in pods:
        if not can_be_small(pod):
            return False
        small = of(BY_NAME[part_of(pod)].small["requests"])
        nodes = [each for each in snapshot.nodes or () if admits(each, pod)]
        fitting = next((name for each in nodes if left[name := shapes.name_of(each)].holds(small)), None)
        if fitting is None:
            return False
        left[fitting] -= small
    return True


def can_be_small(pod: Object) -> bool:
    """Returns whether a pod has the standard size; amounts that were set by hand stay as they are in the small one."""
    part = BY_NAME.get(part_of(pod))
    return part is not None and any(
        each.get("name") == part.container
        and of((each.get("resources") or {}).get("requests")) == of(part.standard["requests"])
        for each in (pod.get("spec") or {}).get("containers") or []
    )
