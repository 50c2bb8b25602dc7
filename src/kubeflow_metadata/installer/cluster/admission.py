"""What has to be so before anything is applied: a namespace, and names that no other installation has."""

from __future__ import annotations

from contextlib import suppress

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, ForbiddenError, Object


def lacks_namespace(cluster: Cluster) -> bool:
    """Returns whether the namespace is missing; False where it may not be read, as for a narrow service account."""
    try:
        return cluster.get("v1", "Namespace", cluster.namespace) is None
    except ForbiddenError:
        return False


def refuse_terminating_namespace(cluster: Cluster) -> None:
    """Stops where the namespace is being deleted.

    Raises:
        UserError: it is.
    """
    try:
        namespace = cluster.get("v1", "Namespace", cluster.namespace) or {}
    except ForbiddenError:
        return
    if namespace.get("status", {}).get("phase") == "Terminating":
        raise UserError(
            f"The namespace {cluster.namespace} is terminating.", hint="Wait until it is gone, then try again."
        )


def ensure_namespace(cluster: Cluster) -> bool:
    """Creates the namespace where there is none; returns whether it did."""
    if not lacks_namespace(cluster):
        return False
    with suppress(ConflictError):  # somebody else was faster
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}})
    return True


def clash(cluster: Cluster, wanted: Object, present: Object) -> UserError | None:
    """Returns why an object that is there is another installation's; None where it is not.

    Kubernetes would reject a Deployment, but let us take over a Service.
    """
    kind, name = wanted["kind"], wanted["metadata"]["name"]
    if not kinds.selects_pods(kind):
        return None
    selector = present.get("spec", {}).get("selector") or {}
    labels = selector.get("matchLabels", selector)
    if PART in labels:
        return None
    if labels.get("component", "").startswith("metadata-"):
        hint = (
            "Kubeflow Pipelines owns it. To use its store, run: "
            f"{program.command('up')} {cluster.options} --set besideKfp.enabled=true"
        )
    else:
        hint = f"If upstream's manifests created it and it is no longer needed, run: {cluster.kubectl} delete "
        hint += f"{kind.lower()}/{name}"
    return UserError(f"{kind} {name} in {cluster.namespace} belongs to another installation.", hint=hint)
