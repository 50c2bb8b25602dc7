"""Applies objects in order, and takes away what is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import inventory
from kubeflow_metadata.installer.cluster.connection import Cluster, ConflictError, Object
from kubeflow_metadata.installer.cluster.inventory import DATA_KINDS, Identity

PART = "metadata.kubeflow.org/part"
_SELECTING = ("Service", "Deployment", "StatefulSet")


def ensure_namespace(cluster: Cluster) -> bool:
    """Creates the namespace where there is none; whether it did."""
    found = cluster.get("v1", "Namespace", cluster.namespace)
    if found is None:
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}})
        return True
    if found.get("status", {}).get("phase") == "Terminating":
        raise UserError(f"The namespace {cluster.namespace} is being deleted.", hint="Wait until it is gone.")
    return False


def refuse_others(cluster: Cluster, objects: Iterable[Object]) -> None:
    """Stops before anything is changed where a name belongs to another installation.

    Raises:
        UserError: it does; Kubernetes would refuse a Deployment, but take over a Service.
    """
    for wanted in objects:
        if wanted["kind"] not in _SELECTING:
            continue
        name = wanted["metadata"]["name"]
        found = cluster.get(wanted["apiVersion"], wanted["kind"], name)
        selector = (found or {}).get("spec", {}).get("selector") or {}
        if found is None or PART in selector.get("matchLabels", selector):
            continue
        where = f"kubectl --context {cluster.context} -n {cluster.namespace}"
        if selector.get("matchLabels", selector).get("component", "").startswith("metadata-"):
            hint = "Kubeflow Pipelines owns it. Use its store: python -m installer up --set besideKfp.enabled=true"
        else:
            hint = f"If it is upstream's, and no longer needed: {where} delete {wanted['kind'].lower()}/{name}"
        raise UserError(f"{wanted['kind']} {name} in {cluster.namespace} is of another installation.", hint=hint)


def apply(
    cluster: Cluster,
    objects: list[Object],
    say: Callable[[str], None],
    note: Callable[[str], None],
    *,
    take_over: bool = False,
) -> int:
    """Applies all objects, then deletes what earlier runs applied and this one does not want.

    Fields that another manager has set otherwise become ours; that is noted, but with ``take_over`` it is the purpose.

    Returns:
        how many objects were deleted.
    """
    wanted = {Identity.of(each) for each in objects}
    before = inventory.read(cluster) or set()
    # First of all: what a run that is cut off has applied is found by the next.
    inventory.write(cluster, before | wanted)
    for each in inventory.in_order(objects):
        say(f"{each['kind']} {each['metadata']['name']}")
        try:
            cluster.apply(each, force=take_over)
        except ConflictError as error:
            first = (error.details or str(error)).splitlines()[0]
            note(f"Taking over {each['kind']} {each['metadata']['name']}: {first}")
            cluster.apply(each, force=True)
    unwanted = {each for each in before - wanted if each.kind not in DATA_KINDS}
    delete(cluster, unwanted, say)
    inventory.write(cluster, wanted | {each for each in before if each.kind in DATA_KINDS})
    return len(unwanted)


def delete(cluster: Cluster, identities: Iterable[Identity], say: Callable[[str], None]) -> None:
    """Deletes objects, those first that build upon others."""
    as_objects = [{"apiVersion": i.api_version, "kind": i.kind, "metadata": {"name": i.name}} for i in identities]
    for each in reversed(inventory.in_order(as_objects)):
        say(f"{each['kind']} {each['metadata']['name']}")
        cluster.delete(each["apiVersion"], each["kind"], each["metadata"]["name"])


def found_by_label(cluster: Cluster) -> set[Identity]:
    """What is ours in the namespace, whoever applied it."""
    kinds = [
        *(("v1", kind) for kind in ("ServiceAccount", "ConfigMap", "Service", "PersistentVolumeClaim", "Secret")),
        *(("apps/v1", kind) for kind in ("StatefulSet", "Deployment")),
        *(("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "RoleBinding")),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("policy/v1", "PodDisruptionBudget"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("batch/v1", "Job"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
        ("networking.istio.io/v1beta1", "VirtualService"),
        ("networking.istio.io/v1beta1", "DestinationRule"),
        ("security.istio.io/v1beta1", "AuthorizationPolicy"),
    ]
    return {
        Identity(api_version, kind, each["metadata"]["name"])
        for api_version, kind in kinds
        for each in cluster.list(api_version, kind, PART)
    }
