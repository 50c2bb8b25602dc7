"""How pods are, in words: what they wait for, and what will not get better by waiting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from kubeflow_metadata.installer.cluster.connection import Cluster, Object

_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
# For how long a reason may go away by itself.
_PATIENCE_SECONDS = {"image": 20.0, "config": 30.0, "mount": 40.0, "schedule": 120.0}
_LOG_LINES = 12


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod from being ready.

    Attributes:
        pod: its name.
        reason: the reason in a few words.
        kind: ``waiting`` and ``starting`` (no container runs yet) go away by themselves; ``image``, ``config``,
            ``mount`` and ``schedule`` do so after a short while or not at all; ``crash`` and ``stop`` do not.
        container: whose log tells more.
        since: when the pod was made.
    """

    pod: str
    reason: str
    kind: str = "waiting"
    container: str = ""
    since: str = ""

    @property
    def is_final(self) -> bool:
        if self.kind in {"waiting", "starting"}:
            return False
        return self.kind not in _PATIENCE_SECONDS or _age(self.since) > _PATIENCE_SECONDS[self.kind]


def trouble_with(pod: Object) -> Trouble | None:
    """Why a pod is not ready; None where it is."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    made = pod["metadata"].get("creationTimestamp", "")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if pod["metadata"].get("deletionTimestamp"):
        return Trouble(name, "is going")
    if conditions.get("Ready", {}).get("status") == "True" or status.get("phase") == "Succeeded":
        return None
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Trouble(name, f"no node takes it: {scheduled.get('message', '')}", "schedule", since=made)
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for each in statuses:
        if found := _container_trouble(name, each, made):
            return found
    if not statuses:
        return Trouble(name, "is about to start", "starting", since=made)
    return Trouble(name, "runs and is not ready yet", since=made)


def _container_trouble(pod: str, status: Object, made: str) -> Trouble | None:
    name, state = status["name"], status.get("state", {})
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    last = (status.get("lastState") or {}).get("terminated") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE:
        text = f"{name}: {reason}: {message or status.get('image', '')}"
        kind = "crash" if reason in {"ErrImageNeverPull", "InvalidImageName"} else "image"
        return Trouble(pod, text, kind, since=made)
    if reason in _CONFIG:
        return Trouble(pod, f"{name}: {reason}: {message}", "config", name, made)
    for terminated in (ended, last if reason == "CrashLoopBackOff" else {}):
        if terminated and terminated.get("exitCode", 0) != 0:
            said = (terminated.get("message") or "").strip()
            if said:
                return Trouble(pod, f"{name}: {said}", "stop", name, made)
            why = terminated.get("reason", "Error")
            return Trouble(pod, f"{name} ended with {terminated['exitCode']} ({why})", "crash", name, made)
    if reason:
        return Trouble(pod, f"{name}: {reason}", "starting", since=made)
    return None


def mount_trouble(cluster: Cluster, pod: Object) -> Trouble | None:
    """A volume that cannot be mounted: only events tell."""
    name = pod["metadata"]["name"]
    failed = [event for event in events(cluster, name) if event.get("reason") == "FailedMount"]
    if not failed:
        return None
    made = pod["metadata"].get("creationTimestamp", "")
    return Trouble(name, failed[-1].get("message", ""), "mount", since=made)


def events(cluster: Cluster, name: str) -> list[Object]:
    """The warnings about an object, oldest first."""
    found = cluster.list("v1", "Event", field_selector=f"involvedObject.name={name},type=Warning")
    return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")


def last_words(cluster: Cluster, trouble: Trouble) -> str:
    """The last log lines of the container that is in trouble, of its last start if it did not come up again."""
    if not trouble.container:
        return ""
    for previous in (False, True):
        if text := cluster.logs(trouble.pod, trouble.container, lines=_LOG_LINES, previous=previous).strip():
            return text
    return ""


def _age(timestamp: str) -> float:
    if not timestamp:
        return 0.0
    made = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return (datetime.now(timezone.utc) - made).total_seconds()
