"""The kinds of objects that an installation is made of, in one table: in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        name: as Kubernetes spells it.
        api_version: the version in which manifests and chart have it.
        holds_data: whether deleting one loses what users stored; only ``down --delete-data`` does.
        is_workload: whether it runs pods for as long as it exists.
        selects_pods: whether it finds pods by a selector, which two installations must not share.
        is_ours: whether objects of this kind belong to one installation.
    """

    name: str
    api_version: str
    holds_data: bool = False
    is_workload: bool = False
    selects_pods: bool = False
    is_ours: bool = True


# What others depend on comes first.
KINDS = (
    Kind("Namespace", "v1", holds_data=True, is_ours=False),
    Kind("ServiceAccount", "v1"),
    Kind("Role", "rbac.authorization.k8s.io/v1"),
    Kind("RoleBinding", "rbac.authorization.k8s.io/v1"),
    Kind("ConfigMap", "v1"),
    Kind("Secret", "v1", holds_data=True),
    Kind("NetworkPolicy", "networking.k8s.io/v1"),
    Kind("PersistentVolumeClaim", "v1", holds_data=True),
    Kind("Service", "v1", selects_pods=True),
    Kind("StatefulSet", "apps/v1", is_workload=True, selects_pods=True),
    Kind("Deployment", "apps/v1", is_workload=True, selects_pods=True),
    Kind("PodDisruptionBudget", "policy/v1"),
    Kind("HorizontalPodAutoscaler", "autoscaling/v2"),
    Kind("Job", "batch/v1"),
    Kind("Ingress", "networking.k8s.io/v1"),
    Kind("HTTPRoute", "gateway.networking.k8s.io/v1"),
    Kind("ServiceMonitor", "monitoring.coreos.com/v1"),
    Kind("PrometheusRule", "monitoring.coreos.com/v1"),
    Kind("VirtualService", "networking.istio.io/v1beta1"),
    Kind("DestinationRule", "networking.istio.io/v1beta1"),
    Kind("AuthorizationPolicy", "security.istio.io/v1beta1"),
)
BY_NAME = {kind.name: kind for kind in KINDS}
OURS = tuple(kind for kind in KINDS if kind.is_ours)
WORKLOADS = tuple(kind for kind in KINDS if kind.is_workload)

_PLACES = {kind.name: place for place, kind in enumerate(KINDS)}


def place(kind: str) -> int:
    """Returns the position of a kind in the order of applying; kinds missing from the table come last."""
    return _PLACES.get(kind, len(_PLACES))


def holds_data(kind: str) -> bool:
    """Returns whether objects of a kind are kept unless the user asks for the deletion of the data."""
    return kind in BY_NAME and BY_NAME[kind].holds_data


def selects_pods(kind: str) -> bool:
    """Returns whether objects of a kind find pods by a selector."""
    return kind in BY_NAME and BY_NAME[kind].selects_pods


def is_workload(kind: str) -> bool:
    """Returns whether objects of a kind run pods."""
    return kind in BY_NAME and BY_NAME[kind].is_workload
