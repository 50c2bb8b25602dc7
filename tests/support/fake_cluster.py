"""A cluster in memory: enough of an API server for the installer's verbs."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import Cluster, ConflictError, Object


class FakeClock:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.slept = 0.0

    def monotonic(self) -> float:
        return self.slept

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


class FakeCluster(Cluster):
    """Objects by kind and name. Workloads run, and Jobs complete, as soon as they are applied."""

    def __init__(self, namespace: str = "kubeflow") -> None:
        super().__init__("fake", namespace, client=None)
        self.objects: dict[tuple[str, str], Object] = {}
        self.applied: list[tuple[str, str]] = []  # kind and name, in order
        self.conflicts: set[str] = set()  # names that another manager has fields of
        self.pods: dict[str, Object] = {}  # by name, as the API has them
        self.log_of: dict[tuple[str, str, bool], str] = {}  # by pod, container and whether of its previous run
        self.warnings: list[Object] = []
        self.rejected: dict[str, str] = {}  # message by name

    def add(self, made: Object) -> None:
        self.objects[made["kind"], made["metadata"]["name"]] = made

    def version(self) -> str:
        return "v1.31.2"

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        del api_version
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(self, api_version: str, kind: str, selector: str = "", field_selector: str = "") -> list[Object]:
        del api_version
        if kind == "Event":
            return [event for event in self.warnings if f"name={event['involvedObject']['name']}," in field_selector]
        listed = list(self.pods.values()) if kind == "Pod" else [o for (k, _), o in self.objects.items() if k == kind]
        return [copy.deepcopy(each) for each in listed if _selected(each["metadata"].get("labels", {}), selector)]

    def apply(self, wanted: Object, *, force: bool = False) -> Object:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        if name in self.rejected:
            raise UserError(f"The cluster rejected {kind} {name}.", details=self.rejected[name])
        if name in self.conflicts and not force:
            raise ConflictError(f"{kind} {name} has fields of others.", details='conflict with "kubectl": .spec.x')
        self.applied.append((kind, name))
        made: Object = json.loads(json.dumps(wanted))
        if kind in {"Deployment", "StatefulSet"}:
            count = made["spec"].setdefault("replicas", 1)
            made["metadata"]["generation"] = 1
            made["status"] = {
                **dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), count),
                "observedGeneration": 1,
            }
        if kind == "Job":
            made["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
            self.pods[name] = pod(name, made["metadata"]["labels"]["metadata.kubeflow.org/part"])
        self.add(made)
        return made

    def create(self, wanted: Object) -> None:
        self.add(wanted)

    def delete(self, api_version: str, kind: str, name: str) -> bool:
        del api_version
        if kind == "Job":
            self.pods.pop(name, None)
        return self.objects.pop((kind, name), None) is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        del lines
        return self.log_of.get((pod, container, previous), "")

    def names(self, kind: str) -> set[str]:
        return {name for other, name in self.objects if other == kind}


def workload(name: str, part: str, *, ready: int = 0, kind: str = "Deployment") -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "generation": 1, "labels": {"metadata.kubeflow.org/part": part}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"metadata.kubeflow.org/part": part}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready},
    }


def pod(name: str, part: str, *, created: str = "2020-01-01T00:00:00Z", **status: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"metadata.kubeflow.org/part": part}, "creationTimestamp": created},
        "spec": {"containers": [{"name": part}]},
        "status": status,
    }


def container(
    name: str,
    *,
    waiting: Object | None = None,
    terminated: Object | None = None,
    last: Object | None = None,
    restarts: int = 0,
) -> Object:
    state = {"waiting": waiting} if waiting else {"terminated": terminated} if terminated else {"running": {}}
    return {
        "name": name,
        "state": state,
        "lastState": {"terminated": last} if last else {},
        "restartCount": restarts,
        "image": "registry/none:1",
    }


def _selected(labels: dict[str, str], selector: str) -> bool:
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in wanted)
