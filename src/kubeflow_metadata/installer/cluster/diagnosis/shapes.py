"""What rules ask of objects of the API: their conditions, containers, times and references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_SIGKILL = 128 + 9
_SHOWN_LINES = 12
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Container:
    """A container of a pod: as it was asked for, and as it is.

    Attributes:
        name: its name.
        spec: what the pod asks for.
        status: what the kubelet says of it; empty before it says anything.
        is_init: whether it runs before the others.
    """

    name: str
    spec: Object
    status: Object
    is_init: bool

    @property
    def waiting(self) -> Object:
        """Why it waits; empty if it does not."""
        return _state(self.status, "state", "waiting")

    @property
    def ended(self) -> Object:
        """How it ended; empty if it did not."""
        return _state(self.status, "state", "terminated")

    @property
    def ended_before(self) -> Object:
        """How its previous run ended; empty if it has had one run at most."""
        return _state(self.status, "lastState", "terminated")

    @property
    def is_running(self) -> bool:
        """Whether it runs, ready or not."""
        return "running" in (self.status.get("state") or {})

    @property
    def has_started(self) -> bool:
        """Whether it ever ran, so that what its pod mounts was there."""
        return self.is_running or bool(self.ended or self.ended_before)


def _state(status: Object, which: str, what: str) -> Object:
    found: Object = (status.get(which) or {}).get(what) or {}
    return found


def memory_limit(container: Container) -> str:
    """Returns the memory limit of a container; empty if it has none."""
    return str(((container.spec.get("resources") or {}).get("limits") or {}).get("memory", ""))


def was_killed(ended: Object) -> bool:
    """Returns whether a container ended by SIGKILL, without a reason."""
    return ended.get("exitCode") == _SIGKILL and ended.get("reason") == "Error"


def last_lines(log: str) -> str:
    """Returns as many of the last lines of a log as are shown."""
    return "\n".join(log.splitlines()[-_SHOWN_LINES:])


def name_of(made: Object) -> str:
    """Returns an object's name."""
    return str(made["metadata"]["name"])


def named(objects: Iterable[Object] | None, name: str) -> Object | None:
    """Returns the object of a name."""
    return next((each for each in objects or () if name_of(each) == name), None)


def condition(made: Object, kind: str) -> Object:
    """Returns a condition of an object; empty if it has none of that type."""
    conditions = (made.get("status") or {}).get("conditions") or []
    found: Object = next((each for each in conditions if each["type"] == kind), {})
    return found


def containers(pod: Object) -> list[Container]:
    """Returns the containers of a pod in the order in which they start."""
    listed = []
    for specs, statuses, is_init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        of = {each["name"]: each for each in (pod.get("status") or {}).get(statuses) or []}
        listed += [
            Container(each["name"], each, of.get(each["name"], {}), is_init)
            for each in (pod.get("spec") or {}).get(specs) or []
        ]
    return listed


def is_ready(pod: Object) -> bool:
    """Returns whether a pod serves."""
    return condition(pod, "Ready").get("status") == "True"


def is_terminating(made: Object) -> bool:
    """Returns whether an object is being deleted."""
    return bool(made["metadata"].get("deletionTimestamp"))


def has_failed(pod: Object) -> bool:
    """Returns whether a pod ended for good, and is only left over."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def has_started(pod: Object) -> bool:
    """Returns whether a container of a pod ever ran; until then, it may lack what it mounts."""
    return any(each.has_started for each in containers(pod))


def moment(text: str | None) -> datetime | None:
    """Returns a time as Kubernetes writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def seconds_since(text: str | None, snapshot: Snapshot) -> float | None:
    """Returns how long before the snapshot a time was; None if it is unknown."""
    then = moment(text)
    return None if then is None else max(0.0, (snapshot.taken - then).total_seconds())


def age(made: Object, snapshot: Snapshot) -> float | None:
    """Returns the age of an object in seconds."""
    return seconds_since(made["metadata"].get("creationTimestamp"), snapshot)


