"""Waiting for what was applied to run, with progress to look at; it ends early where waiting will not help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import pods
from kubeflow_metadata.installer.cluster.connection import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.cluster.pods import Trouble

WORKLOADS = ("StatefulSet", "Deployment")
_LOOK_SECONDS = 1.0
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Rollout:
    """How far a workload is."""

    kind: str
    name: str
    ready: int
    wanted: int
    done: bool
    refused: str = ""

    @property
    def words(self) -> str:
        return f"{self.name} {self.ready}/{self.wanted}"


def state_of(workload: Object) -> Rollout:
    """How far it is, by its own status."""
    spec, status = workload.get("spec", {}), workload.get("status", {})
    wanted = spec.get("replicas", 1)
    ready = status.get("readyReplicas", 0) or 0
    seen = (status.get("observedGeneration") or 0) >= workload["metadata"].get("generation", 1)
    updated = status.get("updatedReplicas", 0) or 0
    # Old pods still run while a Deployment has more than it wants.
    settled = updated == wanted and ready >= wanted and (status.get("replicas", 0) or 0) == wanted
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    refused = conditions.get("ReplicaFailure", {})
    message = str(refused.get("message", "")) if refused.get("status") == "True" else ""
    name = workload["metadata"]["name"]
    return Rollout(workload["kind"], name, ready, wanted, seen and settled, message)


def wait(cluster: Cluster, workloads: Iterable[tuple[str, str]], seconds: float, say: Callable[..., None]) -> None:
    """Waits until every workload (kind and name) runs as it was applied.

    Raises:
        UserError: one of them cannot, or not in time; with the pod's reason and its last words.
    """
    names = list(workloads)
    deadline = time.monotonic() + seconds
    while True:
        try:
            if _look(cluster, names, say, seconds, late=time.monotonic() > deadline):
                return
        except UnreachableError:
            # An API server that starts anew, say.
            if time.monotonic() > deadline:
                raise
            say("the cluster does not answer; asking again")
        time.sleep(_LOOK_SECONDS)


def _look(
    cluster: Cluster, names: list[tuple[str, str]], say: Callable[..., None], seconds: float, *, late: bool
) -> bool:
    """Whether everything runs."""
    found = [cluster.get("apps/v1", kind, name) for kind, name in names]
    states = [state_of(each) for each in found if each is not None]
    open_ = [state for state in states if not state.done]
    if len(states) == len(names) and not open_:
        return True
    troubles = _troubles(cluster, [each for each in found if each and not state_of(each).done])
    say(*[f"{each.pod}: {each.reason}" for each in troubles] or [state.words for state in open_])
    _raise_refused(open_)
    if final := next((each for each in troubles if each.is_final), None):
        raise _failure(cluster, final)
    if late:
        raise _too_late(cluster, open_, troubles, seconds)
    return False


def _troubles(cluster: Cluster, workloads: list[Object]) -> list[Trouble]:
    found = []
    for workload in workloads:
        for pod in _new_pods(cluster, workload):
            trouble = pods.trouble_with(pod)
            if trouble is not None and trouble.kind == "starting":
                trouble = pods.mount_trouble(cluster, pod) or trouble
            if trouble is not None:
                found.append(trouble)
    return found


def _new_pods(cluster: Cluster, workload: Object) -> list[Object]:
    """The pods of what was applied last. What keeps older ones does not matter: they go."""
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


def _raise_refused(states: list[Rollout]) -> None:
    for state in states:
        if state.refused:
            raise UserError(
                f"The cluster refuses to make pods of {state.name}.",
                details=state.refused,
                hint="Quotas, admission policies or the Pod Security level of the namespace may be why.",
            )


def _failure(cluster: Cluster, trouble: Trouble) -> UserError:
    where = f"kubectl --context {cluster.context} -n {cluster.namespace}"
    hint = f"More: {where} describe pod {trouble.pod}"
    if trouble.kind == "image" or "ErrImageNeverPull" in trouble.reason or "InvalidImageName" in trouble.reason:
        hint = (
            "The node cannot get the image. Give it to a kind cluster: python -m installer images build, then load; "
            "or to a registry: images push REGISTRY, then up --set images.server.repository=REGISTRY/..."
        )
    if trouble.kind == "mount":
        hint = f"Create what is missing in {cluster.namespace}, or name another one in the settings."
    if trouble.kind == "schedule":
        hint = "Make room on the nodes, or ask for less: up --set small.enabled=true"
    details = pods.last_words(cluster, trouble) if trouble.kind != "stop" else ""
    return UserError(f"{trouble.pod} does not come up: {trouble.reason}", details=details, hint=hint)


def _too_late(cluster: Cluster, states: list[Rollout], troubles: list[Trouble], seconds: float) -> UserError:
    lines = [state.words for state in states]
    for each in troubles:
        lines.append(f"{each.pod}: {each.reason}")
        lines += [f"  {event.get('reason')}: {event.get('message')}" for event in pods.events(cluster, each.pod)[-3:]]
    for pod in cluster.list("v1", "Pod", "metadata.kubeflow.org/part"):
        if any(pod["metadata"]["name"] == each.pod for each in troubles):
            words = cluster.logs(pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], lines=8).strip()
            lines += [f"  {line}" for line in words.splitlines()]
    return UserError(
        f"Not everything runs after {seconds:.0f} s.",
        details="\n".join(lines),
        hint="Give it longer with --timeout, or look: python -m installer status",
    )
