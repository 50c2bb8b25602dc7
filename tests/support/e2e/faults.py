"""Faults that one node allows, each in small objects that stand for parts of an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubeflow_metadata.parts import BY_NAME
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads

PART = "metadata.kubeflow.org/part"
# Objects of the cluster that some faults need; they concern only namespaces with this label.
MARK = "metadata.kubeflow.org/fault"
SERVE = ["python", "-c", "import time; print('serving', flush=True); time.sleep(3600)"]
Object = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What is wrong.

    Attributes:
        code: of the cause that the diagnosis names.
        objects: made of an image and a namespace.
        remedy: objects that make the cause go away; empty if none is tried.
        after: what is done once the objects are there.
        says: words of the sentence, the details, or what was asked and there is.
    """

    code: str
    objects: Callable[[str, str], list[Object]]
    says: str = ""
    remedy: list[Object] = field(default_factory=list)
    after: Callable[[Cluster, str], None] | None = None


def server(part: str, image: str, container: Object | None = None, **spec: Any) -> Object:
    """A workload of a part, with one small container that serves for as long as it is left alone."""
    row = BY_NAME[part]
    kind = row.workload_kind
    amounts = {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}
    made = workloads.pod(
        row.workload,
        {"name": row.container, "image": image, "command": SERVE, "resources": amounts, **(container or {})},
        **spec,
    )
    main = made["spec"]["containers"][0]
    for volume in made["spec"].get("volumes", []):
        main.setdefault("volumeMounts", []).append({"name": volume["name"], "mountPath": f"/{volume['name']}"})
    template = {"metadata": {"labels": {PART: part}}, "spec": made["spec"]}
    owner = {"serviceName": row.workload} if kind == "StatefulSet" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": row.workload, "labels": {PART: part}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {PART: part}}, "template": template, **owner},
    }


def _one(part: str, container: Object | None = None, **spec: Any) -> Callable[[str, str], list[Object]]:
    return lambda image, _namespace: [server(part, image, container, **spec)]


def _with(*others: Object, part: str = "rest", container: Object | None = None, **spec: Any) -> Any:
    return lambda image, _namespace: [*others, server(part, image, container, **spec)]


