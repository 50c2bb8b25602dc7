"""A cluster in memory: enough of an API server for the installer's verbs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from kubeflow_metadata.installer.cluster.port import (
    FIELD_MANAGER,
    Cluster,
    ConflictError,
    ForbiddenError,
    LogExtent,
    Object,
    RejectedError,
    UnknownKindError,
)
from tests.support import server_side_apply


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
        super().__init__("fake", namespace)
        self.objects: dict[tuple[str, str], Object] = {}
        self._count = 0  # of changes, for resourceVersion
        self.applied: list[tuple[str, str]] = []  # kind and name, in order
        self.conflicts: set[str] = set()  # names that another manager has fields of
        self.pods: dict[str, Object] = {}  # by name, as the API has them
        self.log_of: dict[tuple[str, str, bool], str] = {}  # by pod, container and whether of its previous run
        self.warnings: list[Object] = []
        self.rejected: dict[str, str] = {}  # message by name
        self.forbidden: set[tuple[str, str]] = set()  # verb and kind
        self.unknown_kinds: set[str] = set()
        self.reviews: dict[str, Object] = {  # status by kind; these are answered and not stored
            "SelfSubjectRulesReview": {"resourceRules": [], "incomplete": True},
            "SelfSubjectReview": {"userInfo": {"username": "jane"}},
        }
        self.forwarded: list[tuple[str, int]] = []  # pod and port
        self.forwards_to: dict[int, int] = {}  # port of this machine, by port of a pod
        self.immutable: dict[str, tuple[str, ...]] = {}  # fields below spec, by kind

    def add(self, made: Object) -> None:
        self.objects[made["kind"], made["metadata"]["name"]] = made

    def version(self) -> str:
        return "v1.31.2"

    def serves(self, api_version: str, kind: str) -> bool:
        del api_version
        return kind not in self.unknown_kinds

    def allows(self, verb: str, api_version: str, kind: str, name: str = "", *, subresource: str = "") -> bool:
        del api_version, name
        return (verb, f"{kind}/{subresource}" if subresource else kind) not in self.forbidden

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        del api_version
        self._permit("get", kind)
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(
        self, api_version: str, kind: str, selector: str = "", field_selector: str = "", *, everywhere: bool = False
    ) -> list[Object]:
        del api_version
        self._permit("list", kind)
        if everywhere:
            self._permit("list", f"{kind}/everywhere")
        if kind == "Event":
            about = [f"name={event['involvedObject']['name']}," for event in self.warnings]
            return [event for event, each in zip(self.warnings, about, strict=True) if each in (field_selector or each)]
        listed = list(self.pods.values()) if kind == "Pod" else [o for (k, _), o in self.objects.items() if k == kind]
        return [copy.deepcopy(each) for each in listed if _selected(each["metadata"].get("labels", {}), selector)]

    def apply(
        self, wanted: Object, *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        if kind in self.unknown_kinds:
            raise UnknownKindError(f"The cluster has no kind {kind} ({wanted['apiVersion']}).")
        self._permit("patch", kind)
        if name in self.rejected:
            raise RejectedError(f"The cluster rejected {kind} {name}.", details=self.rejected[name])
        if name in self.conflicts and not force:
            raise ConflictError(f"{kind} {name} has fields of others.", details='conflict with "kubectl": .spec.x')
        present = self.objects.get((kind, name))
        try:
            made = server_side_apply.applied(present, json.loads(json.dumps(wanted)), manager, force=force)
        except server_side_apply.FieldConflictError as error:
            raise ConflictError(f"{kind} {name} has fields of others.", details=str(error)) from error
        if present and (changed := [field for field in self.immutable.get(kind, ()) if _differs(present, made, field)]):
            raise RejectedError(f"The cluster rejected {kind} {name}.", details=f"{changed[0]}: field is immutable")
        self._fill_in(made, present)
        if dry_run:
            return made
        self.applied.append((kind, name))
        self._run(made)
        self.add(made)
        return copy.deepcopy(made)

    def _fill_in(self, made: Object, present: Object | None) -> None:
        """Adds what the API server adds: defaults, and what it keeps about an object."""
        metadata = made["metadata"]
        if made["kind"] in {"Deployment", "StatefulSet"}:
            made["spec"].setdefault("replicas", 1)
        if made["kind"] == "PersistentVolumeClaim":
            made.setdefault("status", {"phase": "Pending"})
        is_same = present is not None and _without_times(present) == _without_times(made)
        if not is_same:
            self._count += 1
            metadata["resourceVersion"] = str(self._count)
        metadata.setdefault("uid", f"uid-{self._count}")

    def _run(self, made: Object) -> None:
        """Lets a workload run, and a Job complete, at once."""
        kind, name = made["kind"], made["metadata"]["name"]
        if kind in {"Deployment", "StatefulSet"}:
            made["metadata"]["generation"] = 1
            made["status"] = {
                **dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), made["spec"]["replicas"]),
                "observedGeneration": 1,
            }
        if kind == "Job":
            made["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
            self.pods[name] = pod(name, made["metadata"]["labels"]["metadata.kubeflow.org/part"])

    def create(self, wanted: Object, *, dry_run: bool = False) -> Object:
        kind, name = wanted["kind"], wanted["metadata"].get("name", "")
        if kind in self.reviews:
            return {**copy.deepcopy(wanted), "status": self.reviews[kind]}
        self._permit("create", kind)
        if name in self.rejected:
            raise RejectedError(f"The cluster rejected {kind} {name}.", details=self.rejected[name])
        if (kind, name) in self.objects:
            raise ConflictError(f"{kind} {name} exists.")
        made = copy.deepcopy(wanted)
        self._count += 1
        made["metadata"]["resourceVersion"] = str(self._count)
        if not dry_run:
            self.add(made)
        return copy.deepcopy(made)

    def replace(self, wanted: Object) -> Object:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        present = self.objects.get((kind, name))
        if present is None or present["metadata"].get("resourceVersion") != wanted["metadata"].get("resourceVersion"):
            raise ConflictError(f"{kind} {name} was changed since it was read.")
        made = copy.deepcopy(wanted)
        self._count += 1
        made["metadata"]["resourceVersion"] = str(self._count)
        self.add(made)
        return copy.deepcopy(made)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
    ) -> bool:
        del api_version
        present = self.objects.get((kind, name))
        for key, wanted in (("uid", uid), ("resourceVersion", resource_version)):
            if present is not None and wanted and present["metadata"].get(key) != wanted:
                raise ConflictError(f"{kind} {name} is another one, or was changed.")
        if dry_run:
            return present is not None
        if kind == "Job":
            self.pods.pop(name, None)
        return self.objects.pop((kind, name), None) is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        del lines
        return self.log_of.get((pod, container, previous), "")

    def follow(self, pod: str, container: str, *, lines: int) -> Iterator[str]:
        yield from self.logs(pod, container, lines=lines).splitlines()

    def log_lines(self, pod: str, container: str, extent: LogExtent, *, follow: bool = False) -> Iterator[str]:
        del follow
        lines = self.logs(pod, container, lines=0, previous=extent.previous).splitlines()
        yield from lines[-extent.lines :] if extent.lines else lines

    @contextmanager
    def forward(
        self,
        pod: str | Callable[..., str],
        port: int,
        local_port: int = 0,
        *,
        say: Callable[[str], object] = lambda _text: None,
    ) -> Iterator[int]:
        del say
        self.forwarded.append((pod if isinstance(pod, str) else pod(), port))
        yield self.forwards_to.get(port, local_port or port)

    def _permit(self, verb: str, kind: str) -> None:
        if (verb, kind) in self.forbidden:
            message = f'User "somebody" cannot {verb} resource "{kind}" in the namespace "{self.namespace}"'
            raise ForbiddenError(f"Permission denied: cannot {verb} {kind}.", details=message)

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


def _differs(present: Object, made: Object, field: str) -> bool:
    return bool(present.get("spec", {}).get(field) != made.get("spec", {}).get(field))


def _without_times(made: Object) -> Object:
    metadata = {
        name: value for name, value in made["metadata"].items() if name not in {"resourceVersion", "generation"}
    }
    return {**made, "metadata": metadata}
