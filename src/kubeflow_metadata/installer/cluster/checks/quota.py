"""Checks of what a namespace limits: ResourceQuotas, and LimitRanges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.rights import plural
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.checks.workloads import (
    Ask,
    add,
    asks,
    number,
    of_container,
    of_pod,
    quantities,
    times,
    written,
)
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_SMALLER = "Ask for less (for example small.enabled=true), or have the quota raised."
# Quotas of these scopes are about pods that ours are not: all of ours request something, and none but Jobs ever end.
_OTHERS = {"BestEffort", "Terminating"}
_CLAIM, _STORAGE = "PersistentVolumeClaim", "requests.storage"


def room(subject: Subject) -> Iterator[Result]:
    """Compares what the settings ask for with what each quota leaves."""
    if not subject.all_objects:
        return
    if subject.lacks_namespace:
        yield codes.QUOTA.ok("The namespace does not exist yet, and so has no quota.")
        return
    quotas = subject.readable("v1", "ResourceQuota")
    if quotas is None:
        yield codes.QUOTA.unknown("ResourceQuotas may not be read.")
        return
    wanted = [each for each in quotas if _is_about(each, subject.settings.scheduling.priority_class)]
    if not wanted:
        yield codes.QUOTA.ok("No quota limits the pods.")
        return
    asked = asked_for(subject.all_objects)
    lacking = []
    for quota in wanted:
        name, status = quota["metadata"]["name"], quota.get("status") or {}
        hard = quantities(status.get("hard") or quota["spec"].get("hard") or {})
        used = quantities(status.get("used") or {})
        ours = _already_ours(subject, hard)
        for resource, most in hard.items():
            need = asked.get(_canonical(resource), Decimal(0))
            left = most - used.get(resource, Decimal(0)) + ours.get(_canonical(resource), Decimal(0))
            if need > left:
                lacking.append(
                    f"{name}: {resource}: asked {written(resource, need)}, left {written(resource, left)} of "
                    f"{written(resource, most)}"
                )
    if lacking:
        yield codes.QUOTA.failed(
            f"The quota leaves too little room in namespace {subject.cluster.namespace}.", _SMALLER, "\n".join(lacking)
        )
    else:
        names = ", ".join(each["metadata"]["name"] for each in wanted)
        yield codes.QUOTA.ok(f"Enough room within {names}.")


def limits(subject: Subject) -> Iterator[Result]:
    """Compares every container, pod and claim with the LimitRanges."""
    if not subject.all_objects:
        return
    ranges = [] if subject.lacks_namespace else subject.readable("v1", "LimitRange")
    if ranges is None:
        yield codes.LIMIT_RANGE.unknown("LimitRanges may not be read.")
        return
    items = [(each["metadata"]["name"], item) for each in ranges for item in each["spec"].get("limits") or []]
    outside = list(dict.fromkeys(line for name, item in items for line in _outside(name, item, subject)))
    if outside:
        yield codes.LIMIT_RANGE.failed(
            "A LimitRange rejects what the settings ask for.",
            "Change the resources in the settings (docs/configuration.md), or have the LimitRange changed.",
            "\n".join(outside),
        )
    else:
        yield codes.LIMIT_RANGE.ok("Everything is within the LimitRanges." if items else "There is no LimitRange.")


def asked_for(objects: Iterable[Object]) -> dict[str, Decimal]:
    """Returns what objects use of a quota, by the quota's name of each resource, when all of their pods run."""
    listed = list(objects)
    total: dict[str, Decimal] = {}
    for ask in asks(listed):
        total = add(total, times(_of_pods(ask.pod), ask.count))
    for each in listed:
        total = add(total, _of_object(each))
    return total


def _of_pods(pod: Object) -> dict[str, Decimal]:
    found = {f"{kind}.{name}": amount for kind in ("requests", "limits") for name, amount in of_pod(pod, kind).items()}
    return {**found, "pods": Decimal(1), "count/pods": Decimal(1)}


