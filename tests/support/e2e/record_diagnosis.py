"""Records one look at a cluster as test data: ``python -m tests.support.e2e.record_diagnosis CONTEXT NAMESPACE FILE``.

Only what rules read is kept, and nothing that names a machine. Recordings of clusters are in ``recorded/kind``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect
from kubeflow_metadata.installer.cluster.diagnosis.reading import read
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot

CONTEXT, NAMESPACE = "kind-kfm", "kubeflow"
_METADATA = {
    "name",
    "labels",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "ownerReferences",
}
_LABELS = {"metadata.kubeflow.org/part", "pod-template-hash", "controller-revision-hash", "kubernetes.io/hostname"}
_ANNOTATIONS = {
    "deployment.kubernetes.io/revision",
    "storageclass.kubernetes.io/is-default-class",
    "volume.kubernetes.io/selected-node",
}
_DROPPED = {
    "managedFields",
    "resourceVersion",
    "uid",
    "containerID",
    "imageID",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "images",
    "addresses",
    "nodeInfo",
    "podCIDR",
    "podCIDRs",
    "providerID",
    "daemonEndpoints",
    "securityContext",
    "lifecycle",
    "dnsPolicy",
    "schedulerName",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "lastHeartbeatTime",
    "lastProbeTime",
    "reportingComponent",
    "reportingInstance",
    "source",
    "allocatedResources",
    "claimRef",
    "csi",
    "hostPath",
    "local",
    "user",
    "runtimeHandlers",
    "features",
    "capacity",
    "eventTime",
    "args",
    "ports",
    "affinity",
    "topologySpreadConstraints",
    "strategy",
    "updateStrategy",
}
_OF_EVENTS = ("type", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "series", "involvedObject")
_ENVIRONMENT = {"KFM_SECRET_NAME", "KFM_SECRET_IS_THEIRS"}


def main(context: str, namespace: str, file: str) -> None:
    """Reads and writes."""
    cluster = connect(context, namespace)
    text = trimmed(read(cluster), f"kind {cluster.version()}")
    Path(file).write_text(text)


def trimmed(snapshot: Snapshot, source: str, says: str = "") -> str:
    """Returns a snapshot as a recording."""
    document = json.loads(snapshot.as_json())
    named = [each["metadata"]["name"] for each in document["nodes"] or []]
    used = [(each.get("spec") or {}).get("nodeName") for each in document["pods"]]
    names = {name: f"node-{place}" for place, name in enumerate(sorted({*named, *filter(None, used)}), 1)}
    for place, each in enumerate(document["others"] or [], 1):
        each["metadata"] = {"name": f"other-{place}", "namespace": "other"}
    document["events"] = [{key: each[key] for key in _OF_EVENTS if each.get(key)} for each in document["events"]]
    for each in document["replica_sets"]:
        each.pop("spec", None)
    kept = {key: _kept(value) for key, value in document.items()} | {"context": CONTEXT, "namespace": NAMESPACE}
    text = json.dumps({"source": source, "says": says, **kept}, indent=1) + "\n"
    for name, new in {snapshot.context: CONTEXT, snapshot.namespace: NAMESPACE, **names}.items():
        text = re.sub(rf"(?<![A-Za-z0-9-]){re.escape(name)}(?![A-Za-z0-9-])", new, text)
    return re.sub(r"\b\d+\.\d+\.\d+\.\d+\b", "192.0.2.1", text)


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [_kept(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _kept(each) for key, each in value.items() if key not in _DROPPED}
    if "volumeMounts" in kept:
        kept["volumeMounts"] = [{"name": each["name"]} for each in kept["volumeMounts"]]
    if "metadata" in kept:
        kept["metadata"] = _metadata(kept["metadata"])
    if "env" in kept:
        kept["env"] = [each for each in kept["env"] if each["name"] in _ENVIRONMENT or "valueFrom" in each]
    return kept


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key in _METADATA or key == "namespace"}
    for name, chosen in (("labels", _LABELS), ("annotations", _ANNOTATIONS)):
        kept[name] = {key: value for key, value in (kept.get(name) or {}).items() if key in chosen}
    return kept


if __name__ == "__main__":
    main(*sys.argv[1:])
