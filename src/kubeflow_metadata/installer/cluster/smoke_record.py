"""How the last smoke test in the cluster ended: recorded where whoever may view the namespace can read it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.render.names import SMOKE_JOB

# Without the labels by which the objects of an installation are found, and GitOps tools track what they prune.
_LABELS = {"app.kubernetes.io/name": "kubeflow-metadata", "app.kubernetes.io/part-of": "kubeflow"}


@dataclass(frozen=True)
class SmokeRecord:
    """How a smoke test ended.

    Attributes:
        passed: whether all of its checks passed.
        time: when, as Kubernetes writes times.
        summary: its last line.
    """

    passed: bool
    time: str
    summary: str = ""


def write(cluster: Cluster, *, passed: bool, output: str, clock: Clock = SYSTEM_CLOCK) -> None:
    """Records how a smoke test ended, if this identity may do so: that is no reason to fail."""
    lines = output.strip().splitlines()
    record = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": SMOKE_JOB, "namespace": cluster.namespace, "labels": _LABELS},
        "data": {
            "passed": "true" if passed else "false",
            "time": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "summary": lines[-1] if lines else "",
        },
    }
    with suppress(ForbiddenError):
        cluster.apply(record, force=True)


def forget(cluster: Cluster) -> None:
    """Deletes the record."""
    cluster.delete("v1", "ConfigMap", SMOKE_JOB)


def read(cluster: Cluster) -> SmokeRecord | None:
    """Returns how the last smoke test ended; None where none is recorded."""
    found = cluster.get("v1", "ConfigMap", SMOKE_JOB)
    data = (found or {}).get("data") or {}
    if data.get("passed") not in {"true", "false"}:
        return None
    return SmokeRecord(data["passed"] == "true", str(data.get("time", "")), str(data.get("summary", "")))
