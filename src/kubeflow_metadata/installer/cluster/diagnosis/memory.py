"""Containers that were killed for memory, now or before."""

from __future__ import annotations

from kubeflow_metadata.installer.cluster.diagnosis import causes, room, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.shapes import Container
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.parts import BY_NAME, DB

# A container that was killed for memory and runs again may be ready this time.
_SECOND_TRY = 120.0
# For how long events tell whether it was the kubelet that killed a container.
_EVENTS_LAST = 3600.0
# What MySQL says about a directory that an interrupted set-up left.
_INTERRUPTED = "data directory has files in it"


def killed(snapshot: Snapshot, pod: Object, container: Container, ended: Object) -> Finding | None:
    """Returns that a container which does not run was killed for memory; None if it ended for another reason."""
    if found := _killed(snapshot, pod, container, ended):
        return found
    if container.name != DB.container:
        return None
    # A database that was killed while it set itself up ends the next times with an error of its own.
    if found := _killed(snapshot, pod, container, container.ended_before):
        return found
    log = snapshot.logs.get((shapes.name_of(pod), container.name), "")
    return _interrupted(snapshot, pod, container, ended) if _INTERRUPTED in log else None


def killed_before(snapshot: Snapshot, pod: Object, container: Container) -> Finding | None:
    """Returns that a container which runs, ready or not, was killed for memory the time before."""
    ended = container.ended_before
    if container.status.get("ready") or container.is_init:
        return _killed(snapshot, pod, container, ended, is_over=True)
    return _killed(snapshot, pod, container, ended, patience=_SECOND_TRY)


def _killed(
    snapshot: Snapshot,
    pod: Object,
    container: Container,
    ended: Object,
    *,
    is_over: bool = False,
    patience: float | None = None,
) -> Finding | None:
    limit = shapes.memory_limit(container)
    is_certain = ended.get("reason") == "OOMKilled"
    if not is_certain and not (limit and _was_killed_by_others(snapshot, pod, container, ended)):
        return None
    part = BY_NAME.get(part_of(pod))
    cause = causes.OUT_OF_MEMORY_BEFORE if is_over else causes.OUT_OF_MEMORY
    is_setting_up = container.name == DB.container and not shapes.is_ready(pod)
    words = {
        "pod": shapes.name_of(pod),
        "container": container.name,
        "for": "for memory" if is_certain else "(SIGKILL), most likely for memory",
        "when": " while it started" if is_setting_up else "",
        "limit": limit or "the node's memory",
        "count": str(container.status.get("restartCount", 0)),
        "settings": part.settings if part else "PART",
        "more": _more(limit, part_of(pod)),
    }
    return cause.found(
        snapshot,
        f"Pod {shapes.name_of(pod)}",
        part_of(pod),
        words,
        asked="more memory than its limit",
        available=f"limit {limit}" if limit else "no limit of its own: the node's memory",
        seconds=shapes.seconds_since(ended.get("finishedAt"), snapshot),
        patience=patience,
    )


def _was_killed_by_others(snapshot: Snapshot, pod: Object, container: Container, ended: Object) -> bool:
    """Returns whether the kubelet did not order the end of a container that was killed.

    On a busy node, a runtime may miss that the kernel killed a container for memory, and tells only of the signal.
    """
    if not shapes.was_killed(ended):
        return False
    since = shapes.seconds_since(ended.get("finishedAt"), snapshot)
    if since is None or since > _EVENTS_LAST:
        return False
    return not any(container.name in each.get("message", "") for each in shapes.events_of(snapshot, pod, "Killing"))


def _interrupted(snapshot: Snapshot, pod: Object, container: Container, ended: Object) -> Finding:
    """Returns what MySQL's own words, which advise to remove files, do not tell."""
    limit = shapes.memory_limit(container)
    words = {
        "pod": shapes.name_of(pod),
        "container": container.name,
        "limit": limit or "the node's memory",
        "more": _more(limit, part_of(pod)),
    }
    return causes.SETUP_INTERRUPTED.found(
        snapshot,
        f"Pod {shapes.name_of(pod)}",
        part_of(pod),
        words,
        available=f"limit {limit}" if limit else "",
        seconds=shapes.seconds_since(ended.get("finishedAt"), snapshot),
    )


def _more(limit: str, part: str) -> str:
    """Returns twice a limit, and no less than what the part has in the small size; a placeholder without a limit."""
    if not limit or part not in BY_NAME:
        return "..."
    least = room.quantity(BY_NAME[part].small["limits"]["memory"])
    return room.size(max(2 * room.quantity(limit), least))
