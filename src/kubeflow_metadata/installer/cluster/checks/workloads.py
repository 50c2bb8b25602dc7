"""What workloads ask for: their pods, and the resources of these."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes.utils import parse_quantity

from kubeflow_metadata.installer.cluster.port import Object

Amounts = Mapping[str, Decimal]

_MEMORY_UNITS = (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
_TEMPLATED = {"Deployment", "StatefulSet", "Job"}


@dataclass(frozen=True)
class Ask:
    """The pods of one workload.

    Attributes:
        name: of the workload.
        kind: of the workload.
        count: how many pods.
        pod: one of them, as its controller will create it.
    """

    name: str
    kind: str
    count: int
    pod: Object

    @property
    def requests(self) -> Amounts:
        """What one pod requests."""
        return of_pod(self.pod, "requests")

    @property
    def limits(self) -> Amounts:
        """What one pod is limited to."""
        return of_pod(self.pod, "limits")


def asks(objects: Iterable[Object]) -> list[Ask]:
    """Returns what each workload among the objects asks for."""
    listed = list(objects)
    autoscaled = {
        each["spec"]["scaleTargetRef"]["name"]: int(each["spec"].get("minReplicas", 1))
        for each in listed
        if each["kind"] == "HorizontalPodAutoscaler"
    }
    found = []
    for each in listed:
        if each["kind"] not in _TEMPLATED:
            continue
        name, template = each["metadata"]["name"], each["spec"]["template"]
        count = autoscaled.get(name, int(each["spec"].get("replicas", 1)))
        metadata = {**copy.deepcopy(template.get("metadata", {})), "name": f"{name}-check"}
        if "namespace" in each["metadata"]:
            metadata["namespace"] = each["metadata"]["namespace"]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}
        found.append(Ask(name, each["kind"], count, pod))
    return found


def of_pod(pod: Object, kind: str) -> dict[str, Decimal]:
    """Returns the requests or limits of a pod as the scheduler and quotas count them."""
    spec = pod.get("spec", {})
    running: dict[str, Decimal] = {}
    starting: dict[str, Decimal] = {}
    for container in spec.get("containers") or []:
        running = add(running, of_container(container, kind))
    for container in spec.get("initContainers") or []:
        amounts = of_container(container, kind)
        if container.get("restartPolicy") == "Always":  # a sidecar
            running = add(running, amounts)
        else:
            starting = _largest(starting, amounts)
    return add(_largest(running, starting), quantities(spec.get("overhead") or {}))


def of_container(container: Object, kind: str) -> dict[str, Decimal]:
    """Returns the requests or limits of a container; a request that is missing is its limit."""
    resources = container.get("resources") or {}
    given = quantities(resources.get(kind) or {})
    return {**quantities(resources.get("limits") or {}), **given} if kind == "requests" else given


def quantities(amounts: Mapping[str, Any]) -> dict[str, Decimal]:
    """Returns amounts such as ``500m`` and ``2Gi`` as numbers."""
    return {name: number(value) for name, value in amounts.items()}


def number(quantity: object) -> Decimal:
    """Returns a quantity as Kubernetes writes it as a number."""
    return Decimal(parse_quantity(str(quantity)))  # type: ignore[no-untyped-call]


def add(one: Amounts, other: Amounts) -> dict[str, Decimal]:
    """Returns the sum of amounts."""
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in {**one, **other}}


def times(amounts: Amounts, count: int) -> dict[str, Decimal]:
    """Returns amounts several times."""
    return {name: amount * count for name, amount in amounts.items()}


def written(resource: str, amount: Decimal) -> str:
    """Returns an amount of a resource as people write it: ``250m``, ``1.5Gi``, ``3``."""
    amount = max(amount, Decimal(0))
    if resource.endswith("cpu"):
        return f"{amount.normalize():f}" if amount == amount.to_integral() else f"{int(amount * 1000)}m"
    if resource.endswith(("memory", "storage")):
        for unit, size in _MEMORY_UNITS:
            if amount >= size:
                return f"{(amount / size).quantize(Decimal('0.1')):f}".removesuffix(".0") + unit
    return f"{int(amount)}"


def _largest(one: Amounts, other: Amounts) -> dict[str, Decimal]:
    return {name: max(one.get(name, Decimal(0)), other.get(name, Decimal(0))) for name in {**one, **other}}
