"""One look at the cluster, as plain data: what rules are functions of, and what recordings hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from kubeflow_metadata.installer.cluster.port import Object, Place

# The keys of a Secret or ConfigMap by its name; None where there is no such object.
Keys = Mapping[str, "tuple[str, ...] | None"]


@dataclass(frozen=True)
class Snapshot(Place):
    """One look at the cluster.

    What could not be read, or was of no interest, is None, or missing in a mapping; rules say nothing about it.

    Attributes:
        context: of the kubeconfig.
        namespace: of the installation.
        taken: when.
        workloads: the StatefulSets and Deployments of the installation.
        replica_sets: those of its Deployments.
        pods: its pods.
        events: those about its objects.
        claims: all PersistentVolumeClaims of the namespace.
        volumes: the PersistentVolumes of its claims.
        storage_classes: all of the cluster.
        secrets: the keys of the Secrets that its pods need; values are never kept.
        config_maps: the keys of the ConfigMaps that its pods need.
        nodes: all of the cluster.
        others: the pods of all namespaces, only with what they request and where they run.
        quotas: the ResourceQuotas of the namespace.
        limit_ranges: the LimitRanges of the namespace.
        namespace_labels: the namespace's own, which hold its Pod Security level.
        logs: the last lines of containers that run and are not ready, or that ended, by pod and container.
        unread: what could not be read, as sentences.
        is_blind: whether the workloads or the pods could not be read, so that nothing is known.
    """

    context: str
    namespace: str
    taken: datetime
    workloads: tuple[Object, ...] = ()
    replica_sets: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
    claims: tuple[Object, ...] | None = None
    volumes: tuple[Object, ...] | None = None
    storage_classes: tuple[Object, ...] | None = None
    secrets: Keys = field(default_factory=dict)
    config_maps: Keys = field(default_factory=dict)
    nodes: tuple[Object, ...] | None = None
    others: tuple[Object, ...] | None = None
    quotas: tuple[Object, ...] | None = None
    limit_ranges: tuple[Object, ...] | None = None
    namespace_labels: Mapping[str, str] | None = None
    logs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    is_blind: bool = False

    def as_json(self) -> str:
        """Returns it as a JSON document, which ``from_json`` reads."""
        document: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        document["taken"] = self.taken.isoformat()
        document["logs"] = {"/".join(key): text for key, text in self.logs.items()}
        return json.dumps(document, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Snapshot:
        """Returns what ``as_json`` wrote; names that are no attributes are ignored, such as notes of a recording."""
        document = json.loads(text)
        known = {each.name: document[each.name] for each in fields(cls) if each.name in document}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in known.items()
        }
        for name in ("secrets", "config_maps"):
            values[name] = {
                key: None if keys is None else tuple(keys) for key, keys in (values.get(name) or {}).items()
            }
        values["taken"] = datetime.fromisoformat(values["taken"])
        values["logs"] = {_pair(key): lines for key, lines in (values.get("logs") or {}).items()}
        return cls(**values)


def _pair(key: str) -> tuple[str, str]:
    pod, _, container = key.partition("/")
    return pod, container
