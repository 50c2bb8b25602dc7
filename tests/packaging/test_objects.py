"""What is true of the objects of every configuration, as kustomize makes them; the chart makes the same."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest

from kubeflow_metadata.installer.catalog import MYSQL, server_reference
from kubeflow_metadata.installer.model import variables
from kubeflow_metadata.parts import SERVERS
from tests.support.packaging.quantities import cpu, memory
from tests.support.packaging.rendered import Rendered
from tests.support.packaging.rendering import Object, pod_spec

# The oldest that is supported, and the newest ones that there are schemas of.
KUBERNETES_VERSIONS = [
    "1.28",
    *sorted(
        {version.rpartition(".")[0] for version in kubernetes_validate.utils.all_versions()},
        key=lambda v: int(v.partition(".")[2]),
    )[-3:],
]

# Kinds of other projects, which Kubernetes' own schemas do not have.
FOREIGN = {"AuthorizationPolicy", "DestinationRule", "HTTPRoute", "PrometheusRule", "ServiceMonitor", "VirtualService"}

FIXED_NAMES = {
    ("Service", "metadata-db"): 3306,
    ("Service", "metadata-grpc-service"): 8080,
    ("Service", "metadata-service"): 8080,
    ("Service", "metadata-envoy-service"): 9090,
    ("Service", "metadata-ui"): 80,
    ("StatefulSet", "metadata-db"): None,
    ("Deployment", "metadata-grpc-deployment"): None,
    ("Deployment", "metadata-deployment"): None,
    ("Deployment", "metadata-ui"): None,
    ("PersistentVolumeClaim", "metadata-mysql"): None,
    ("Secret", "metadata-db-secrets"): None,
    ("ConfigMap", "metadata-db-parameters"): None,
    ("ConfigMap", "metadata-grpc-configmap"): None,
}


def named(objects: list[Object], kind: str, name: str) -> Object:
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{kind} {name}"
    return found[0]


def containers(spec: Object) -> list[Object]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def restricted_violations(spec: Object) -> list[str]:
    """Where a pod leaves Kubernetes' Pod Security Standard `restricted`."""
    pod = spec.get("securityContext", {})
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    found += [f"volume {each['name']}" for each in spec.get("volumes", []) if not (each.keys() - {"name"}) <= allowed]
    for each in containers(spec):
        own = each.get("securityContext", {})
        both = {**pod, **own}
        wrong = {
            "privileged": own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "capabilities": own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"),
            "runAsNonRoot": both.get("runAsNonRoot") is not True,
            "runAsUser": both.get("runAsUser") == 0,
            "seccompProfile": both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
            "procMount": own.get("procMount", "Default") != "Default",
            "hostPort": any(port.get("hostPort") for port in each.get("ports", [])),
        }
        found += [f"{name} of {each['name']}" for name, is_wrong in wrong.items() if is_wrong]
    return found


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_they_are_valid_in_kubernetes(version, distinct):
    checked = 0
    for each in distinct:
        if each["kind"] not in FOREIGN:
            kubernetes_validate.validate(each, version, strict=True)
            checked += 1
    assert checked > 100


def test_pods_keep_to_the_restricted_standard_and_more(distinct):
    specs = [(each["metadata"]["name"], spec) for each in distinct if (spec := pod_spec(each))]
    assert len(specs) > 50
    for name, spec in specs:
        assert restricted_violations(spec) == [], name
        # On OpenShift there is none: uids are the namespace's.
        assert spec["securityContext"].get("runAsUser", 65532) > 10_000
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        for each in containers(spec):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            for kind in ("requests", "limits"):
                assert each["resources"][kind].keys() == {"cpu", "memory", "ephemeral-storage"}