def _thing(kind: str, name: str, api_version: str = "v1", **fields: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def _claim(storage_class: str | None = None) -> Object:
    made = workloads.claim("metadata-mysql")
    if storage_class is not None:
        made["spec"]["storageClassName"] = storage_class
    return made


def _python(code: str) -> Object:
    return {"command": ["python", "-c", code]}


def _volume(name: str, **source: Any) -> Object:
    return {"volumes": [{"name": name, **source}]}


def _database(image: str, _namespace: str) -> list[Object]:
    """MySQL's workload as far as the Secret is concerned: an initContainer that fills it, and one that serves."""
    made = server("db", image)
    spec = made["spec"]["template"]["spec"]
    environment = [{"name": "KFM_SECRET_NAME", "value": "metadata-db-secrets"}]
    spec["initContainers"] = [
        {**spec["containers"][0], "name": "secret", "command": ["python", "-c", ""], "env": environment}
    ]
    return [made]


def _delete_claim(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("delete", "pvc", "metadata-mysql", f"--namespace={namespace}", "--wait=false")


def _available(cluster: Cluster, namespace: str) -> str:
    """Waits until the Deployment is available; how kubectl is pointed at its namespace."""
    here = f"--namespace={namespace}"
    cluster.kubectl("wait", "deployments", "--for=condition=Available", f"--selector={PART}", here, "--timeout=180s")
    return here


def _delete_held_pod(cluster: Cluster, namespace: str) -> None:
    here = _available(cluster, namespace)
    (name,) = cluster.kubectl("get", "pods", f"--selector={PART}", here, "--output=name").split()
    hold = '--patch={"metadata":{"finalizers":["example.com/hold"]}}'
    cluster.kubectl("patch", name, here, "--type=merge", hold)
    cluster.kubectl("delete", name, here, "--wait=false")


def _fill_volume(cluster: Cluster, namespace: str) -> None:
    """Writes more than the pod may, which is evicted for it; the one in its place is left alone."""
    here = _available(cluster, namespace)
    write = "open('/full/x', 'wb').write(bytes(8 << 20))"
    cluster.kubectl("exec", "deployment/metadata-deployment", here, "--", "python", "-c", write)


_DATA = _volume("data", persistentVolumeClaim={"claimName": "metadata-mysql"})
_KEYS = ("MYSQL_USERNAME", "MYSQL_PASSWORD")
_MINE = _volume("mine", secret={"secretName": "my-database", "items": [{"key": key, "path": key} for key in _KEYS]})
_SECRET = _thing("Secret", "my-database", stringData=dict.fromkeys(_KEYS, "secret"))
_FILL = "import time; filled = bytearray(512 << 20); time.sleep(3600)"
_ONCE = (
    "import os, time\nif not os.path.exists('/once/x'):\n open('/once/x', 'w').close(); filled = bytearray(512 << 20)\n"
    "time.sleep(3600)"
)
_STOP = "open('/dev/termination-log', 'w').write('The volume holds data of another MySQL.'); raise SystemExit(1)"

FAULTS: dict[str, Fault] = {
    "registry_away": Fault(
        "KFM0221", _one("rest", {"image": "registry.invalid/kubeflow-metadata:1"}), "registry.invalid"
    ),
    "image_never": Fault("KFM0207", _one("rest", {"image": "none:1", "imagePullPolicy": "Never"}), "none:1"),
    "image_name": Fault("KFM0225", _one("rest", {"image": "docker.io/UPPER/case:1"}), "UPPER"),
    "crash": Fault("KFM0211", _one("rest", _python("print('no such flag'); raise SystemExit(2)")), "no such flag"),
    "stopped": Fault("KFM0210", _one("rest", _python(_STOP)), "data of another MySQL"),
    "container_config": Fault("KFM0208", _one("rest", {"command": ["/no/such/program"]}), "/no/such/program"),
    "oom": Fault("KFM0226", _one("rest", _python(_FILL)), "64Mi"),
    "oom_before": Fault(
        "KFM0227",
        _one(
            "rest",
            _python(_ONCE),
            **_volume("once", emptyDir={}),
        ),
        "restarts: 1",
    ),
    "probe": Fault(
        "KFM0228",
        _one("rest", {"startupProbe": {"exec": {"command": ["python", "-c", "exit('not yet')"]}, "periodSeconds": 2}}),
        "not yet",
    ),
    "unready_probe": Fault(
        "KFM0229",
        _one("rest", {"readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 2}}),
        "connection refused",
    ),
    "no_cpu": Fault("KFM0214", _one("rest", {"resources": {"requests": {"cpu": "100"}}}), "100 CPU"),
    "no_memory": Fault("KFM0215", _one("rest", {"resources": {"requests": {"memory": "4Ti"}}}), "4096Gi memory"),
    "no_matching_node": Fault("KFM0217", _one("rest", nodeSelector={"disk": "none"}), "disk=none"),
    "class_missing": Fault("KFM0231", _with(_claim("fast"), part="db", **_DATA), "standard (default)"),
    "claim_pending": Fault("KFM0233", _with(_claim("fault-nobody"), part="db", **_DATA), "nobody.example.com"),
    "not_provisioned": Fault("KFM0232", _with(_claim("fault-no-path"), part="db", **_DATA), "fault-no-path"),
    "claim_missing": Fault("KFM0236", _one("db", **_DATA), remedy=[_claim()]),
    "claim_terminating": Fault(
        "KFM0235",
        _with(
            {**_claim(), "metadata": {"name": "metadata-mysql", "finalizers": ["example.com/hold"]}}, part="db", **_DATA
        ),
        "example.com/hold",
        after=_delete_claim,
    ),
    "quota": Fault(
        "KFM0238",
        _with(_thing("ResourceQuota", "team", spec={"hard": {"requests.memory": "8Mi"}})),
        "requests.memory 16Mi",
        remedy=[_thing("ResourceQuota", "team", spec={"hard": {"requests.memory": "80Mi"}})],
    ),
    "quota_needs_amounts": Fault(
        "KFM0257", _with(_thing("ResourceQuota", "team", spec={"hard": {"limits.cpu": "1"}})), "limits.cpu"
    ),
    "limit_range": Fault(
        "KFM0239",
        _with(_thing("LimitRange", "team", spec={"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]})),
        "max memory 32Mi",
    ),
    "pod_security": Fault("KFM0240", _one("rest", {"securityContext": {"privileged": True}}), "restricted"),
    "webhook_denies": Fault("KFM0241", _one("rest"), "not in this namespace"),
    "webhook_away": Fault("KFM0242", _one("rest"), "fault.example.com"),
    "account_missing": Fault("KFM0243", _one("rest", serviceAccountName="nobody"), "nobody"),
    "pods_rejected": Fault("KFM0212", _one("rest", priorityClassName="none"), "PriorityClass"),
    "secret_missing": Fault("KFM0244", _one("grpc", **_MINE), "my-database", remedy=[_SECRET]),
    "secret_incomplete": Fault(
        "KFM0245",
        _with(_thing("Secret", "my-database", stringData={"MYSQL_USERNAME": "x"}), part="grpc", **_MINE),
        remedy=[_SECRET],
    ),
    "config_map_missing": Fault(
        "KFM0246", _one("rest", **_volume("schemas", configMap={"name": "schemas"})), "schemas"
    ),
    "config_map_incomplete": Fault(
        "KFM0247",
        _with(
            _thing("ConfigMap", "schemas", data={"other.json": "{}"}),
            container={
                "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "schemas", "key": "model.json"}}}]
            },
        ),
        "model",
    ),
    "secret_lost": Fault("KFM0248", _database, "/credentials/password"),
    "mount": Fault("KFM0209", _one("rest", **_volume("x", nfs={"server": "127.0.0.1", "path": "/none"})), "mount"),
    "evicted_before": Fault(
        "KFM0253",
        _one("rest", **_volume("full", emptyDir={"sizeLimit": "1Mi"})),
        "EmptyDir volume",
        after=_fill_volume,
    ),
    "stuck_termination": Fault("KFM0252", _one("rest"), "example.com/hold", after=_delete_held_pod),
}
# Faults whose namespace is as strict as ours should be.
STRICT = {"pod_security"}


def of_the_cluster() -> list[Object]:
    """Objects without a namespace that faults need: classes of storage, a policy, a webhook."""
    marked = {"matchLabels": {MARK: "webhook_away"}}
    pods = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    return [
        _thing(
            "StorageClass",
            "fault-nobody",
            "storage.k8s.io/v1",
            provisioner="nobody.example.com",
            volumeBindingMode="Immediate",
        ),
        _thing(
            "StorageClass",
            "fault-no-path",
            "storage.k8s.io/v1",
            provisioner="rancher.io/local-path",
            volumeBindingMode="WaitForFirstConsumer",
            parameters={"nodePath": "/no/such/path"},
        ),
        _thing(
            "ValidatingAdmissionPolicy",
            "fault-denies",
            "admissionregistration.k8s.io/v1",
            spec={
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": pods},
                "validations": [{"expression": "false", "message": "not in this namespace"}],
            },
        ),
        _thing(
            "ValidatingAdmissionPolicyBinding",
            "fault-denies",
            "admissionregistration.k8s.io/v1",
            spec={
                "policyName": "fault-denies",
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": {"matchLabels": {MARK: "webhook_denies"}}},
            },
        ),
        _thing(
            "ValidatingWebhookConfiguration",
            "fault-away",
            "admissionregistration.k8s.io/v1",
            webhooks=[
                {
                    "name": "fault.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "timeoutSeconds": 1,
                    "failurePolicy": "Fail",
                    "namespaceSelector": marked,
                    "rules": [{**pods[0], "scope": "*"}],
                    "clientConfig": {"service": {"namespace": "default", "name": "none", "path": "/"}},
                }
            ],
        ),
    ]