def events_of(snapshot: Snapshot, made: Object, *reasons: str) -> list[Object]:
    """Returns the events about an object with one of these reasons, oldest first."""
    kind, name, uid = made.get("kind", ""), name_of(made), made["metadata"].get("uid", "")
    found = []
    for event in snapshot.events:
        about = event.get("involvedObject") or {}
        is_same = about.get("name") == name and about.get("kind", kind) == (kind or about.get("kind"))
        # An object of the same name that was deleted before is another one.
        if is_same and event.get("reason") in reasons and (not uid or about.get("uid", uid) == uid):
            found.append(event)
    return sorted(found, key=last_seen)


def last_seen(event: Object) -> str:
    """Returns when an event was last seen, as Kubernetes writes it."""
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")


def first_seen(event: Object) -> str:
    """Returns when an event was first seen, as Kubernetes writes it."""
    return str(event.get("firstTimestamp") or event.get("eventTime") or last_seen(event))


def standing(snapshot: Snapshot, made: Object, failures: Iterable[str], successes: Iterable[str]) -> Object | None:
    """Returns the last failure of which an event tells, unless a success came after it."""
    failed = events_of(snapshot, made, *failures)
    worked = events_of(snapshot, made, *successes)
    if not failed or (worked and last_seen(worked[-1]) > last_seen(failed[-1])):
        return None
    return failed[-1]


def template_of(workload: Object) -> Object:
    """Returns the template of a workload's pods, as a pod."""
    template: Object = (workload.get("spec") or {}).get("template") or {}
    return {"metadata": template.get("metadata") or {}, "spec": template.get("spec") or {}}


def replica_set_of(snapshot: Snapshot, workload: Object) -> Object | None:
    """Returns the ReplicaSet of what was applied last; None for a StatefulSet, and if it is not there yet."""
    revision = (workload["metadata"].get("annotations") or {}).get(_REVISION)
    for each in snapshot.replica_sets:
        same = (each["metadata"].get("annotations") or {}).get(_REVISION) == revision
        if revision and same and part_of(each) == part_of(workload) and _is_owned(each, workload):
            return each
    return None


def _is_owned(made: Object, owner: Object) -> bool:
    owners = made["metadata"].get("ownerReferences") or []
    return not owners or any(each.get("name") == name_of(owner) for each in owners)


def pods_of(snapshot: Snapshot, workload: Object) -> list[Object]:
    """Returns the pods of what was applied last. What older ones wait for does not matter: they are replaced."""
    status = workload.get("status") or {}
    if (status.get("observedGeneration") or 0) < workload["metadata"].get("generation", 1):
        return []
    if workload["kind"] == "StatefulSet":
        label, wanted = "controller-revision-hash", status.get("updateRevision", "")
    else:
        replica_set = replica_set_of(snapshot, workload)
        label = "pod-template-hash"
        wanted = (replica_set["metadata"].get("labels") or {}).get(label, "") if replica_set else ""
    return [
        pod
        for pod in snapshot.pods
        if part_of(pod) == part_of(workload)
        and (not wanted or (pod["metadata"].get("labels") or {}).get(label) == wanted)
    ]


def current_pods(snapshot: Snapshot) -> list[Object]:
    """Returns the pods that matter: those of what was applied last, and those of no workload, which have not ended."""
    owned = [pod for workload in snapshot.workloads for pod in pods_of(snapshot, workload)]
    parts = {part_of(each) for each in snapshot.workloads}
    alone = [pod for pod in snapshot.pods if part_of(pod) not in parts]
    return [pod for pod in [*owned, *alone] if not has_failed(pod)]


def is_done(workload: Object) -> bool:
    """Returns whether a workload runs as it was applied."""
    wanted, status = (workload.get("spec") or {}).get("replicas", 1), workload.get("status") or {}
    seen = (status.get("observedGeneration") or 0) >= workload["metadata"].get("generation", 1)
    counts = [status.get(name, 0) or 0 for name in ("updatedReplicas", "readyReplicas", "replicas")]
    # Old pods still run while a Deployment has more than it wants.
    return bool(seen and counts[0] == wanted and counts[1] >= wanted and counts[2] == wanted)


