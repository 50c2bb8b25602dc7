"""What `up` has applied, remembered in the cluster, so that later runs can take away what is no longer wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version

from kubeflow_metadata.installer.cluster.connection import Cluster, Object

NAME = "metadata-inventory"
LABELS = {
    "app.kubernetes.io/name": "kubeflow-metadata",
    "app.kubernetes.io/instance": "metadata",
    "app.kubernetes.io/part-of": "kubeflow",
}
# Never taken away but by `down --delete-data`.
DATA_KINDS = frozenset({"PersistentVolumeClaim", "Secret", "Namespace"})

# What others build upon comes first; kinds that are not named come last.
_ORDER = (
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
    "Deployment",
)


@dataclass(frozen=True, order=True)
class Identity:
    """What an object is called, whatever it holds."""

    api_version: str
    kind: str
    name: str

    @classmethod
    def of(cls, made: Object) -> Identity:
        return cls(made["apiVersion"], made["kind"], made["metadata"]["name"])


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Objects in the order in which they are applied."""

    def place(made: Object) -> tuple[int, str, str]:
        kind = made["kind"]
        return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind, made["metadata"]["name"]

    return sorted(objects, key=place)


def read(cluster: Cluster) -> set[Identity] | None:
    """What was applied; None where nothing was."""
    found = cluster.get("v1", "ConfigMap", NAME)
    if found is None:
        return None
    return {Identity(*each) for each in json.loads(found["data"]["objects"])}


def write(cluster: Cluster, identities: Iterable[Identity]) -> None:
    listed = [[each.api_version, each.kind, each.name] for each in sorted(identities)]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": cluster.namespace, "labels": LABELS},
            "data": {"objects": json.dumps(listed), "version": version("kubeflow-metadata-server")},
        },
        force=True,
    )


def forget(cluster: Cluster) -> None:
    cluster.delete("v1", "ConfigMap", NAME)