def test_only_the_init_container_of_mysql_has_a_token(rendered):
    for each in rendered:
        for made in each.kustomize:
            if made["kind"] == "ServiceAccount":
                assert made["automountServiceAccountToken"] is False
            spec = pod_spec(made) or {"containers": []}
            tokens = {
                volume["name"]
                for volume in spec.get("volumes", [])
                if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", []))
            }
            mounting = [c["name"] for c in containers(spec) for m in c.get("volumeMounts", []) if m["name"] in tokens]
            assert mounting == (["secret"] if made["kind"] == "StatefulSet" else [])


def test_servers_have_startup_liveness_and_readiness_probes(distinct):
    for each in distinct:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            for container in each["spec"]["template"]["spec"]["containers"]:
                assert container.keys() >= {"startupProbe", "livenessProbe", "readinessProbe"}
                if container["name"] == "grpc":
                    probed = [
                        container[f"{kind}Probe"]["grpc"]["service"] for kind in ("startup", "liveness", "readiness")
                    ]
                    assert probed == ["liveness", "liveness", "readiness"]


def selectors(node: Any, inside: bool = False) -> list[dict[str, str]]:
    """All labels by which something of ours is selected."""
    if isinstance(node, list):
        return [found for each in node for found in selectors(each, inside)]
    if not isinstance(node, dict):
        return []
    found = []
    for key, value in node.items():
        if key in {"selector", "podSelector", "labelSelector"} and isinstance(value, dict):
            labels = value.get("matchLabels", value)
            if all(isinstance(text, str) for text in labels.values()):
                found.append(labels)
        found += selectors(value, inside)
    return found


def test_recommended_labels_are_everywhere_and_never_select(rendered):
    recommended = {f"app.kubernetes.io/{name}" for name in ("name", "instance", "version", "component", "part-of")}
    for each in rendered:
        for made in each.kustomize:
            assert made["metadata"]["labels"].keys() >= recommended, made["metadata"]["name"]
            for labels in selectors(made["spec"]) if "spec" in made else []:
                assert not recommended & labels.keys(), made["metadata"]["name"]


def test_selectors_never_change(rendered):
    """They are immutable: with another one, an upgrade would be refused."""
    seen: dict[str, Any] = {}
    for each in rendered:
        for made in each.kustomize:
            if made["kind"] in {"Deployment", "StatefulSet"}:
                kept = {
                    name: made["spec"].get(name)
                    for name in ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates")
                }
                assert seen.setdefault(made["metadata"]["name"], kept) == kept


def test_names_that_clients_know_are_there(defaults):
    for (kind, name), port in FIXED_NAMES.items():
        found = named(defaults, kind, name)
        if port:
            assert found["spec"]["ports"][0]["port"] == port
    address = named(defaults, "ConfigMap", "metadata-grpc-configmap")["data"]
    assert address == {"METADATA_GRPC_SERVICE_HOST": "metadata-grpc-service", "METADATA_GRPC_SERVICE_PORT": "8080"}


def test_images_are_those_that_the_installer_builds_and_names(defaults):
    images = {each["image"] for made in defaults if (spec := pod_spec(made)) for each in containers(spec)}
    assert images == {server_reference(), MYSQL}


def test_a_digest_pins_the_image(rendered):
    for each in rendered:
        digest = each.configuration.values.get("images", {}).get("server", {}).get("digest")
        if digest:
            for made in each.kustomize:
                for container in containers(pod_spec(made) or {"containers": []}):
                    assert container["name"] == "mysql" or container["image"].endswith(f"@{digest}")


def test_the_defaults_ask_for_little(defaults):
    asked = [
        container["resources"]["requests"]
        for made in defaults
        if made["kind"] in {"Deployment", "StatefulSet"}
        for container in made["spec"]["template"]["spec"]["containers"]
    ]
    assert sum(cpu(each["cpu"]) for each in asked) <= 0.3
    assert sum(memory(each["memory"]) for each in asked) <= 900 * 2**20