@dataclass(frozen=True, order=True)
class Reference:
    """What a pod needs of a Secret or ConfigMap.

    Attributes:
        kind: ``Secret`` or ``ConfigMap``.
        name: of the object.
        key: that it must have; empty if it only must exist.
    """

    kind: str
    name: str
    key: str = ""


def references(pod: Object) -> set[Reference]:
    """Returns the Secrets and ConfigMaps without which a pod does not start."""
    spec = pod.get("spec") or {}
    listed = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    # The kubelet does not look at volumes that no container mounts.
    mounted = {mount["name"] for container in listed for mount in container.get("volumeMounts") or []}
    volumes = [each for each in spec.get("volumes") or [] if each["name"] in mounted]
    found = {reference for volume in volumes for reference in _of_volume(volume)}
    for container in listed:
        found |= {reference for each in container.get("env") or [] for reference in _of_variable(each)}
        for source in container.get("envFrom") or []:
            for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
                found |= _unless_optional(kind, source.get(field), "name")
    return found


def _of_volume(volume: Object) -> Iterator[Reference]:
    yield from _unless_optional("Secret", volume.get("secret"), "secretName")
    yield from _unless_optional("ConfigMap", volume.get("configMap"), "name")
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield from _unless_optional("Secret", source.get("secret"), "name")
        yield from _unless_optional("ConfigMap", source.get("configMap"), "name")


def _of_variable(variable: Object) -> Iterator[Reference]:
    source = variable.get("valueFrom") or {}
    for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        chosen = source.get(field)
        if chosen and not chosen.get("optional"):
            yield Reference(kind, chosen["name"], chosen["key"])


def _unless_optional(kind: str, source: Any, name: str) -> set[Reference]:
    if not source or source.get("optional"):
        return set()
    keys = {each["key"] for each in source.get("items") or []}
    return {Reference(kind, source[name], key) for key in keys or {""}}


def claims_of(pod: Object) -> list[str]:
    """Returns the names of the PersistentVolumeClaims that a pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if each.get("persistentVolumeClaim")]


def pull_secrets(pod: Object) -> list[str]:
    """Returns the names of the Secrets with which images of a pod are pulled."""
    return [each["name"] for each in (pod.get("spec") or {}).get("imagePullSecrets") or []]


def database_secret(pod: Object) -> str:
    """Returns the Secret that the initContainer of MySQL reads; empty in other pods."""
    return _secret_of_mysql(pod)[0]


def filled_secret(pod: Object) -> str:
    """Returns the Secret that the initContainer of MySQL fills; empty if it only reads it, and in other pods."""
    name, is_theirs = _secret_of_mysql(pod)
    return "" if is_theirs else name


def _secret_of_mysql(pod: Object) -> tuple[str, bool]:
    for container in (pod.get("spec") or {}).get("initContainers") or []:
        values = {each["name"]: str(each.get("value", "")) for each in container.get("env") or []}
        if name := values.get("KFM_SECRET_NAME"):
            return name, values.get("KFM_SECRET_IS_THEIRS") == "true"
    return "", False


def has_node(pod: Object) -> bool:
    """Returns whether a pod takes room on a node."""
    return bool((pod.get("spec") or {}).get("nodeName")) and not has_failed(pod)


def is_unschedulable(pod: Object) -> bool:
    """Returns whether the scheduler found no node for a pod."""
    return condition(pod, "PodScheduled").get("status") == "False" and not has_failed(pod)


def only_requests(pod: Object) -> Object:
    """Returns a pod with nothing but where it runs and what it requests."""
    spec = pod["spec"]
    kept = {
        which: [{"resources": {"requests": (each.get("resources") or {}).get("requests") or {}}} for each in listed]
        for which in ("containers", "initContainers")
        if (listed := spec.get(which))
    }
    metadata = {"name": name_of(pod), "namespace": pod["metadata"].get("namespace", "")}
    return {"metadata": metadata, "spec": {"nodeName": spec.get("nodeName", ""), **kept}}
