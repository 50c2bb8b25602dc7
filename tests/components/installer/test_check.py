"""``check``: what it says about clusters that are well, and about those that are not, with what to do."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import exit_codes, kinds
from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster import dashboard
from kubeflow_metadata.installer.cluster.checks import (
    codes,
    connection,
    installation,
    permissions,
    probe,
    reads,
    report,
    rights,
    running,
)
from kubeflow_metadata.installer.cluster.checks.report import Shown
from kubeflow_metadata.installer.cluster.checks.result import Severity, exit_code
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.checks.workloads import number, written
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.engines.helm import Helm
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.cluster.port import ForbiddenError, UnreachableError
from kubeflow_metadata.installer.cluster.state import revisions
from kubeflow_metadata.installer.local.state import DataDir
from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import check_local
from kubeflow_metadata.installer.verbs.check import Wanted, check
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.mlmd.errors import Reason
from kubeflow_metadata.parts import UI
from tests.support.checkout import ROOT
from tests.support.fake_cluster import FakeClock, FakeCluster, pod, workload

MANIFESTS = ROOT / "manifests" / "metadata"
PART = "metadata.kubeflow.org/part"
SERVER_IMAGE = "docker.io/library/kubeflow-metadata-server:0.1.0"
READ_VERBS, WRITE_VERBS = ("get", "list"), ("create", "patch", "update", "delete", "escalate", "bind")


def manifests(*folders):
    """The objects as they lie in the manifests, in the namespace of the fake cluster."""
    files = [file for folder in folders for file in sorted((MANIFESTS / folder).glob("*.yaml"))]
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text()) if isinstance(each, dict)]
    objects = [each for each in documents if each.get("kind") not in {None, "Kustomization", "Component"}]
    return [{**each, "metadata": {**each["metadata"], "namespace": "kubeflow"}} for each in objects]


OBJECTS = manifests("base", "components/smoke")


class StubEngine(Kustomize):
    """Makes the same objects of all settings, without any program."""

    def __init__(self, objects):
        self.made = objects

    def objects(self, cluster, settings):
        del cluster, settings
        if isinstance(self.made, UserError):
            raise self.made
        return [json.loads(json.dumps(each)) for each in self.made]


def node(name="node-1", *, cpu="4", memory="8Gi", images=(SERVER_IMAGE,), labels=None, **spec):
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "100Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [{"names": [image]} for image in images],
        },
    }


def storage_class(name="standard", *, default=True, provisioner="rancher.io/local-path"):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def secret(name, /, kind="Opaque", **data):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name}, "type": kind, "data": encoded}


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """The versions of programs, whatever is installed here."""
    versions = {"kustomize": "v5.8.1", "helm": "v4.0.0"}
    monkeypatch.setattr(connection, "version_of", lambda command: versions.get(command[0]))
    return versions


@pytest.fixture
def cluster():
    """One on which everything is as it should be."""
    made = FakeCluster()
    made.address = "https://cluster.example.com:6443"
    made.add({"kind": "Namespace", "metadata": {"name": "kubeflow"}, "status": {"phase": "Active"}})
    made.add(node())
    made.add(storage_class())
    return made


def before(cluster, objects=OBJECTS, **values):
    subject = Subject(cluster, settings_of(values), StubEngine(objects), FakeClock())
    return running.run(subject, running.BEFORE)


def after(cluster, **values):
    subject = Subject(cluster, settings_of(values), StubEngine([]), FakeClock())
    return running.run(subject, running.AFTER)


def of(check, results):
    return [each for each in results if each.code == check.code]


def only(check, results):
    (result,) = of(check, results)
    return result


def bad(results):
    return {each.code: each for each in results if each.severity is not Severity.OK}


class TestBefore:
    def test_a_good_cluster_passes_and_is_left_as_it_was(self, cluster):
        untouched = json.dumps(sorted(map(str, cluster.objects.items())))
        results = before(cluster)

        assert bad(results) == {}
        assert exit_code(results) == exit_codes.OK
        assert json.dumps(sorted(map(str, cluster.objects.items()))) == untouched
        assert cluster.applied == []

    def test_without_an_api_server_nothing_else_is_said(self, cluster, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://somebody:secret@proxy:3128")
        monkeypatch.setattr(cluster, "version", lambda: (_ for _ in ()).throw(UnreachableError("no answer")))
        results = before(cluster)

        assert [each.code for each in results] == ["KFM0101"]
        assert results[0].severity is Severity.FAILED
        assert "NO_PROXY" in results[0].hint
        assert "secret" not in results[0].hint

    def test_an_old_cluster_fails(self, cluster, monkeypatch):
        monkeypatch.setattr(cluster, "version", lambda: "v1.27.9-eks")

        assert only(codes.VERSION, before(cluster)).severity is Severity.FAILED

    def test_a_certificate_that_is_not_verified_is_a_warning(self, cluster):
        cluster.verifies_certificate = False

        assert only(codes.CERTIFICATE, before(cluster)).severity is Severity.WARNING

    def test_the_password_of_a_proxy_is_not_shown(self, cluster):
        cluster.proxy, cluster.address = "http://somebody:secret@proxy:3128", "https://10.0.0.7:6443"
        result = only(codes.PROXY, before(cluster))

        assert result.severity is Severity.WARNING
        assert "http://proxy:3128" in result.sentence
        assert "secret" not in result.sentence + result.hint
        assert result.hint.endswith("NO_PROXY=10.0.0.7")

    def test_a_program_that_is_too_old_is_named_with_the_version_to_install(self, cluster, programs):
        programs["kustomize"] = "v4.5.7"
        result = only(codes.PROGRAMS, before(cluster))

        assert result.severity is Severity.FAILED
        assert "kustomize v4.5.7 is too old" in result.sentence
        assert "kustomize 5.0" in result.hint

    def test_without_kustomize_kubectl_does(self, cluster, programs):
        del programs["kustomize"]
        programs["kubectl"] = "v1.34.1"

        assert only(codes.PROGRAMS, before(cluster)).sentence.startswith("kubectl v1.34.1 makes 25 objects")

    def test_objects_that_cannot_be_made_are_one_failure_and_no_crash(self, cluster):
        results = before(cluster, UserError("Neither kustomize nor kubectl is installed.", hint="Install one."))

        assert only(codes.PROGRAMS, results).severity is Severity.FAILED
        assert only(codes.PROGRAMS, results).hint == "Install one."


class TestPermissions:
    def role(self, cluster, name):
        """Takes from the fake cluster what Kubernetes' own role of that name lacks."""
        everything = {each.name for each in kinds.KINDS} | {"Pod", "Event", "Lease", "ReplicaSet", "EndpointSlice"}
        everything |= {"ResourceQuota", "LimitRange", "Node", "StorageClass", "PersistentVolume"}
        beyond = {"Node", "StorageClass", "PersistentVolume"}
        lacking = {(verb, kind) for kind in beyond for verb in (*READ_VERBS, *WRITE_VERBS)}
        lacking |= {("list", "Pod/everywhere"), ("create", "Namespace")}
        if name != "admin":
            lacking |= {(verb, kind) for kind in ("Role", "RoleBinding") for verb in (*READ_VERBS, *WRITE_VERBS)}
        if name == "view":
            lacking |= {(verb, kind) for kind in everything for verb in WRITE_VERBS}
            lacking |= {("get", "Secret"), ("list", "Secret"), ("create", "Pod/portforward")}
        cluster.forbidden |= lacking

    def test_admin_is_enough(self, cluster):
        self.role(cluster, "admin")
        results = before(cluster)

        assert {each.severity for each in results} == {Severity.OK, Severity.UNKNOWN}
        assert exit_code(results) == exit_codes.INCONCLUSIVE
        # What lies beyond the namespace may not be read.
        assert set(bad(results)) == {"KFM0131", "KFM0141", "KFM0151"}

    def test_edit_lacks_roles_and_says_so(self, cluster):
        self.role(cluster, "edit")
        results = before(cluster)
        result = only(codes.INSTALL_RIGHTS, results)

        assert exit_code(results) == exit_codes.FAILED
        assert result.severity is Severity.FAILED
        assert result.details.splitlines() == [
            "rolebindings.rbac.authorization.k8s.io: create, delete, get, list, patch",
            "roles.rbac.authorization.k8s.io: create, delete, get, list, patch",
        ]
        assert "check --pre --context fake -n kubeflow --print-role" in result.hint

    def test_view_reads_what_it_may_and_breaks_nowhere(self, cluster):
        self.role(cluster, "view")
        results = before(cluster)

        assert only(codes.INSTALL_RIGHTS, results).severity is Severity.FAILED
        assert only(codes.READ_RIGHTS, results).severity is Severity.UNKNOWN
        assert only(codes.QUOTA, results).severity is Severity.OK
        assert only(codes.DRY_RUN, results).severity is Severity.UNKNOWN
        assert not [each for each in results if "Traceback" in each.details]

    def test_what_a_role_hands_out_is_needed_too(self, cluster):
        cluster.forbidden |= {("patch", "Secret"), ("escalate", "Role"), ("bind", "Role")}
        result = only(codes.GRANTED_RIGHTS, before(cluster))

        assert result.severity is Severity.FAILED
        assert result.details == "secrets metadata-db-secrets: patch"

    def test_who_may_escalate_and_bind_may_hand_out_anything(self, cluster):
        cluster.forbidden |= {("patch", "Secret")}

        assert only(codes.GRANTED_RIGHTS, before(cluster)).severity is Severity.OK

    def test_the_role_to_ask_for_has_what_is_missing_and_no_more(self, cluster):
        self.role(cluster, "edit")
        cluster.reviews["SelfSubjectReview"] = {"userInfo": {"username": "system:serviceaccount:ci:installer"}}
        role, binding = yaml.safe_load_all(
            permissions.role_to_ask_for(Subject(cluster, settings_of({}), StubEngine(OBJECTS)))
        )

        assert role["metadata"]["namespace"] == "kubeflow"
        assert role["rules"] == [
            {
                "apiGroups": ["rbac.authorization.k8s.io"],
                "resources": ["rolebindings", "roles"],
                "verbs": ["create", "delete", "get", "list", "patch"],
            }
        ]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "installer", "namespace": "ci"}]

    def test_nothing_missing_is_no_role(self, cluster):
        assert permissions.role_to_ask_for(Subject(cluster, settings_of({}), StubEngine(OBJECTS))) == ""

    def test_what_the_rules_of_the_identity_allow_is_not_asked_one_by_one(self, cluster, monkeypatch):
        cluster.reviews["SelfSubjectRulesReview"] = {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*", "*/log", "pods/portforward"]}]
        }
        monkeypatch.setattr(cluster, "allows", lambda *_args, **_options: pytest.fail("asked"))

        assert permissions.role_to_ask_for(Subject(cluster, settings_of({}), StubEngine(OBJECTS))) == ""

    def test_a_rule_for_other_names_allows_nothing(self, cluster):
        cluster.reviews["SelfSubjectRulesReview"] = {
            "resourceRules": [
                {"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["another"]}
            ]
        }
        cluster.forbidden |= {("get", "Secret")}

        assert "secrets" in only(codes.INSTALL_RIGHTS, before(cluster)).details

    def test_every_kind_that_is_installed_is_asked_for(self):
        objects = [{"apiVersion": each.api_version, "kind": each.name} for each in kinds.OURS]
        asked = {(each.kind, each.verb) for each in rights.to_install(objects)}

        assert {(each.name, verb) for each in kinds.OURS for verb in ("create", "patch", "delete")} <= asked


class TestNamespace:
    def test_one_that_is_missing_can_be_created(self, cluster):
        cluster.delete("v1", "Namespace", "kubeflow")
        results = before(cluster)

        assert only(codes.NAMESPACE_STATE, results).severity is Severity.OK
        assert "not checked" in only(codes.DRY_RUN, results).sentence
        assert exit_code(results) == exit_codes.OK

    def test_one_that_is_missing_and_may_not_be_created_fails(self, cluster):
        cluster.delete("v1", "Namespace", "kubeflow")
        cluster.forbidden.add(("create", "Namespace"))
        result = only(codes.NAMESPACE_STATE, before(cluster))

        assert result.severity is Severity.FAILED
        assert result.hint.endswith("kubectl --context fake -n kubeflow create namespace kubeflow")

    def test_one_that_is_terminating_fails_with_what_holds_it(self, cluster):
        condition = {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances"}
        cluster.objects["Namespace", "kubeflow"]["status"] = {"phase": "Terminating", "conditions": [condition]}
        result = only(codes.NAMESPACE_STATE, before(cluster))

        assert result.severity is Severity.FAILED
        assert "has 1 resource instances" in result.details

    def test_pods_that_admission_rejects_are_named_with_the_reason(self, cluster):
        cluster.rejected["metadata-ui-check"] = 'violates PodSecurity "restricted:latest": runAsNonRoot != true'
        result = only(codes.POD_SECURITY, before(cluster))

        assert result.severity is Severity.FAILED
        assert result.details.startswith("metadata-ui: violates PodSecurity")

    def test_without_the_permission_to_try_the_level_of_the_namespace_counts(self, cluster):
        cluster.forbidden.add(("create", "Pod"))
        level = {"pod-security.kubernetes.io/enforce": "restricted"}
        cluster.objects["Namespace", "kubeflow"]["metadata"]["labels"] = level

        assert only(codes.POD_SECURITY, before(cluster)).severity is Severity.OK
        root = {"securityContext": {"runAsUser": 0}}
        assert only(codes.POD_SECURITY, before(cluster, pods=root)).severity is Severity.UNKNOWN


class TestQuota:
    def quota(self, hard, used=None, **spec):
        return {
            "kind": "ResourceQuota",
            "metadata": {"name": "team"},
            "spec": {"hard": hard, **spec},
            "status": {"hard": hard, "used": used or {}},
        }

    def test_what_is_asked_and_what_is_left_is_said(self, cluster):
        cluster.add(self.quota({"requests.memory": "1Gi", "pods": "10"}, {"requests.memory": "512Mi"}))
        result = only(codes.QUOTA, before(cluster))

        assert result.severity is Severity.FAILED
        assert result.details == "team: requests.memory: asked 928Mi, left 512Mi of 1Gi"

    @pytest.mark.parametrize(
        ("resource", "most"),
        [
            ("cpu", "200m"),
            ("limits.cpu", "2"),
            ("memory", "500Mi"),
            ("requests.ephemeral-storage", "10Mi"),
            ("pods", "3"),
            ("count/deployments.apps", "2"),
            ("persistentvolumeclaims", "0"),
            ("requests.storage", "5Gi"),
            ("services", "2"),
        ],
    )
    def test_every_resource_counts(self, cluster, resource, most):
        cluster.add(self.quota({resource: most}))

        assert only(codes.QUOTA, before(cluster)).details.startswith(f"team: {resource}: asked ")

    def test_what_is_installed_already_counts_once(self, cluster):
        for each in OBJECTS:
            cluster.add(each)
        cluster.add(
            self.quota({"services": "5", "requests.storage": "10Gi"}, {"services": "5", "requests.storage": "10Gi"})
        )

        assert only(codes.QUOTA, before(cluster)).severity is Severity.OK

    @pytest.mark.parametrize("scope", ["BestEffort", "Terminating"])
    def test_quotas_of_other_pods_do_not_count(self, cluster, scope):
        cluster.add(self.quota({"pods": "0"}, scopes=[scope]))

        assert only(codes.QUOTA, before(cluster)).severity is Severity.OK

    def test_a_quota_of_another_priority_does_not_count(self, cluster):
        term = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
        cluster.add(self.quota({"pods": "0"}, scopeSelector={"matchExpressions": [term]}))

        assert only(codes.QUOTA, before(cluster)).severity is Severity.OK
        mine = before(cluster, scheduling={"priorityClass": "high"})
        assert only(codes.QUOTA, mine).severity is Severity.FAILED

    @pytest.mark.parametrize(
        ("limit", "words"),
        [
            ({"type": "Container", "max": {"memory": "600Mi"}}, "container mysql of metadata-db: memory: limit 768Mi"),
            ({"type": "Container", "min": {"cpu": "60m"}}, "container rest of metadata-deployment: cpu: requested 50m"),
            ({"type": "Container", "maxLimitRequestRatio": {"cpu": "10"}}, "more than 10 times its request"),
            ({"type": "Pod", "max": {"cpu": "1500m"}}, "pod of metadata-db: cpu: limit 2, at most 1500m"),
            ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, "claim metadata-mysql: storage: limit 10Gi"),
        ],
    )
    def test_limit_ranges_name_what_is_outside(self, cluster, limit, words):
        cluster.add({"kind": "LimitRange", "metadata": {"name": "team"}, "spec": {"limits": [limit]}})
        result = only(codes.LIMIT_RANGE, before(cluster))

        assert result.severity is Severity.FAILED
        assert words in result.details

    def test_amounts_are_written_as_people_do(self):
        assert written("cpu", number("250m")) == "250m"
        assert written("requests.cpu", number("20")) == "20"
        assert written("memory", number("1.5Gi")) == "1.5Gi"
        assert written("requests.storage", number("10Gi")) == "10Gi"
        assert written("pods", number("3")) == "3"


class TestNodes:
    def running(self, memory, namespace="other"):
        resources = {"requests": {"cpu": "100m", "memory": memory}}
        return {
            "metadata": {"name": "busy", "namespace": namespace, "labels": {}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "x", "resources": resources}]},
            "status": {"phase": "Running"},
        }

    def test_pods_that_do_not_fit_are_named_with_what_there_is(self, cluster):
        cluster.pods["busy"] = self.running("7800Mi")
        result = only(codes.NODE_ROOM, before(cluster))

        assert result.severity is Severity.FAILED
        assert "asks for" in result.sentence
        assert "392Mi memory free" in result.sentence

    def test_small_nodes_are_filled_one_by_one(self, cluster):
        cluster.add(node(memory="400Mi"))
        assert only(codes.NODE_ROOM, before(cluster)).severity is Severity.FAILED
        for number_ in range(2, 5):
            cluster.add(node(f"node-{number_}", memory="400Mi"))

        assert only(codes.NODE_ROOM, before(cluster)).severity is Severity.OK

    def test_nodes_without_readable_pods_are_unknown(self, cluster):
        cluster.forbidden.add(("list", "Pod/everywhere"))

        assert only(codes.NODE_ROOM, before(cluster)).severity is Severity.UNKNOWN

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"unschedulable": True}, "cordoned"),
            ({"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}, "has the taint gpu=yes:NoSchedule"),
        ],
    )
    def test_nodes_that_take_no_pods_say_why(self, cluster, change, reason):
        cluster.add(node(**change))
        result = only(codes.NODE_ROOM, before(cluster))

        assert result.severity is Severity.FAILED
        assert reason in result.details

    @pytest.mark.parametrize(
        "toleration",
        [
            {"operator": "Exists"},
            {"key": "gpu", "operator": "Exists"},
            {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
        ],
    )
    def test_tolerated_taints_do_not_matter(self, cluster, toleration):
        cluster.add(node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]))
        objects = json.loads(json.dumps(OBJECTS))
        for each in objects:
            if "template" in each.get("spec", {}):
                each["spec"]["template"]["spec"]["tolerations"] = [toleration]

        assert only(codes.NODE_ROOM, before(cluster, objects)).severity is Severity.OK