def test_every_host_that_a_server_is_told_is_a_service_of_ours(rendered):
    for each in rendered:
        if each.configuration.values.get("besideKfp", {}).get("enabled"):
            continue
        services = {made["metadata"]["name"] for made in each.kustomize if made["kind"] == "Service"}
        for made in each.kustomize:
            for container in containers(pod_spec(made) or {"containers": []}):
                told = " ".join(
                    [str(item.get("value")) for item in container.get("env", [])] + container.get("args", [])
                )
                assert set(re.findall(r"\bmetadata-[a-z-]*(?:db|service|ui)\b(?!-)", told)) <= services | {
                    "metadata-db-secrets"
                }


def test_every_variable_that_a_server_is_given_is_one_of_its_flags(distinct):
    """Another one would be ignored in silence."""
    checked = set()
    for made in distinct:
        for container in containers(pod_spec(made) or {"containers": []}):
            server = next((server for server in SERVERS if server.container == container["name"]), None)
            if server:
                names = {item["name"] for item in container["env"] if item["name"].startswith("KFM_")}
                assert names <= set(variables.known()[server.environment])
                checked |= names
    assert len(checked) > 30


def several(rendered: Rendered) -> set[str]:
    values = rendered.configuration.values
    autoscaled = values.get("highAvailability", {}).get("enabled")
    asked = {each.name for each in SERVERS if autoscaled or values.get(each.settings, {}).get("replicas", 1) > 1}
    return asked - ({"grpc"} if values.get("besideKfp", {}).get("enabled") else set())


def test_several_pods_are_spread_and_never_all_evicted(rendered):
    for each in rendered:
        budgets = {
            m["metadata"]["labels"]["metadata.kubeflow.org/part"]
            for m in each.kustomize
            if m["kind"] == "PodDisruptionBudget"
        }
        spread = {
            made["metadata"]["labels"]["metadata.kubeflow.org/part"]
            for made in each.kustomize
            if made["kind"] == "Deployment" and "topologySpreadConstraints" in made["spec"]["template"]["spec"]
        }
        assert budgets == several(each), str(each)
        if not each.configuration.values.get("scheduling", {}).get("topologySpreadConstraints"):
            assert spread == several(each), str(each)


def test_without_its_own_mysql_nothing_of_it_is_left(rendered):
    for each in rendered:
        values = each.configuration.values
        if any(values.get(name, {}).get("enabled") for name in ("externalMysql", "besideKfp")):
            parts = {made["metadata"]["labels"]["metadata.kubeflow.org/part"] for made in each.kustomize}
            assert "db" not in parts
            assert not [
                made for made in each.kustomize if made["kind"] in {"PersistentVolumeClaim", "StatefulSet", "Role"}
            ]


def test_no_object_carries_a_password(rendered):
    for each in rendered:
        for made in each.kustomize:
            if made["kind"] == "Secret":
                assert not made.keys() & {"data", "stringData"}, "applied again, it would empty the one in the cluster"
            for container in containers(pod_spec(made) or {"containers": []}):
                for item in container.get("env", []):
                    assert "PASSWORD" not in item["name"] or item["name"].endswith("_FILE")
                    assert not re.search(r"password=", str(item.get("value", "")), re.IGNORECASE)


def test_what_holds_data_is_kept_by_gitops_tools(rendered):
    for each in rendered:
        for made in each.kustomize:
            if made["kind"] in {"Secret", "PersistentVolumeClaim"}:
                annotations = made["metadata"]["annotations"]
                assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
                assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


def test_the_init_container_may_get_and_fill_its_secret_and_nothing_else(rendered):
    for each in rendered:
        for made in each.kustomize:
            if made["kind"] != "Role":
                continue
            theirs = each.configuration.values.get("mysql", {}).get("existingSecret")
            (rule,) = made["rules"]
            assert rule == {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [str(theirs or "metadata-db-secrets")],
                "verbs": ["get"] if theirs else ["get", "patch"],
            }
            shipped = [m["metadata"]["name"] for m in each.kustomize if m["kind"] == "Secret"]
            assert shipped == ([] if theirs else ["metadata-db-secrets"])
