"""Takes a snapshot of a cluster, in few calls: what is healthy needs no second look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster.diagnosis import shapes
from kubeflow_metadata.installer.cluster.diagnosis.shapes import Reference
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import PART, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.parts import BY_NAME

# Calls that fail are logged, too, between two lines that say why.
_LOG_LINES = 200


def read(cluster: Cluster, clock: Clock = SYSTEM_CLOCK, part: str = "") -> Snapshot:
    """Looks at the installation in the namespace of a cluster once.

    Args:
        cluster: with the namespace.
        clock: tells when.
        part: reads only the pods of this value of the label ``metadata.kubeflow.org/part``; by default, everything.

    Raises:
        UnreachableError: the cluster does not respond.
    """
    reader = _Reader(cluster)
    snapshot = Snapshot(cluster.context, cluster.namespace, clock.now())
    if part:
        snapshot = replace(snapshot, pods=reader.all("v1", "Pod", f"{PART}={part}"))
    else:
        workloads = [each for kind in kinds.WORKLOADS for each in reader.all(kind.api_version, kind.name, PART)]
        snapshot = replace(
            snapshot,
            workloads=tuple(workloads),
            replica_sets=reader.all("apps/v1", "ReplicaSet", PART) if _has_deployments(workloads) else (),
            pods=tuple(each for each in reader.all("v1", "Pod", PART) if part_of(each) in BY_NAME),
        )
    snapshot = replace(snapshot, is_blind=bool(reader.unread))
    snapshot = reader.what_pods_need(snapshot)
    if not _is_well(snapshot):
        snapshot = reader.why(snapshot)
    return replace(snapshot, unread=tuple(dict.fromkeys(reader.unread)))


def _has_deployments(workloads: Iterable[Object]) -> bool:
    return any(each["kind"] == "Deployment" for each in workloads)


def _is_well(snapshot: Snapshot) -> bool:
    """Returns whether everything runs, nothing else is left over, and no end needs events to be explained."""
    ended = [each.ended_before for pod in snapshot.pods for each in shapes.containers(pod)]
    return (
        all(shapes.is_done(each) for each in snapshot.workloads)
        and all(map(shapes.is_ready, snapshot.pods))
        and not any(map(shapes.was_killed, ended))
    )


class _Reader:
    """Reads; what may not be read is noted."""

    def __init__(self, cluster: Cluster) -> None:
        self.unread: list[str] = []
        self._cluster = cluster

    def all(self, api_version: str, kind: str, selector: str = "", *, everywhere: bool = False) -> tuple[Object, ...]:
        """Returns the objects of a kind; none if they may not be read."""
        return self.known(api_version, kind, selector, everywhere=everywhere) or ()

    def known(
        self, api_version: str, kind: str, selector: str = "", *, everywhere: bool = False
    ) -> tuple[Object, ...] | None:
        """Returns the objects of a kind; None if they may not be read."""
        try:
            listed = self._cluster.list(api_version, kind, selector, everywhere=everywhere)
        except UnreachableError:
            raise
        except UserError as error:
            self.unread.append(str(error))
            return None
        return tuple(_trimmed({"apiVersion": api_version, "kind": kind, **each}) for each in listed)

    def what_pods_need(self, snapshot: Snapshot) -> Snapshot:
        """Adds Secrets and ConfigMaps, which may be gone while everything still runs."""
        templates = [*map(shapes.template_of, snapshot.workloads), *snapshot.pods]
        needed = {reference for each in templates for reference in shapes.references(each)}
        needed |= {Reference("Secret", name) for each in templates for name in shapes.pull_secrets(each)}
        needed |= {Reference("Secret", name) for each in templates if (name := shapes.database_secret(each))}
        return replace(
            snapshot,
            secrets=self._keys("Secret", needed),
            config_maps=self._keys("ConfigMap", needed),
        )

    def _keys(self, kind: str, needed: set[Reference]) -> dict[str, tuple[str, ...] | None]:
        keys: dict[str, tuple[str, ...] | None] = {}
        for name in sorted({each.name for each in needed if each.kind == kind}):
            try:
                found = self._cluster.get("v1", kind, name)
            except UnreachableError:
                raise
            except UserError as error:
                self.unread.append(str(error))
                continue
            # Only whether a value is there: an empty one is none.
            data = {**((found or {}).get("data") or {}), **((found or {}).get("binaryData") or {})}
            keys[name] = None if found is None else tuple(sorted(key for key, value in data.items() if value))
        return keys

    def why(self, snapshot: Snapshot) -> Snapshot:
        """Adds what tells why something does not run."""
        needs = {name for each in _pods_and_templates(snapshot) for name in shapes.claims_of(each)}
        claims = self.known("v1", "PersistentVolumeClaim") if needs else None
        ours = [each for each in claims or () if shapes.name_of(each) in needs]
        snapshot = replace(snapshot, claims=claims if claims is None else tuple(ours))
        snapshot = replace(snapshot, events=self._events(snapshot))
        unbound = any((each.get("status") or {}).get("phase") != "Bound" for each in ours)
        waiting = [each for each in snapshot.pods if not shapes.is_ready(each)]
        if unbound:
            snapshot = replace(snapshot, storage_classes=self.known("storage.k8s.io/v1", "StorageClass"))
        if waiting:
            snapshot = replace(snapshot, nodes=self.known("v1", "Node"))
        if any(shapes.is_unschedulable(each) for each in waiting):
            snapshot = replace(snapshot, others=self._requests(), volumes=self._volumes(ours))
        if _lacks_pods(snapshot):
            namespace = self._namespace()
            snapshot = replace(
                snapshot,
                quotas=self.known("v1", "ResourceQuota"),
                limit_ranges=self.known("v1", "LimitRange"),
                namespace_labels=namespace and (namespace["metadata"].get("labels") or {}),
            )
        return replace(snapshot, logs=self._logs(waiting))

    def _events(self, snapshot: Snapshot) -> tuple[Object, ...]:
        ours = [*snapshot.workloads, *snapshot.replica_sets, *snapshot.pods, *(snapshot.claims or ())]
        names = {shapes.name_of(each) for each in ours}
        listed = self.all("v1", "Event")
        return tuple(each for each in listed if (each.get("involvedObject") or {}).get("name") in names)

    def _requests(self) -> tuple[Object, ...] | None:
        """Returns all pods that take room on nodes, without anything else of them."""
        listed = self.known("v1", "Pod", everywhere=True)
        return None if listed is None else tuple(shapes.only_requests(each) for each in listed if shapes.has_node(each))

    def _volumes(self, claims: Iterable[Object]) -> tuple[Object, ...] | None:
        names = {(each.get("spec") or {}).get("volumeName") for each in claims} - {None, ""}
        if not names:
            return ()
        try:
            found = [self._cluster.get("v1", "PersistentVolume", str(name)) for name in sorted(map(str, names))]
        except UnreachableError:
            raise
        except UserError as error:
            self.unread.append(str(error))
            return None
        return tuple(_trimmed(each) for each in found if each)

    def _namespace(self) -> Object | None:
        try:
            return self._cluster.get("v1", "Namespace", self._cluster.namespace)
        except UnreachableError:
            raise
        except UserError as error:
            self.unread.append(str(error))
            return None

    def _logs(self, waiting: Iterable[Object]) -> dict[tuple[str, str], str]:
        logs = {}
        for pod in waiting:
            for container in shapes.containers(pod):
                ended_well = container.ended.get("exitCode") == 0
                if not container.has_started or ended_well or container.status.get("ready"):
                    continue
                if text := self._log(shapes.name_of(pod), container.name, ended=not container.is_running):
                    logs[shapes.name_of(pod), container.name] = text
        return logs

    def _log(self, pod: str, container: str, *, ended: bool) -> str:
        for previous in (False, True) if ended else (False,):
            if text := self._cluster.logs(pod, container, lines=_LOG_LINES, previous=previous).strip():
                return text
        return ""


def _pods_and_templates(snapshot: Snapshot) -> list[Object]:
    return [*map(shapes.template_of, snapshot.workloads), *snapshot.pods]


def _lacks_pods(snapshot: Snapshot) -> bool:
    return any(
        len(shapes.pods_of(snapshot, each)) < (each.get("spec") or {}).get("replicas", 1) for each in snapshot.workloads
    )


def _trimmed(made: Object) -> Object:
    """Returns an object without what other field managers noted, which may be long."""
    metadata = {key: value for key, value in made["metadata"].items() if key != "managedFields"}
    return {**made, "metadata": metadata}
