"""What keeps a pod from being ready, as its status and its events tell."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import causes
from kubeflow_metadata.installer.cluster.causes import Cause
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock, seconds_since

_LOG_LINES = 12


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod from being ready.

    Attributes:
        pod: its name.
        cause: out of the table.
        created: when the pod was created.
        container: which container it is about; none: the pod.
        reason: the reason in Kubernetes' word.
        message: what Kubernetes, or the container, says about it.
    """

    pod: str
    cause: Cause
    created: str = ""
    container: str = ""
    reason: str = ""
    message: str = ""

    @property
    def sentence(self) -> str:
        """The cause in a few words."""
        return self.cause.sentence.format(container=self.container, reason=self.reason, message=self.message)

    def is_final(self, clock: Clock = SYSTEM_CLOCK) -> bool:
        """Returns whether waiting any longer will not help."""
        patience = self.cause.patience
        return patience == 0 or seconds_since(self.created, clock) > patience

    def hint(self, cluster: Cluster) -> str:
        """Returns what to do about it."""
        return self.cause.hint.format(
            program=program.typed(),
            options=cluster.options,
            kubectl=cluster.kubectl,
            namespace=cluster.namespace,
            pod=self.pod,
        )


def trouble_with(pod: Object) -> Trouble | None:
    """Returns why a pod is not ready; None where it is."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    created = pod["metadata"].get("creationTimestamp", "")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if pod["metadata"].get("deletionTimestamp"):
        return Trouble(name, causes.TERMINATING, created)
    if conditions.get("Ready", {}).get("status") == "True" or status.get("phase") == "Succeeded":
        return None
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Trouble(name, causes.UNSCHEDULABLE, created, message=scheduled.get("message", ""))
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for each in statuses:
        if trouble := _container_trouble(name, each, created):
            return trouble
    return Trouble(name, causes.NOT_READY if statuses else causes.STARTING, created)


def _container_trouble(pod: str, status: Object, created: str) -> Trouble | None:
    name, state = status["name"], status.get("state", {})
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    last = (status.get("lastState") or {}).get("terminated") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if cause := causes.BY_WAITING_REASON.get(reason):
        return Trouble(pod, cause, created, name, reason, message or status.get("image", ""))
    for terminated in (ended, last if reason == "CrashLoopBackOff" else {}):
        if terminated and terminated.get("exitCode", 0) != 0:
            said = (terminated.get("message") or "").strip()
            if said:
                return Trouble(pod, causes.STOPPED, created, name, message=said)
            why = terminated.get("reason", "Error")
            return Trouble(pod, causes.CRASHED, created, name, why, str(terminated["exitCode"]))
    return Trouble(pod, causes.CONTAINER_STARTING, created, name, reason) if reason else None


def mount_trouble(cluster: Cluster, pod: Object) -> Trouble | None:
    """Returns a volume that cannot be mounted, of which only events tell."""
    name = pod["metadata"]["name"]
    failed = [event for event in events(cluster, name) if event.get("reason") == "FailedMount"]
    if not failed:
        return None
    created = pod["metadata"].get("creationTimestamp", "")
    return Trouble(name, causes.MOUNT, created, message=failed[-1].get("message", ""))


def events(cluster: Cluster, name: str) -> list[Object]:
    """Returns the warnings about an object, oldest first."""
    warnings = cluster.list("v1", "Event", field_selector=f"involvedObject.name={name},type=Warning")
    return sorted(warnings, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")


def last_words(cluster: Cluster, trouble: Trouble) -> str:
    """Returns the last log lines of the container in trouble, those of its previous run where it has no others."""
    if not trouble.cause.has_log:
        return ""
    for previous in (False, True):
        if text := cluster.logs(trouble.pod, trouble.container, lines=_LOG_LINES, previous=previous).strip():
            return text
    return ""
