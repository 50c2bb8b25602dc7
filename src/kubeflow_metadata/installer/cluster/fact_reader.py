"""Reads the facts of an installation, in few calls; what may not be read is noted, and the rest is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TypeVar

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster import drift, inventory, server_log, smoke_record
from kubeflow_metadata.installer.cluster.diagnosis.database import (
    DATABASE_READY,
    DATABASE_UNAVAILABLE,
    WRITES_REFUSED,
    WRITES_TAKEN,
)
from kubeflow_metadata.installer.cluster.diagnosis.diagnose import diagnose
from kubeflow_metadata.installer.cluster.endpoints import of_services
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.facts import (
    ClaimFacts,
    DatabaseFacts,
    Ending,
    Facts,
    Image,
    PartFacts,
    Replica,
    SecretFacts,
)
from kubeflow_metadata.installer.cluster.objects import PART, Identity, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.cluster.rollouts import state_of
from kubeflow_metadata.installer.kinds import BY_NAME as KIND
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock, seconds_since
from kubeflow_metadata.installer.render.names import CLAIM
from kubeflow_metadata.parts import BY_NAME, GRPC, PARTS

T = TypeVar("T")

_VERSION = "app.kubernetes.io/version"
_ARGO_CD = "argocd.argoproj.io/tracking-id"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_HELM = "meta.helm.sh/release-name"
_REVISION = "metadata.kubeflow.org/revision"
_RELEASES = "owner=helm,name=metadata"

# The event that names the database is one of the first in the log, which is short unless something is wrong.
_LOG_LINES = 2000


def read(cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> Facts:
    """Looks at the installation in the namespace of a cluster once.

    Raises:
        UnreachableError: the cluster does not respond.
    """
    return _Reader(cluster, clock).facts()


class _Reader:
    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._unread: list[str] = []

    def facts(self) -> Facts:
        cluster = self._cluster
        listed = [self._list(kind.name) for kind in kinds.WORKLOADS]
        workloads = [each for some in listed for each in some or ()]
        pods = self._list("Pod") or []
        services = self._list("Service") or []
        others = [each for kind in ("ConfigMap", "NetworkPolicy") for each in self._list(kind) or ()]
        objects = [*workloads, *services, *others]
        diagnosis = diagnose(cluster, self._clock)
        templates = [each["spec"].get("template", {}) for each in workloads]
        engine = self._engine(workloads)
        return Facts(
            context=cluster.context,
            namespace=cluster.namespace,
            options=cluster.options,
            taken=self._clock.now(),
            installer_version=version(SERVER_NAME),
            parts=None if None in listed else tuple(self._parts(workloads, pods)),
            missing=self._missing(workloads) if None not in listed else (),
            claim=self._claim(templates),
            secrets=tuple(self._secret(name) for name in _secrets(templates)),
            database=self._database(pods),
            endpoints=of_services(cluster.namespace, services),
            drift=tuple(drift.drift(objects)),
            version=_versions(workloads),
            engine=engine,
            revision=self._revision(engine) if workloads else None,
            smoke=self._try(lambda: smoke_record.read(cluster)),
            diagnosis=diagnosis,
            unread=tuple(dict.fromkeys([*self._unread, *diagnosis.unread])),
        )

    def _try(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except UnreachableError:
            raise
        except UserError as error:
            self._unread.append(str(error))
            return None

    def _list(self, kind: str, selector: str = PART) -> list[Object] | None:
        """Returns the objects of a kind; None where they may not be read."""
        api_version = KIND[kind].api_version if kind in KIND else "v1"
        listed = self._try(lambda: self._cluster.list(api_version, kind, selector))
        return None if listed is None else [{"apiVersion": api_version, "kind": kind, **each} for each in listed]

    def _get(self, kind: str, name: str) -> tuple[bool, Object | None]:
        """Returns whether an object may be read, and it, if it is there."""
        before = len(self._unread)
        found = self._try(lambda: self._cluster.get(KIND[kind].api_version, kind, name))
        return len(self._unread) == before, found

    def _parts(self, workloads: Iterable[Object], pods: Iterable[Object]) -> Iterable[PartFacts]:
        listed = list(pods)
        places = [part.name for part in PARTS]
        known = [each for each in workloads if part_of(each) in BY_NAME]
        for workload in sorted(known, key=lambda each: places.index(part_of(each))):
            state = state_of(workload)
            own = [self._replica(pod) for pod in listed if part_of(pod) == part_of(workload)]
            yield PartFacts(
                part_of(workload),
                str(Identity.of(workload)),
                state.ready,
                state.wanted,
                state.done,
                tuple(sorted(own, key=lambda each: (each.is_left_over, each.name))),
            )

    def _replica(self, pod: Object) -> Replica:
        metadata, status = pod["metadata"], pod.get("status") or {}
        containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        conditions = {each["type"]: each["status"] for each in status.get("conditions") or []}
        ready = conditions.get("Ready") == "True"
        ended = status.get("phase") in {"Failed", "Succeeded"}
        return Replica(
            name=metadata["name"],
            state=_state(pod, containers, ready=ready),
            ready=ready,
            is_left_over=ended and not metadata.get("deletionTimestamp"),
            restarts=sum(each.get("restartCount") or 0 for each in containers),
            last_ending=self._last_ending(pod, containers),
            seconds=self._age(metadata.get("creationTimestamp", "")),
            node=str((pod.get("spec") or {}).get("nodeName", "")),
            images=tuple(_image(each) for each in status.get("containerStatuses") or []),
        )

    def _last_ending(self, pod: Object, containers: Iterable[Object]) -> Ending | None:
        """Returns how the container ended that did so last."""
        limits = {
            each["name"]: str(((each.get("resources") or {}).get("limits") or {}).get("memory", ""))
            for which in ("initContainers", "containers")
            for each in (pod.get("spec") or {}).get(which) or []
        }
        found = []
        for each in containers:
            last = (each.get("lastState") or {}).get("terminated")
            now = (each.get("state") or {}).get("terminated")
            ended = now if now and now.get("exitCode") else last
            if ended:
                found.append((str(ended.get("finishedAt") or ""), each["name"], ended))
        if not found:
            return None
        time, name, ended = max(found, key=lambda each: each[:2])
        return Ending(
            name, str(ended.get("reason", "")), int(ended.get("exitCode", 0)), self._age(time), limits.get(name, "")
        )

    def _age(self, timestamp: str) -> float | None:
        return max(0.0, seconds_since(timestamp, self._clock)) if timestamp else None

    def _missing(self, workloads: Iterable[Object]) -> tuple[str, ...]:
        recorded = self._try(lambda: inventory.read(self._cluster)) or set()
        present = {(each["kind"], each["metadata"]["name"]) for each in workloads}
        gone = {each for each in recorded if kinds.is_workload(each.kind) and (each.kind, each.name) not in present}
        return tuple(str(each) for each in sorted(gone))

    def _claim(self, templates: Iterable[Object]) -> ClaimFacts | None:
        names = [
            each["persistentVolumeClaim"]["claimName"]
            for template in templates
            for each in (template.get("spec") or {}).get("volumes") or []
            if each.get("persistentVolumeClaim")
        ]
        name = names[0] if names else CLAIM
        known, claim = self._get("PersistentVolumeClaim", name)
        if claim is None:
            return ClaimFacts(name, "missing") if names and known else None
        status, spec = claim.get("status") or {}, claim.get("spec") or {}
        capacity = (status.get("capacity") or {}).get("storage") or spec["resources"]["requests"]["storage"]
        return ClaimFacts(name, str(status.get("phase", "")), str(capacity), str(spec.get("storageClassName") or ""))

    def _secret(self, name: str) -> SecretFacts:
        known, found = self._get("Secret", name)
        return SecretFacts(name, found is not None if known else None)

    def _database(self, pods: Iterable[Object]) -> DatabaseFacts:
        """Returns what the last event about the database says: of a pod that is ready, or of the newest."""
        ours = [each for each in pods if part_of(each) == GRPC.name]
        for pod in sorted(ours, key=lambda each: (_is_ready(each), _created(each)), reverse=True):
            text = self._cluster.logs(pod["metadata"]["name"], GRPC.container, lines=_LOG_LINES)
            if event := server_log.last(text, DATABASE_READY):
                said = {name: event.fields.get(name, "") for name in ("kind", "version", "schema_version", "address")}
                return DatabaseFacts(**said, refuses_writes=_refusal(text))
            if event := server_log.last(text, DATABASE_UNAVAILABLE):
                return DatabaseFacts(address=event.fields.get("address", ""))
        return DatabaseFacts()

    def _engine(self, workloads: Iterable[Object]) -> str:
        """Returns who applied workloads: the engine that has a record, or who marked them, or set their fields."""
        listed = list(workloads)
        for each in listed:
            marks = {**(each["metadata"].get("annotations") or {}), **(each["metadata"].get("labels") or {})}
            if _ARGO_CD in marks:
                return "Argo CD"
            if any(mark in marks for mark in _FLUX):
                return "Flux"
        if listed and (owner := self._try(lambda: choice.owner(self._cluster))):
            return owner.name
        if any(_HELM in (each["metadata"].get("annotations") or {}) for each in listed):
            return "helm"
        manager = drift.applier(listed)
        return drift.APPLIERS.get(manager) or ("kubectl" if manager.startswith("kubectl") else manager)

    def _revision(self, engine: str) -> int | None:
        if engine == "helm":
            label, selector = "version", _RELEASES
        else:
            label, selector = _REVISION, _REVISION
        secrets = self._list("Secret", selector) or []
        numbers = [(each["metadata"].get("labels") or {}).get(label, "") for each in secrets]
        return max((int(number) for number in numbers if number.isdecimal()), default=None)


def _state(pod: Object, containers: Iterable[Object], *, ready: bool) -> str:
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "terminating"
    if status.get("phase") in {"Failed", "Succeeded"}:
        return str(status.get("reason") or status["phase"])
    if ready:
        return "running"
    for each in containers:
        state = each.get("state") or {}
        if reason := (state.get("waiting") or {}).get("reason"):
            return str(reason)
        if (state.get("terminated") or {}).get("exitCode"):
            return str(state["terminated"].get("reason") or "Error")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return "unschedulable"
    return "not ready" if status.get("containerStatuses") else "starting"


def _refusal(text: str) -> str:
    """Returns why the database takes no writes, as its server logged it last."""
    event = server_log.last(text, WRITES_REFUSED, WRITES_TAKEN, DATABASE_READY)
    if event is None or event.name != WRITES_REFUSED:
        return ""
    return f"{event.fields.get('reason', '').replace('_', ' ')}: {event.fields.get('error', '').rstrip('.')}"


def _created(made: Object) -> str:
    return str(made["metadata"].get("creationTimestamp", ""))


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _image(status: Object) -> Image:
    _, marked, digest = str(status.get("imageID", "")).rpartition("sha256:")
    return Image(status["name"], str(status.get("image", "")), f"sha256:{digest}" if marked else "")


def _secrets(templates: Iterable[Object]) -> list[str]:
    """Returns the names of the Secrets that pods mount, or that MySQL's initContainer fills."""
    names = []
    for template in templates:
        spec = template.get("spec") or {}
        names += [each["secret"]["secretName"] for each in spec.get("volumes") or [] if each.get("secret")]
        for container in spec.get("initContainers") or []:
            names += [
                each["value"]
                for each in container.get("env") or []
                if each["name"] == "KFM_SECRET_NAME" and "value" in each
            ]
    return list(dict.fromkeys(names))


def _versions(workloads: Iterable[Object]) -> str:
    found = {str((each["metadata"].get("labels") or {}).get(_VERSION, "")) for each in workloads} - {""}
    return ", ".join(sorted(found))
