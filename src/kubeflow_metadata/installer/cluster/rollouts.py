"""Waiting until what was applied runs, with progress to show; it ends early where waiting will not help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling, program
from kubeflow_metadata.installer.cluster import causes, pods
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.pods import Trouble
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.kinds import BY_NAME
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Rollout:
    """How far a workload's rollout has progressed.

    Attributes:
        name: its name.
        ready: how many of its replicas are ready.
        wanted: how many it should have.
        done: whether it runs as it was applied.
        rejected: why the cluster rejects its pods; empty where it does not.
    """

    name: str
    ready: int
    wanted: int
    done: bool
    rejected: str = ""

    @property
    def words(self) -> str:
        """Its state in a few words."""
        return f"{self.name} {self.ready}/{self.wanted}"


def state_of(workload: Object) -> Rollout:
    """Returns how far a workload is, by its own status."""
    spec, status = workload.get("spec", {}), workload.get("status", {})
    wanted = spec.get("replicas", 1)
    ready = status.get("readyReplicas", 0) or 0
    seen = (status.get("observedGeneration") or 0) >= workload["metadata"].get("generation", 1)
    updated = status.get("updatedReplicas", 0) or 0
    # Old pods still run while a Deployment has more than it wants.
    settled = updated == wanted and ready >= wanted and (status.get("replicas", 0) or 0) == wanted
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    failure = conditions.get("ReplicaFailure", {})
    rejected = str(failure.get("message", "")) if failure.get("status") == "True" else ""
    name = workload["metadata"]["name"]
    return Rollout(name, ready, wanted, seen and settled, rejected)


@dataclass
class _Seen:
    """What the last look at the cluster saw."""

    unfinished: list[Rollout] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    unreachable: UnreachableError | None = None


def wait(
    cluster: Cluster,
    workloads: Iterable[tuple[str, str]],
    seconds: float,
    say: Callable[..., None],
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Waits until every workload (kind and name) runs as it was applied.

    Raises:
        UserError: one of them cannot, or does not in time; with the pod's reason and its last words.
    """
    names = list(workloads)
    seen = _Seen()

    def look() -> bool | None:
        nonlocal seen
        try:
            seen = _look(cluster, names)
        except UnreachableError as error:
            # For example, the API server is restarting.
            seen = _Seen(unreachable=error)
            say("the cluster does not respond; retrying")
            return None
        if not seen.unfinished:
            return True
        say(*[f"{each.pod}: {each.sentence}" for each in seen.troubles] or [each.words for each in seen.unfinished])
        _raise_final(cluster, seen, clock)
        return None

    if polling.until(look, seconds, clock=clock) is None:
        raise seen.unreachable or _timeout(cluster, seen, seconds)


def _look(cluster: Cluster, names: list[tuple[str, str]]) -> _Seen:
    present = {name: cluster.get(BY_NAME[kind].api_version, kind, name) for kind, name in names}
    states = {name: state_of(each) if each else Rollout(name, 0, 1, done=False) for name, each in present.items()}
    unfinished = {name: state for name, state in states.items() if not state.done}
    workloads = [each for name, each in present.items() if each and name in unfinished]
    return _Seen(list(unfinished.values()), [trouble for each in workloads for trouble in _troubles(cluster, each)])


def _troubles(cluster: Cluster, workload: Object) -> Iterator[Trouble]:
    for pod in _new_pods(cluster, workload):
        trouble = pods.trouble_with(pod)
        if trouble is not None and trouble.cause in {causes.STARTING, causes.CONTAINER_STARTING}:
            trouble = pods.mount_trouble(cluster, pod) or trouble
        if trouble is not None:
            yield trouble


def _new_pods(cluster: Cluster, workload: Object) -> list[Object]:
    """Returns the pods of what was applied last. What older ones wait for does not matter: they are replaced."""
    status, selector = workload.get("status", {}), _selector(workload)
    if (status.get("observedGeneration") or 0) < workload["metadata"].get("generation", 1):
        return []
    if workload["kind"] == "StatefulSet":
        label, revision = "controller-revision-hash", status.get("updateRevision", "")
    else:
        label, revision = "pod-template-hash", _template_hash(cluster, workload)
    return cluster.list("v1", "Pod", f"{selector},{label}={revision}" if revision else selector)


def _template_hash(cluster: Cluster, deployment: Object) -> str:
    revision = deployment["metadata"].get("annotations", {}).get(_REVISION)
    for replica_set in cluster.list("apps/v1", "ReplicaSet", _selector(deployment)):
        if revision and replica_set["metadata"].get("annotations", {}).get(_REVISION) == revision:
            return str(replica_set["metadata"]["labels"]["pod-template-hash"])
    return ""


def _selector(workload: Object) -> str:
    return ",".join(f"{key}={value}" for key, value in workload["spec"]["selector"]["matchLabels"].items())


def _raise_final(cluster: Cluster, seen: _Seen, clock: Clock) -> None:
    """Raises an error for a problem that waiting longer will not solve."""
    for state in seen.unfinished:
        if state.rejected:
            trouble = Trouble("", causes.PODS_REJECTED, container=state.name)
            raise UserError(_with_code(trouble), details=state.rejected, hint=trouble.hint(cluster))
    if final := next((each for each in seen.troubles if each.is_final(clock)), None):
        raise UserError(
            f"{final.pod} cannot start: {_with_code(final)}",
            details=pods.last_words(cluster, final),
            hint=final.hint(cluster),
        )


def _with_code(trouble: Trouble) -> str:
    return f"{trouble.sentence} [{trouble.cause.code}]"


def _timeout(cluster: Cluster, seen: _Seen, seconds: float) -> UserError:
    lines = [state.words for state in seen.unfinished]
    for each in seen.troubles:
        lines.append(f"{each.pod}: {each.sentence}")
        lines += [f"  {event.get('reason')}: {event.get('message')}" for event in pods.events(cluster, each.pod)[-3:]]
    for pod in cluster.list("v1", "Pod", PART):
        name = pod["metadata"]["name"]
        if any(name == each.pod for each in seen.troubles):
            words = cluster.logs(name, pod["spec"]["containers"][0]["name"], lines=8).strip()
            lines += [f"  {line}" for line in words.splitlines()]
    return UserError(
        f"Timeout: not everything is ready after {seconds:.0f} s.",
        details="\n".join(lines),
        hint=f"Increase --timeout, or check again: {program.command('status')} {cluster.options}",
    )
