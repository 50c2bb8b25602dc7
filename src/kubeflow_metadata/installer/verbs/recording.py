"""What an ``up`` remembers: the settings that hold, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.objects import PART, Identity
from kubeflow_metadata.installer.cluster.planning.plan import Plan
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError
from kubeflow_metadata.installer.cluster.state import helm_releases, lease, revisions
from kubeflow_metadata.installer.cluster.state.revision import FAILED, IN_PROGRESS, UNREADABLE, Revision
from kubeflow_metadata.installer.cluster.state.settings import UNKNOWN, Resolved, resolve
from kubeflow_metadata.installer.polling import Clock
from kubeflow_metadata.installer.verbs.target import Target

_UNREAD = "The settings of earlier runs may not be read (Secrets): those not given now are at their defaults."


@dataclass(frozen=True)
class Wanted:
    """What to install with.

    Attributes:
        resolved: the settings, and what changes about them.
        note: what the user should know about them; else empty.
        is_unfinished: whether the last ``up`` did not end well.
    """

    resolved: Resolved
    note: str = ""
    is_unfinished: bool = False


def wanted(target: Target, cluster: Cluster) -> Wanted:
    """Returns the settings that hold: those of the last revision, with what is given now."""
    note = ""
    last: Revision | None = None
    try:
        last = revisions.last(cluster)
        if last is None and not (target.file or target.reset) and _is_installed(cluster):
            note = UNKNOWN
    except ForbiddenError:
        note = "" if target.file or target.reset else _UNREAD
    is_unfinished = last is not None and last.outcome in {FAILED, IN_PROGRESS}
    if last is not None and is_unfinished:
        why = last.reason or "it was interrupted"
        note = f"The last up (revision {last.number}) did not end well: {why}"
        if last.outcome == IN_PROGRESS and (holder := lease.holder(cluster)):
            note = f"Another command works on this installation (revision {last.number}): {holder}"
    if last is not None and last.outcome == UNREADABLE:
        last, note = None, "" if target.file or target.reset else UNKNOWN
    known = None if last is None else last.settings
    return Wanted(resolve(known, target.file, target.assignments, reset=target.reset), note, is_unfinished)


@contextmanager
def recorded(cluster: Cluster, engine: Engine, settings: Wanted, plan: Plan, clock: Clock) -> Iterator[None]:
    """Records what is applied and how it ended, as far as the engine does not."""
    if engine.keeps_history:
        with _failures_marked(cluster):
            yield
        return
    objects = [Identity.of(each) for each in plan.wanted]
    with revisions.recorded(cluster, engine.name, settings.resolved.document, objects, _images(plan), clock):
        yield


@contextmanager
def _failures_marked(cluster: Cluster) -> Iterator[None]:
    """Marks what Helm deploys in the block as failed if the block fails."""
    before = 0
    with suppress(ForbiddenError):
        before = helm_releases.newest_number(cluster)
    try:
        yield
    except BaseException as error:
        # What ended the block says more than that it could not be recorded.
        with suppress(UserError):
            helm_releases.mark_failed(cluster, before, revisions.reason_of(error))
        raise


def is_known(cluster: Cluster) -> bool:
    """Returns whether anything is remembered, as far as that may be read."""
    try:
        return bool(revisions.history(cluster))
    except ForbiddenError:
        return False


def uninstalled(cluster: Cluster) -> None:
    """Keeps the settings for the next ``up``."""
    with suppress(ForbiddenError):  # without a right to them none were kept
        revisions.uninstalled(cluster)


def forget(cluster: Cluster) -> None:
    """Deletes all that was remembered."""
    revisions.forget(cluster)


def _is_installed(cluster: Cluster) -> bool:
    """Returns whether there is anything of ours, whoever applied it."""
    return choice.owner(cluster) is not None or bool(cluster.list("apps/v1", "Deployment", PART))


def _images(plan: Plan) -> dict[str, str]:
    """Returns the images of all containers, by the container's name."""
    pods = [each.get("spec", {}).get("template", {}).get("spec", {}) for each in plan.wanted]
    groups = ("initContainers", "containers")
    containers = [each for pod in pods for group in groups for each in pod.get(group) or []]
    return {each["name"]: each["image"] for each in containers if "image" in each}
