"""What `up` applied with kustomize, recorded in the cluster, so that later runs prune what is no longer wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version

from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster

NAME = "metadata-inventory"
# Without app.kubernetes.io/instance, by which Argo CD tracks objects: it would prune what no manifest contains.
LABELS = {
    "app.kubernetes.io/name": "kubeflow-metadata",
    "app.kubernetes.io/part-of": "kubeflow",
}


def read(cluster: Cluster) -> set[Identity] | None:
    """Returns what was applied; None where nothing was."""
    config_map = cluster.get("v1", "ConfigMap", NAME)
    if config_map is None:
        return None
    return {Identity(*each) for each in json.loads(config_map["data"]["objects"])}


def write(cluster: Cluster, identities: Iterable[Identity]) -> None:
    """Records what is applied."""
    listed = [[each.api_version, each.kind, each.name] for each in sorted(identities)]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": cluster.namespace, "labels": LABELS},
            "data": {"objects": json.dumps(listed), "version": version(SERVER_NAME)},
        },
        force=True,
    )


def forget(cluster: Cluster) -> None:
    """Deletes the record."""
    cluster.delete("v1", "ConfigMap", NAME)