class TestStorage:
    def with_class(self, name):
        objects = json.loads(json.dumps(OBJECTS))
        for each in objects:
            if each["kind"] == "PersistentVolumeClaim":
                each["spec"]["storageClassName"] = name
        return objects

    def test_a_class_that_does_not_exist_is_named_with_those_that_do(self, cluster):
        results = before(cluster, self.with_class("fast"), mysql={"storage": {"storageClass": "fast"}})
        result = only(codes.STORAGE_CLASS, results)

        assert result.severity is Severity.FAILED
        assert result.sentence == "There is no StorageClass fast; there is: standard."
        assert "--context fake -n kubeflow --set mysql.storage.storageClass=NAME" in result.hint
        assert of(codes.VOLUME, results) == []

    def test_a_cluster_without_a_default_class_fails(self, cluster):
        cluster.add(storage_class(default=False))

        assert "no default StorageClass" in only(codes.STORAGE_CLASS, before(cluster)).sentence

    def test_a_class_that_nothing_provisions_needs_a_volume(self, cluster):
        cluster.add(storage_class(provisioner="kubernetes.io/no-provisioner"))
        assert only(codes.VOLUME, before(cluster)).severity is Severity.FAILED
        spec = {"storageClassName": "standard", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "20Gi"}}
        cluster.add(
            {"kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec, "status": {"phase": "Available"}}
        )

        assert only(codes.VOLUME, before(cluster)).severity is Severity.OK

    def test_a_claim_that_is_bound_needs_no_class(self, cluster):
        cluster.delete("storage.k8s.io/v1", "StorageClass", "standard")
        claim = next(each for each in OBJECTS if each["kind"] == "PersistentVolumeClaim")
        cluster.add({**claim, "status": {"phase": "Bound"}})

        assert only(codes.VOLUME, before(cluster)).severity is Severity.OK


class TestImages:
    def test_our_image_on_no_node_fails_with_the_way_to_get_it_there(self, cluster):
        cluster.add(node(images=()))
        results = of(codes.IMAGE, before(cluster))
        failed = [each for each in results if each.severity is Severity.FAILED]

        assert [SERVER_IMAGE in each.sentence for each in failed] == [True]
        assert "images load" in failed[0].hint

    def test_a_node_that_reports_its_largest_images_only_proves_nothing(self, cluster):
        cluster.add(node(images=[f"registry.example.com/other:{number_}" for number_ in range(50)]))

        assert {each.severity for each in of(codes.IMAGE, before(cluster))} == {Severity.OK, Severity.UNKNOWN}

    @pytest.mark.parametrize(
        ("made", "severity", "words"),
        [
            (None, Severity.FAILED, "There is no Secret pull"),
            (secret("pull"), Severity.FAILED, "has the type Opaque"),
            (
                secret("pull", "kubernetes.io/dockerconfigjson", **{".dockerconfigjson": "{"}),
                Severity.FAILED,
                "no usable",
            ),
            (
                secret("pull", "kubernetes.io/dockerconfigjson", **{".dockerconfigjson": '{"auths": {"quay.io": {}}}'}),
                Severity.WARNING,
                "is for quay.io",
            ),
            (
                secret(
                    "pull",
                    "kubernetes.io/dockerconfigjson",
                    **{".dockerconfigjson": '{"auths": {"https://index.docker.io/v1/": {"auth": "c2VjcmV0"}}}'},
                ),
                Severity.OK,
                "is for docker.io",
            ),
        ],
    )
    def test_pull_secrets(self, cluster, made, severity, words):
        if made:
            cluster.add(made)
        result = only(codes.PULL_SECRETS, before(cluster, images={"pullSecrets": ["pull"]}))

        assert result.severity is severity
        assert words in result.sentence
        assert "c2VjcmV0" not in str(result)


class TestObjects:
    def test_kinds_that_are_missing_say_what_brings_them(self, cluster):
        cluster.unknown_kinds |= {"ServiceMonitor", "PrometheusRule"}
        monitoring = [
            {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": {"name": "m"}}
            for kind in ("PrometheusRule", "ServiceMonitor")
        ]
        result = only(codes.KINDS, before(cluster, [*OBJECTS, *monitoring]))

        assert result.severity is Severity.FAILED
        assert "lacks 2 kinds: PrometheusRule (monitoring.coreos.com/v1), ServiceMonitor" in result.sentence
        assert "Prometheus Operator" in result.hint

    def test_what_admission_rejects_is_named_with_its_words(self, cluster):
        cluster.rejected["metadata-ui"] = "admission webhook denied: no owner label"
        results = of(codes.DRY_RUN, before(cluster))

        assert "KFM0162" in bad(results)
        assert any("no owner label" in each.details for each in results)

    def test_what_only_waits_for_an_object_of_ours_is_not_rejected(self, cluster):
        cluster.rejected["metadata-db"] = 'roles.rbac.authorization.k8s.io "metadata-db" not found'

        assert only(codes.DRY_RUN, before(cluster)).severity is Severity.OK

    def test_names_of_kubeflow_pipelines_are_told_apart(self, cluster):
        labels = {"matchLabels": {"component": "metadata-grpc-server"}}
        made = workload("metadata-grpc-deployment", "x")
        made["spec"]["selector"] = labels
        cluster.add(made)
        result = only(codes.NAMES, before(cluster))

        assert result.severity is Severity.FAILED
        assert "--set besideKfp.enabled=true" in result.hint

    @pytest.mark.parametrize(
        ("labels", "annotations", "who"),
        [
            ({}, {"argocd.argoproj.io/tracking-id": "metadata:/Service"}, "Argo CD"),
            ({"kustomize.toolkit.fluxcd.io/name": "apps"}, {}, "Flux"),
            ({}, {"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "kubeflow"}, "release other"),
        ],
    )
    def test_objects_of_other_tools_are_named(self, cluster, labels, annotations, who):
        made = next(each for each in OBJECTS if each["kind"] == "Service")
        metadata = {**made["metadata"], "labels": {PART: "rest", **labels}, "annotations": annotations}
        cluster.add({**made, "metadata": metadata})
        result = only(codes.MANAGERS, before(cluster))

        assert result.severity is Severity.FAILED
        assert who in result.sentence

    def test_fields_of_others_are_a_warning(self, cluster):
        cluster.add(next(each for each in OBJECTS if each["metadata"]["name"] == "metadata-ui"))
        cluster.conflicts.add("metadata-ui")
        result = only(codes.MANAGERS, before(cluster))

        assert result.severity is Severity.WARNING
        assert "kubectl" in result.details


class TestReferences:
    def external(self):
        objects = manifests("base")
        return [each for each in objects if each["metadata"]["labels"][PART] != "db"]

    def test_a_secret_that_is_missing_is_named_with_its_keys(self, cluster):
        result = only(codes.REFERENCES, before(cluster, self.external()))

        assert result.severity is Severity.FAILED
        assert "metadata-db-secrets, which needs MYSQL_PASSWORD, MYSQL_USERNAME" in result.sentence
        assert "kubectl --context fake -n kubeflow create secret generic metadata-db-secrets" in result.hint

    def test_a_key_that_is_missing_or_empty_is_named(self, cluster):
        cluster.add(secret("metadata-db-secrets", MYSQL_USERNAME="me", MYSQL_PASSWORD=""))
        result = only(codes.REFERENCES, before(cluster, self.external()))

        assert result.sentence == "Secret metadata-db-secrets lacks MYSQL_PASSWORD."

    def test_a_complete_secret_passes_and_is_not_shown(self, cluster):
        cluster.add(secret("metadata-db-secrets", MYSQL_USERNAME="me", MYSQL_PASSWORD="hunter2"))
        result = only(codes.REFERENCES, before(cluster, self.external()))

        assert result.severity is Severity.OK
        assert "hunter2" not in str(result)


class TestAfter:
    def install(self, cluster):
        for part, name, kind in (
            ("db", "metadata-db", "StatefulSet"),
            ("grpc", "metadata-grpc-deployment", "Deployment"),
            ("rest", "metadata-deployment", "Deployment"),
            ("ui", "metadata-ui", "Deployment"),
        ):
            cluster.add(workload(name, part, ready=1, kind=kind))
        keys = dict.fromkeys(("MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD"), "x")
        cluster.add(secret("metadata-db-secrets", **keys))

    def test_nothing_installed_is_said_with_what_to_type(self, cluster):
        result = only(codes.CAUSES, after(cluster))

        assert result.severity is Severity.FAILED
        assert "check --pre --context fake -n kubeflow" in result.hint

    def test_a_secret_that_lacks_a_key_is_named(self, cluster):
        self.install(cluster)
        cluster.add(secret("metadata-db-secrets", MYSQL_USERNAME="me"))
        result = only(codes.SECRET, after(cluster))

        assert result.severity is Severity.FAILED
        assert "MYSQL_ROOT_PASSWORD, MYSQL_PASSWORD" in result.sentence

    def test_a_service_without_a_ready_pod_is_named(self, cluster):
        self.install(cluster)
        for name, ready in (("metadata-ui", True), ("metadata-service", False)):
            cluster.add(
                {"kind": "Service", "metadata": {"name": name, "labels": {PART: "x"}}, "spec": {"selector": {"a": "b"}}}
            )
            labels = {"kubernetes.io/service-name": name}
            ends = [{"conditions": {"ready": ready}}]
            cluster.add({"kind": "EndpointSlice", "metadata": {"name": name, "labels": labels}, "endpoints": ends})
        result = only(codes.ENDPOINTS, after(cluster))

        assert result.sentence == "No pod is ready behind metadata-service."

    def test_fields_that_somebody_has_changed_are_named_with_who_did(self, cluster):
        self.install(cluster)
        container = {'k:{"name":"ui"}': {"f:image": {}}}
        cluster.objects["Deployment", "metadata-ui"]["metadata"]["managedFields"] = [
            {
                "manager": "kubectl-edit",
                "operation": "Update",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": container}}}},
            },
            {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kubeflow-metadata-installer", "operation": "Apply", "fieldsV1": {"f:spec": {"f:x": {}}}},
        ]
        result = only(codes.DRIFT, after(cluster))

        assert result.severity is Severity.WARNING
        assert result.details == (
            'Deployment metadata-ui: spec.template.spec.containers[{"name":"ui"}].image (by kubectl-edit)'
        )

    def test_the_objects_as_they_were_applied_have_no_drift(self, cluster):
        self.install(cluster)

        assert only(codes.DRIFT, after(cluster)).severity is Severity.OK

    def test_what_up_would_change_back_is_named_where_the_settings_are_known(self, cluster):
        for each in OBJECTS:
            cluster.apply(each)
        subject = Subject(cluster, settings_of({}), StubEngine(OBJECTS), FakeClock(), knows_settings=True)
        assert next(installation.drift(subject)).severity is Severity.OK
        cluster.objects["Deployment", "metadata-ui"]["spec"]["replicas"] = 0
        (result,) = installation.drift(subject)

        assert result.severity is Severity.WARNING
        assert result.details.startswith("Deployment metadata-ui: spec.replicas")

    @pytest.fixture
    def answering(self, cluster, monkeypatch):
        """An installation whose pods are ready, and servers in their place; by path what these answer."""
        self.install(cluster)
        for part in ("grpc", "rest", "ui"):
            cluster.pods[part] = pod(part, part, conditions=[{"type": "Ready", "status": "True"}])
        answers = {
            "/": b'<div id="root"></div>',
            "/api/v1alpha1/artifact_types": b'{"artifact_types": [{}, {}]}',
            "/ml_metadata.MetadataStoreService/GetArtifactTypes": b"\x80\0\0\0\x10grpc-status: 0\r\n",
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path in answers else 503)
                self.end_headers()
                self.wfile.write(answers.get(self.path, b""))

            def do_POST(self):
                self.do_GET()

            def log_message(self, *_args):
                pass

        monkeypatch.setattr(reads, "has_grpc", lambda: False)
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            cluster.forwards_to = dict.fromkeys((3000, 8080, 9090), server.server_port)
            yield answers
            server.shutdown()
            thread.join()

    def test_each_server_is_read_once(self, cluster, answering):
        results = after(cluster)

        assert {each.severity for each in results if each.category == codes.ANSWERS} == {Severity.OK}
        assert cluster.forwarded == [("ui", 3000), ("rest", 8080), ("rest", 9090)]
        assert only(codes.REST_ANSWERS, results).sentence.endswith("2 types of artifacts.")

    def test_servers_that_do_not_read_the_store_fail(self, cluster, answering):
        answering["/"] = b"another page"
        del answering["/api/v1alpha1/artifact_types"]
        answering["/ml_metadata.MetadataStoreService/GetArtifactTypes"] = b"\x80\0\0\0\x10grpc-status: 14\r\n"
        results = after(cluster)

        assert {each.severity for each in results if each.category == codes.ANSWERS} == {Severity.FAILED}
        assert "503" in only(codes.REST_ANSWERS, results).sentence
        assert "status 14" in only(codes.GRPC_ANSWERS, results).sentence

    def test_without_the_permission_to_forward_ports_reads_are_unknown(self, cluster, answering, monkeypatch):
        def forbidden(*_args):
            raise ForbiddenError("Permission denied: cannot forward ports.")

        monkeypatch.setattr(cluster, "forward", forbidden)
        results = after(cluster)

        assert {each.severity for each in results if each.category == codes.ANSWERS} == {Severity.UNKNOWN}

    @pytest.mark.parametrize(("links", "severity"), [([dashboard.ENTRY], Severity.OK), ([], Severity.WARNING)])
    def test_a_dashboard_without_the_entry_is_a_warning(self, cluster, links, severity):
        self.install(cluster)
        assert of(codes.MENU_ENTRY, after(cluster)) == []
        data = {"links": json.dumps({"menuLinks": links})}
        cluster.add({"kind": "ConfigMap", "metadata": {"name": dashboard.CONFIG_MAP}, "data": data})

        assert only(codes.MENU_ENTRY, after(cluster)).severity is severity


class TestOutput:
    @pytest.fixture
    def bad_cluster(self, cluster, monkeypatch):
        cluster.forbidden |= {("list", "Node"), ("create", "Role"), ("create", "NetworkPolicy")}
        cluster.add(storage_class("slow", default=False))
        cluster.delete("storage.k8s.io/v1", "StorageClass", "standard")
        monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: cluster)
        monkeypatch.setattr(Kustomize, "objects", lambda *_args: json.loads(json.dumps(OBJECTS)))
        monkeypatch.setattr(Helm, "objects", lambda *_args: json.loads(json.dumps(OBJECTS)))
        return cluster

    def test_the_table_fits_a_terminal_and_keeps_commands_in_one_piece(self, bad_cluster):
        done = CliRunner().invoke(main, ["check", "--pre", "--engine=kustomize"])
        lines = done.stdout.splitlines()

        assert done.exit_code == exit_codes.FAILED
        assert all(len(line) <= 80 or line.lstrip().startswith("kubeflow-metadata ") for line in lines), done.stdout
        assert "Permissions" in lines
        assert any(line.startswith("  failed   KFM0111  ") for line in lines)
        assert any("check --pre --context fake -n kubeflow --print-role" in line for line in lines)
        assert lines[-1].endswith("2 failed, 2 unknown.")

    def test_short_has_only_what_is_not_right(self, bad_cluster):
        done = CliRunner().invoke(main, ["check", "--pre", "-o", "short", "--engine=kustomize"])
        lines = done.stdout.splitlines()

        assert {line.split()[0] for line in lines[:-1]} == {"failed", "unknown"}
        assert "KFM0141" in done.stdout
        assert "KFM0101" not in done.stdout

    def test_json_is_one_document(self, bad_cluster):
        done = CliRunner().invoke(main, ["check", "--pre", "-o", "json", "--engine=kustomize"])
        document = json.loads(done.stdout)

        assert document["passed"] is False
        assert document["counts"]["failed"] == 2
        failed = [each for each in document["checks"] if each["severity"] == "failed"]
        assert [each["code"] for each in failed] == ["KFM0111", "KFM0141"]
        assert failed[0]["docs"] == "docs/checks.md#kfm0111"

    def test_junit_counts_what_is_unknown_as_skipped(self, bad_cluster, tmp_path):
        file = tmp_path / "check.xml"
        CliRunner().invoke(main, ["check", "--pre", f"--junit={file}", "--engine=kustomize"])
        suite = ET.parse(file).getroot()

        assert suite.get("failures") == "2"
        assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))
        assert len(suite.findall("testcase/failure")) == 2

    def test_the_role_is_printed_alone(self, bad_cluster):
        done = CliRunner().invoke(main, ["check", "--pre", "--print-role", "--engine=kustomize"])
        role, binding = yaml.safe_load_all(done.stdout)

        assert done.exit_code == exit_codes.OK
        assert {resource for rule in role["rules"] for resource in rule["resources"]} == {"roles", "networkpolicies"}
        assert binding["subjects"][0]["name"] == "jane"

    def test_waiting_ends_as_soon_as_nothing_fails(self, bad_cluster, monkeypatch, capsys):
        clock = FakeClock()
        sleep = clock.sleep

        def heal(seconds):
            sleep(seconds)
            bad_cluster.forbidden -= {("create", "Role"), ("create", "NetworkPolicy")}
            bad_cluster.add(storage_class())

        monkeypatch.setattr(clock, "sleep", heal)
        wanted = Wanted(before=True, engine="kustomize", seconds=60)
        code = check(Target(), wanted, Shown(), Terminal(as_json=True), clock)

        assert code == exit_codes.INCONCLUSIVE
        assert clock.slept < 60
        assert json.loads(capsys.readouterr().out)["passed"] is True

    def test_waiting_is_over_at_the_deadline(self, bad_cluster):
        clock = FakeClock()
        wanted = Wanted(before=True, engine="kustomize", seconds=30)

        assert check(Target(), wanted, Shown(), Terminal(as_json=True), clock) == exit_codes.FAILED
        assert clock.slept >= 30

    def test_the_settings_of_the_last_up_hold(self, bad_cluster):
        revisions.begin(bad_cluster, "kustomize", {"images": {"pullSecrets": ["kept"]}}, [])
        done = CliRunner().invoke(main, ["check", "--pre", "-o", "short", "--engine=kustomize"])
        reset = CliRunner().invoke(main, ["check", "--pre", "-o", "short", "--engine=kustomize", "--reset-settings"])

        assert "There is no Secret kept" in done.stdout
        assert "There is no Secret kept" not in reset.stdout

    def test_a_cluster_out_of_reach_is_a_result_and_no_traceback(self, monkeypatch):
        def connect(_context, _namespace):
            raise UnreachableError("The cluster does not respond.", hint="Check that it is running.")

        monkeypatch.setattr(kubeconfig, "connect", connect)
        done = CliRunner().invoke(main, ["check"])

        assert done.exit_code == exit_codes.FAILED
        assert "KFM0101" in done.stdout
        assert "Traceback" not in done.output

    def test_every_command_of_a_hint_has_a_line_of_its_own(self):
        long = f"kubectl {'x' * 90} -n a"
        text = report.table([codes.IMAGE.failed("No.", f"On kind, run: {long}. With a registry, run: y push z. Done")])
        lines = [line.strip() for line in text.splitlines()]

        assert [line for line in lines if line in {long, "y push z"}] == [long, "y push z"]
        assert "With a registry, run:" in lines
        assert "Done." in lines

    def test_what_comes_from_the_cluster_cannot_act_on_the_terminal(self):
        text = report.table([codes.DRY_RUN.failed("a\x1b[2Jb", details="c\x07d")])

        assert "\x1b" not in text
        assert "\x07" not in text


class TestProbe:
    def subject(self, cluster):
        external = {"enabled": True, "host": "db.example.com", "tls": {"mode": "require"}}
        return Subject(cluster, settings_of({"externalMysql": external}), StubEngine(OBJECTS), FakeClock())

    def answer(self, cluster, message, exit_code_=1):
        state = {"terminated": {"exitCode": exit_code_, "message": message}}
        made = {
            "metadata": {"name": "p", "labels": {"batch.kubernetes.io/job-name": probe.NAME}},
            "status": {"containerStatuses": [{"name": "grpc", "state": state}]},
        }
        cluster.pods["p"] = made

    def test_what_the_server_says_becomes_a_sentence_with_what_to_do(self, cluster):
        self.answer(cluster, json.dumps({"reason": "access_denied", "message": "Access denied for user"}))
        result = probe.run(self.subject(cluster))

        assert result.severity is Severity.FAILED
        assert "metadb at db.example.com:3306" in result.sentence
        assert "metadata-db-secrets" in result.hint
        assert cluster.names("Job") == set()

    def test_a_database_that_is_well_passes(self, cluster):
        self.answer(cluster, json.dumps({"reason": "ok", "version": "8.4.0"}), 0)

        assert probe.run(self.subject(cluster)).severity is Severity.OK

    def test_the_job_is_gone_when_it_is_interrupted(self, cluster, monkeypatch):
        def interrupted(*_args):
            raise KeyboardInterrupt

        monkeypatch.setattr(cluster, "list", interrupted)
        with pytest.raises(KeyboardInterrupt):
            probe.run(self.subject(cluster))

        assert cluster.names("Job") == set()

    def test_a_job_that_never_starts_is_unknown(self, cluster):
        result = probe.run(self.subject(cluster))

        assert result.severity is Severity.UNKNOWN
        assert cluster.names("Job") == set()

    def test_every_reason_of_the_server_has_a_hint(self):
        assert {reason.value for reason in Reason} == set(probe.HINTS)

    def test_it_runs_as_the_server_does_but_takes_none_of_its_traffic(self):
        server = next(each for each in OBJECTS if each["metadata"]["name"] == "metadata-grpc-deployment")
        template = probe.job_like(server, "kubeflow")["spec"]["template"]
        (container,) = template["spec"]["containers"]
        original = server["spec"]["template"]["spec"]["containers"][0]

        assert container["env"] == original["env"]
        assert container["image"] == original["image"]
        assert container["securityContext"] == original["securityContext"]
        assert template["metadata"]["labels"][PART] == "probe"
        assert "serviceAccountName" not in template["spec"]


class TestLocal:
    def run(self, tmp_path, *options, home="home"):
        """As `python -m installer check --local`, where only the servers' packages are installed."""
        lines = [
            "import sys",
            "sys.modules.update(dict.fromkeys(['kubernetes', 'pydantic', 'yaml', 'jinja2']))",
            "from kubeflow_metadata.installer.cli.main import main",
            "main(sys.argv[1:])",
        ]
        command = [sys.executable, "-c", "\n".join(lines), "check", "--local", "-o", "json"]
        command.append(f"--data-dir={tmp_path / home}")
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, {each["code"]: each for each in json.loads(done.stdout)["checks"]}

    def test_a_machine_that_is_ready_passes_and_nothing_is_made(self, tmp_path):
        code, results = self.run(tmp_path)

        assert code == exit_codes.OK
        assert {each["severity"] for each in results.values()} <= {"ok", "warning"}
        assert not (tmp_path / "home").exists()

    def test_a_data_directory_that_others_can_write_to_fails(self, tmp_path):
        (tmp_path / "home").mkdir()
        (tmp_path / "home").chmod(0o777)
        code, results = self.run(tmp_path)

        assert code == exit_codes.FAILED
        assert results["KFM0404"]["severity"] == "failed"

    def test_a_port_in_use_is_a_warning(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(check_local, "is_free", lambda port: port != UI.local_port)
        code = check_local.check_local(DataDir(tmp_path / "home"), 0, Shown(), Terminal(as_json=True))
        results = {each["code"]: each for each in json.loads(capsys.readouterr().out)["checks"]}

        assert code == exit_codes.OK
        assert results["KFM0403"]["severity"] == "warning"
        assert f"Port {UI.local_port} is in use" in results["KFM0403"]["sentence"]


class TestDocs:
    def test_every_code_has_a_heading_and_every_heading_a_code(self):
        text = (ROOT / "docs" / "checks.md").read_text()
        headings = {line.removeprefix("## ") for line in text.splitlines() if line.startswith("## KFM")}

        assert headings == {each.code for each in codes.CHECKS}
        assert len({each.code for each in codes.CHECKS}) == len(codes.CHECKS)

    def test_the_roles_of_the_page_are_what_is_needed(self):
        objects = [{"apiVersion": each.api_version, "kind": each.name} for each in kinds.OURS]
        roles = dict(_roles((ROOT / "docs" / "checks.md").read_text()))

        assert roles["to install"]["rules"] == permissions.as_rules(rights.to_install(objects))
        assert roles["to look"]["rules"] == permissions.as_rules(rights.to_read(objects))


def _roles(text):
    for block in text.split("```yaml\n")[1:]:
        first, _, document = block.partition("```")[0].partition("\n")
        yield first.removeprefix("# "), yaml.safe_load(document)