def _of_object(made: Object) -> dict[str, Decimal]:
    group = made["apiVersion"].rpartition("/")[0]
    resource = plural(made["kind"])
    found = {f"count/{resource}.{group}" if group else f"count/{resource}": Decimal(1)}
    if not group:
        found[resource] = Decimal(1)
    spec = made.get("spec") or {}
    if made["kind"] == _CLAIM:
        size = number(spec["resources"]["requests"]["storage"])
        found[_STORAGE] = size
        if class_name := spec.get("storageClassName"):
            found[f"{class_name}.storageclass.storage.k8s.io/requests.storage"] = size
            found[f"{class_name}.storageclass.storage.k8s.io/persistentvolumeclaims"] = Decimal(1)
    if made["kind"] == "Service" and spec.get("type") in {"NodePort", "LoadBalancer"}:
        found["services.nodeports"] = Decimal(len(spec.get("ports") or []))
        found["services.loadbalancers"] = Decimal(spec["type"] == "LoadBalancer")
    return found


def _already_ours(subject: Subject, hard: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Returns what the quota counts already and will not count twice: our pods and objects that are there."""
    total: dict[str, Decimal] = {}
    for pod in subject.pods or []:
        if part_of(pod) and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            total = add(total, _of_pods(pod))
    for made in subject.present.values():
        # The claim counts with what it was created with.
        if made is not None and any(_canonical(name) in _of_object(made) for name in hard):
            total = add(total, _of_object(made))
    return total


def _canonical(resource: str) -> str:
    return f"requests.{resource}" if resource in {"cpu", "memory", "ephemeral-storage"} else resource


def _is_about(quota: Object, priority_class: str) -> bool:
    """Returns whether a quota counts pods like ours, or objects."""
    spec = quota.get("spec", {})
    if _OTHERS & set(spec.get("scopes") or []):
        return False
    for term in (spec.get("scopeSelector") or {}).get("matchExpressions") or []:
        if term.get("scopeName") in _OTHERS:
            return False
        if term.get("scopeName") == "PriorityClass" and not _matches(term, priority_class):
            return False
    return True


def _matches(term: Object, value: str) -> bool:
    operator, values = term.get("operator"), term.get("values") or []
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return bool(value) == (operator == "Exists")


def _outside(name: str, item: Object, subject: Subject) -> Iterator[str]:
    kind = item.get("type")
    least, most = quantities(item.get("min") or {}), quantities(item.get("max") or {})
    if kind == _CLAIM:
        for each in subject.all_objects:
            if each["kind"] == _CLAIM:
                size = {"storage": number(each["spec"]["resources"]["requests"]["storage"])}
                yield from _beyond(f"{name}: claim {each['metadata']['name']}", size, size, least, most)
        return
    for ask in asks(subject.all_objects):
        if kind == "Pod":
            yield from _beyond(f"{name}: pod of {ask.name}", ask.requests, ask.limits, least, most)
        elif kind == "Container":
            yield from _containers_beyond(name, ask, item, least, most)


def _containers_beyond(
    name: str, ask: Ask, item: Object, least: Mapping[str, Decimal], most: Mapping[str, Decimal]
) -> Iterator[str]:
    for container in [*(ask.pod["spec"].get("initContainers") or []), *ask.pod["spec"]["containers"]]:
        who = f"{name}: container {container['name']} of {ask.name}"
        requests, limited = of_container(container, "requests"), of_container(container, "limits")
        yield from _beyond(who, requests, limited, least, most)
        for resource, ratio in quantities(item.get("maxLimitRequestRatio") or {}).items():
            request, limit = requests.get(resource), limited.get(resource)
            if request and limit and limit / request > ratio:
                yield f"{who}: {resource}: limit {written(resource, limit)} is more than {ratio:f} times its request"


def _beyond(
    who: str,
    requests: Mapping[str, Decimal],
    limited: Mapping[str, Decimal],
    least: Mapping[str, Decimal],
    most: Mapping[str, Decimal],
) -> Iterator[str]:
    for resource, bound in least.items():
        if resource in requests and requests[resource] < bound:
            asked = written(resource, requests[resource])
            yield f"{who}: {resource}: requested {asked}, at least {written(resource, bound)}"
    for resource, bound in most.items():
        if resource in limited and limited[resource] > bound:
            yield f"{who}: {resource}: limit {written(resource, limited[resource])}, at most {written(resource, bound)}"
