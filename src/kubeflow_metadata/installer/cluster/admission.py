"""What has to be so before anything is applied: a namespace, and names that no other installation has."""

from __future__ import annotations

from collections.abc import Iterable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster, Object


def refuse_terminating_namespace(cluster: Cluster) -> None:
    """Stops where the namespace is being deleted.

    Raises:
        UserError: it is.
    """
    namespace = cluster.get("v1", "Namespace", cluster.namespace) or {}
    if namespace.get("status", {}).get("phase") == "Terminating":
        raise UserError(
            f"The namespace {cluster.namespace} is terminating.", hint="Wait until it is gone, then try again."
        )


def ensure_namespace(cluster: Cluster) -> bool:
    """Creates the namespace where there is none; returns whether it did."""
    if cluster.get("v1", "Namespace", cluster.namespace) is not None:
        return False
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}})
    return True


def refuse_others(cluster: Cluster, objects: Iterable[Object]) -> None:
    """Stops where a name belongs to another installation.

    Raises:
        UserError: it does; Kubernetes would reject a Deployment, but let us take over a Service.
    """
    for wanted in objects:
        if not kinds.selects_pods(wanted["kind"]):
            continue
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        present = cluster.get(wanted["apiVersion"], kind, name)
        selector = (present or {}).get("spec", {}).get("selector") or {}
        labels = selector.get("matchLabels", selector)
        if present is None or PART in labels:
            continue
        if labels.get("component", "").startswith("metadata-"):
            hint = (
                "Kubeflow Pipelines owns it. To use its store, run: "
                f"{program.command('up')} {cluster.options} --set besideKfp.enabled=true"
            )
        else:
            hint = f"If upstream's manifests created it and it is no longer needed, run: {cluster.kubectl} delete "
            hint += f"{kind.lower()}/{name}"
        raise UserError(f"{kind} {name} in {cluster.namespace} belongs to another installation.", hint=hint)
