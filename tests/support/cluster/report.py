"""What a maintainer would ask for when a test failed on a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.cluster.kind import Cluster

LOG_LINES = 60


def describe(cluster: Cluster, namespace: str | None = None) -> str:
    """Pods, events, what is not ready, and the last words of every container, also of its previous start."""
    return "\n".join(_sections(cluster, namespace))


def _sections(cluster: Cluster, namespace: str | None) -> Iterator[str]:
    scope = [f"--namespace={namespace}"] if namespace else ["--all-namespaces"]
    yield _section(cluster, "get", "nodes", "--output=wide")
    yield _section(cluster, "get", "pods,persistentvolumeclaims,services", *scope, "--output=wide")
    yield _section(cluster, "get", "events", *scope, "--sort-by=.metadata.creationTimestamp")
    for claim in _items(cluster, "persistentvolumeclaims", scope):
        if claim["status"].get("phase") != "Bound":
            yield _section(cluster, "describe", "persistentvolumeclaim", *_name(claim))
    for pod in _items(cluster, "pods", scope):
        troubled = not _ready(pod) or any(status["restartCount"] for status in _container_statuses(pod))
        if troubled:
            yield _section(cluster, "describe", "pod", *_name(pod))
        if troubled or namespace:
            yield from _logs(cluster, pod)


def _logs(cluster: Cluster, pod: dict[str, Any]) -> Iterator[str]:
    for container in _container_statuses(pod):
        words = ["logs", *_name(pod), f"--container={container['name']}", f"--tail={LOG_LINES}"]
        yield _section(cluster, *words)
        if container["restartCount"]:
            yield _section(cluster, *words, "--previous")


def _container_statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    status = pod["status"]
    statuses: list[dict[str, Any]] = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    return statuses


def _ready(pod: dict[str, Any]) -> bool:
    if pod["status"].get("phase") == "Succeeded":
        return True
    conditions = pod["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _items(cluster: Cluster, kind: str, scope: list[str]) -> list[dict[str, Any]]:
    text = cluster.kubectl("get", kind, *scope, "--output=json", check=False, timeout=30)
    items: list[dict[str, Any]] = json.loads(text or '{"items": []}')["items"]
    return items


def _name(thing: dict[str, Any]) -> list[str]:
    return [thing["metadata"]["name"], f"--namespace={thing['metadata']['namespace']}"]


def _section(cluster: Cluster, *words: str) -> str:
    said = cluster.kubectl(*words, check=False, timeout=30).rstrip()
    return f"$ kubectl {' '.join(words)}\n{said or '(nothing)'}\n"
