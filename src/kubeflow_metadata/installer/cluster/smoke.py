"""The smoke test as a Job in the cluster."""

from __future__ import annotations

import time
from collections.abc import Callable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import engines, pods
from kubeflow_metadata.installer.cluster.applying import PART
from kubeflow_metadata.installer.cluster.connection import Cluster, Object
from kubeflow_metadata.installer.cluster.inventory import Identity, in_order
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import SMOKE_JOB

_SECONDS = 330
_LOOK_SECONDS = 1.0


def run(cluster: Cluster, settings: Settings, say: Callable[[str], None]) -> tuple[bool, str]:
    """Runs the Job; whether it passed, and what it printed."""
    objects = [each for each in engines.built(settings, cluster.namespace, smoke=True) if _is_smoke(each)]
    remove(cluster)
    for each in in_order(objects):
        cluster.apply(each, force=True)
    passed, text = _wait(cluster, say)
    if passed:
        remove(cluster)
    return passed, text


def remove(cluster: Cluster) -> None:
    """Removes an earlier run; a Job cannot be applied over."""
    for identity in (
        Identity("batch/v1", "Job", SMOKE_JOB),
        Identity("networking.k8s.io/v1", "NetworkPolicy", SMOKE_JOB),
        Identity("v1", "ServiceAccount", SMOKE_JOB),
    ):
        cluster.delete(identity.api_version, identity.kind, identity.name)
    deadline = time.monotonic() + _SECONDS
    while cluster.get("batch/v1", "Job", SMOKE_JOB) is not None:
        if time.monotonic() > deadline:
            raise UserError(f"The Job {SMOKE_JOB} of an earlier run does not go away.")
        time.sleep(_LOOK_SECONDS)


def _wait(cluster: Cluster, say: Callable[[str], None]) -> tuple[bool, str]:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        job = cluster.get("batch/v1", "Job", SMOKE_JOB) or {}
        running = cluster.list("v1", "Pod", f"{PART}=smoke")
        ended = {each["type"] for each in job.get("status", {}).get("conditions") or [] if each["status"] == "True"}
        if ended & {"Complete", "Failed"} and running:
            return "Complete" in ended, cluster.logs(running[0]["metadata"]["name"], "smoke", lines=100)
        if ended & {"Failed"}:
            return False, "Its pod is gone, and its log with it."
        for pod in running:
            trouble = pods.trouble_with(pod)
            if trouble is not None:
                say(trouble.reason)
                if trouble.is_final and trouble.kind != "crash":
                    raise UserError(f"The smoke test does not start: {trouble.reason}")
        time.sleep(_LOOK_SECONDS)
    raise UserError(f"The smoke test did not end within {_SECONDS} s.")


def _is_smoke(each: Object) -> bool:
    return bool(each["metadata"]["labels"].get(PART) == "smoke")
