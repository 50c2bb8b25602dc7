"""Small workloads for tests, written the way this product's own are: restricted and read-only."""

from __future__ import annotations

import json
from typing import Any

from tests.support.cluster.kind import Cluster

RESTRICTED_POD: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 54321,
    "runAsGroup": 54321,
    "fsGroup": 54321,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER: dict[str, Any] = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def pod(name: str, container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A restricted pod of one container."""
    main = {"name": "main", "imagePullPolicy": "IfNotPresent", "securityContext": RESTRICTED_CONTAINER}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": RESTRICTED_POD,
            "terminationGracePeriodSeconds": 1,
            "containers": [{**main, **container}],
            **spec,
        },
    }


def claim(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def service(name: str, app: str, port: int, target: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": port, "targetPort": target}]},
    }


def apply(cluster: Cluster, namespace: str, *objects: dict[str, Any]) -> None:
    documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "--server-side", f"--namespace={namespace}", "--filename=-", stdin=documents)


def container_status(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """What the kubelet says of a pod's only container; empty before it says anything."""
    text = cluster.kubectl("get", "pod", name, f"--namespace={namespace}", "--output=json")
    statuses: list[dict[str, Any]] = json.loads(text)["status"].get("containerStatuses", [])
    return statuses[0] if statuses else {}


def wait_ready(cluster: Cluster, namespace: str, name: str, *, seconds: int = 180) -> None:
    cluster.kubectl(
        *("wait", f"--namespace={namespace}", "--for=condition=Ready", f"pod/{name}", f"--timeout={seconds}s")
    )


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready and to stay."""
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"
