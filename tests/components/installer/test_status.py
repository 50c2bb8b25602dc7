"""`status` and `events` on a cluster: what is read, by whom it may be read, and the exit codes."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.cluster import fact_reader, inventory, smoke_record
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.drift import drift
from kubeflow_metadata.installer.cluster.facts import Health
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, UnreachableError
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import status as verb
from kubeflow_metadata.installer.verbs.down import down
from kubeflow_metadata.installer.verbs.events import about_ours, events
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import BY_NAME, PARTS
from tests.support.fake_cluster import FakeClock, FakeCluster, container, pod, workload

PART = "metadata.kubeflow.org/part"
KEYS = ("MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD")
READY = json.dumps(
    {
        "event": "database ready",
        "kind": "mysql",
        "version": "9.7.0",
        "schema_version": 10,
        "address": "metadata-db:3306/metadb",
        "timestamp": "2026-01-01T00:00:00Z",
    }
)


class Clock(FakeClock):
    def now(self):
        return datetime(2026, 1, 1, 0, 10, tzinfo=timezone.utc)


def labelled(kind, name, api_version="v1", part="x", **body):
    metadata = {"name": name, "labels": {PART: part, "app.kubernetes.io/version": "0.1.0"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def install(cluster):
    """A healthy installation, as kustomize applies it."""
    for part in PARTS:
        made = workload(part.workload, part.name, ready=1, kind=part.workload_kind)
        made["metadata"]["labels"]["app.kubernetes.io/version"] = "0.1.0"
        made["metadata"]["managedFields"] = managed(FIELD_MANAGER, {"f:spec": {"f:replicas": {}}})
        volumes = [{"name": "database", "secret": {"secretName": "metadata-db-secrets"}}] if part.name == "grpc" else []
        volumes += [{"name": "data", "persistentVolumeClaim": {"claimName": "metadata-mysql"}}] * (part.name == "db")
        made["spec"]["template"] = {"spec": {"volumes": volumes, "containers": [{"name": part.container}]}}
        cluster.add(made)
        cluster.pods[f"{part.workload}-1"] = running(part.name)
        for service in part.services:
            cluster.add(labelled("Service", service.name))
    cluster.add(
        labelled(
            "PersistentVolumeClaim",
            "metadata-mysql",
            spec={"resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "standard"},
            status={"phase": "Bound", "capacity": {"storage": "10Gi"}},
        )
    )
    cluster.add(
        {"kind": "Secret", "metadata": {"name": "metadata-db-secrets"}, "data": dict.fromkeys(KEYS, "c2VjcmV0")}
    )
    inventory.write(cluster, [Identity("apps/v1", part.workload_kind, part.workload) for part in PARTS])
    cluster.log_of["metadata-grpc-deployment-1", "grpc", False] = READY


def running(part, *, ready=True, created="2026-01-01T00:00:00Z", **of_container):
    status = container(BY_NAME[part].container, **of_container)
    status["ready"] = ready
    status["imageID"] = "registry/none@sha256:" + "ab" * 32
    made = pod(
        f"{BY_NAME[part].workload}-1",
        part,
        created=created,
        phase="Running",
        conditions=[{"type": "Ready", "status": str(ready)}],
        containerStatuses=[status],
    )
    made["spec"] = {
        "nodeName": "worker-1",
        "containers": [{"name": BY_NAME[part].container, "resources": {"limits": {"memory": "512Mi"}}}],
    }
    return made


def managed(manager, fields, operation="Apply", **more):
    return [{"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields, **more}]


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    install(made)
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


def facts_of(cluster):
    return fact_reader.read(cluster, Clock())


def exit_code():
    return verb.status(Target(), Terminal(as_json=True), Clock())


class TestReading:
    def test_a_healthy_installation_is_known_whole(self, cluster):
        smoke_record.write(cluster, passed=True, output="a\n6 passed, 0 failed\n", clock=Clock())
        facts = facts_of(cluster)

        assert facts.health is Health.HEALTHY
        assert [each.name for each in facts.parts] == ["db", "grpc", "rest", "ui"]
        (replica,) = facts.parts[0].replicas
        assert (replica.node, replica.seconds, replica.images[0].digest) == ("worker-1", 600.0, "sha256:" + "ab" * 32)
        assert (facts.claim.phase, facts.claim.capacity, facts.claim.storage_class) == ("Bound", "10Gi", "standard")
        assert [(each.name, each.present) for each in facts.secrets] == [("metadata-db-secrets", True)]
        assert (facts.database.kind, facts.database.version, facts.database.schema_version) == ("mysql", "9.7.0", "10")
        assert facts.endpoints["rest"] == "http://metadata-service.kubeflow:8080"
        assert facts.endpoints["ui"] == "http://metadata-ui.kubeflow"
        assert (facts.version, facts.engine) == ("0.1.0", "kustomize")
        assert (facts.smoke.passed, facts.smoke.time) == (True, "2026-01-01T00:10:00Z")
        assert facts.unread == facts.drift == facts.warnings == ()

    def test_no_secret_is_in_the_document(self, cluster, capsys):
        exit_code()
        assert "c2VjcmV0" not in capsys.readouterr().out

    def test_a_kill_for_memory_is_remembered(self, cluster):
        killed = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-01T00:08:00Z"}
        cluster.pods["metadata-db-1"] = running("db", last=killed, restarts=2)
        facts = facts_of(cluster)

        assert facts.health is Health.UNHEALTHY
        ending = facts.parts[0].replicas[0].last_ending
        assert (ending.container, ending.reason, ending.seconds, ending.limit) == ("mysql", "OOMKilled", 120.0, "512Mi")

    def test_a_pod_that_was_evicted_is_seen_beside_the_one_that_took_its_place(self, cluster):
        cluster.pods["evicted"] = pod("evicted", "ui", phase="Failed", reason="Evicted")
        facts = facts_of(cluster)

        assert facts.health is Health.HEALTHY
        assert any("evicted" in each for each in facts.warnings)

    def test_a_pod_that_is_going_is_not_left_over(self, cluster):
        cluster.pods["going"] = pod("going", "ui", phase="Succeeded")
        cluster.pods["going"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:10:05Z"
        assert facts_of(cluster).warnings == ()

    def test_a_secret_that_is_lost_is_seen_while_everything_runs(self, cluster):
        del cluster.objects["Secret", "metadata-db-secrets"]
        facts = facts_of(cluster)

        assert facts.health is Health.HEALTHY
        assert any("Secret metadata-db-secrets is gone" in each for each in facts.warnings)

    def test_a_workload_that_somebody_deleted_is_missed(self, cluster):
        del cluster.objects["Deployment", "metadata-ui"]
        facts = facts_of(cluster)

        assert facts.health is Health.UNHEALTHY
        assert facts.missing == ("Deployment metadata-ui",)

    def test_of_two_pods_that_wait_the_newer_one_names_the_database(self, cluster):
        for name, created, host in (("a", "2026-01-01T00:00:00Z", "old"), ("b", "2026-01-01T00:09:00Z", "new")):
            cluster.pods[name] = pod(name, "grpc", created=created, containerStatuses=[container("grpc")])
            said = {"event": "database unavailable", "reason": "timeout", "error": "", "address": f"{host}:3306/metadb"}
            cluster.log_of[name, "grpc", False] = json.dumps(said)
        del cluster.pods["metadata-grpc-deployment-1"]

        assert facts_of(cluster).database.address == "new:3306/metadb"

    def test_a_database_that_is_full_is_a_warning_until_it_takes_writes(self, cluster):
        refused = json.dumps({"event": "database refuses writes", "reason": "full", "error": "No space left."})
        taken = json.dumps({"event": "database takes writes"})
        key = "metadata-grpc-deployment-1", "grpc", False
        cluster.log_of[key] = f"{READY}\n{refused}\n"
        facts = facts_of(cluster)
        assert facts.health is Health.HEALTHY
        assert facts.warnings == ("The database metadata-db:3306/metadb refuses writes: full: No space left.",)
        cluster.log_of[key] = f"{READY}\n{refused}\n{taken}\n"
        assert facts_of(cluster).warnings == ()

    def test_a_foreign_server_leaves_the_database_unknown(self, cluster):
        cluster.log_of["metadata-grpc-deployment-1", "grpc", False] = "I0101 server listening on 0.0.0.0:8080\n"
        assert facts_of(cluster).database.kind == ""

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ({"containerStatuses": [container("ui", waiting={"reason": "ImagePullBackOff"})]}, "ImagePullBackOff"),
            ({"containerStatuses": [container("ui", terminated={"reason": "Error", "exitCode": 1})]}, "Error"),
            ({"initContainerStatuses": [container("i", waiting={"reason": "CrashLoopBackOff"})]}, "CrashLoopBackOff"),
            ({"conditions": [{"type": "PodScheduled", "status": "False"}]}, "unschedulable"),
            ({"containerStatuses": [container("ui")]}, "not ready"),
            ({}, "starting"),
            ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ],
    )
    def test_the_state_of_a_pod_is_a_word(self, cluster, status, state):
        cluster.pods["metadata-ui-1"] = pod("metadata-ui-1", "ui", **status)
        assert facts_of(cluster).parts[-1].replicas[0].state == state


class TestRights:
    def test_a_viewer_sees_all_but_secrets(self, cluster):
        cluster.forbidden |= {("get", "Secret"), ("list", "Secret")}
        facts = facts_of(cluster)

        assert facts.health is Health.HEALTHY
        assert facts.secrets[0].present is None
        assert facts.revision is None
        assert facts.engine == "kustomize"
        assert facts.database.kind == "mysql"
        assert any("Secret" in each for each in facts.unread)

    @pytest.mark.parametrize("kind", ["Pod", "Service", "ConfigMap", "NetworkPolicy", "PersistentVolumeClaim"])
    def test_whatever_may_not_be_read_the_rest_is_shown(self, cluster, kind, capsys):
        cluster.forbidden |= {("get", kind), ("list", kind)}

        assert exit_code() == exit_codes.OK
        assert any(kind in each for each in json.loads(capsys.readouterr().out)["unread"])

    def test_who_may_read_nothing_learns_nothing(self, cluster, capsys):
        every = {kind for kind, _ in cluster.objects} | {"Pod", "Event", "NetworkPolicy"}
        cluster.forbidden |= {(do, kind) for do in ("get", "list") for kind in every}

        assert exit_code() == exit_codes.INCONCLUSIVE
        assert json.loads(capsys.readouterr().out)["health"] == "unknown"


class TestOwner:
    @pytest.fixture(autouse=True)
    def without_inventory(self, cluster):
        del cluster.objects["ConfigMap", inventory.NAME]

    def mark(self, cluster, manager, **annotations):
        for (kind, _), each in cluster.objects.items():
            if kind in {"Deployment", "StatefulSet"}:
                each["metadata"]["managedFields"] = managed(manager, {"f:spec": {"f:replicas": {}}})
                each["metadata"]["annotations"] = annotations

    @pytest.mark.parametrize(
        ("manager", "annotations", "engine"),
        [
            ("argocd-controller", {"argocd.argoproj.io/tracking-id": "x"}, "Argo CD"),
            ("argocd-controller", {}, "Argo CD"),
            ("kustomize-controller", {}, "Flux"),
            ("helm", {"meta.helm.sh/release-name": "metadata"}, "helm"),
            ("kubectl", {}, "kubectl"),
            ("kubectl-client-side-apply", {}, "kubectl"),
            ("terraform", {}, "terraform"),
            (FIELD_MANAGER, {}, "kustomize"),
        ],
    )
    def test_whoever_applied_it_is_named(self, cluster, manager, annotations, engine):
        self.mark(cluster, manager, **annotations)
        facts = facts_of(cluster)

        assert facts.engine == engine
        assert facts.health is Health.HEALTHY
        assert facts.drift == ()

    @pytest.mark.parametrize(
        ("labels", "revision"),
        [
            ([{"metadata.kubeflow.org/revision": "9"}, {"metadata.kubeflow.org/revision": "10"}], 10),
            ([], None),
        ],
    )
    def test_the_last_revision_is_the_largest_number(self, cluster, labels, revision):
        for number, each in enumerate(labels):
            cluster.add({"kind": "Secret", "metadata": {"name": f"revision-{number}", "labels": each}})
        assert facts_of(cluster).revision == revision

    def test_a_release_of_helm_has_its_own(self, cluster):
        labels = {"owner": "helm", "name": "metadata", "version": "4"}
        cluster.add({"kind": "Secret", "metadata": {"name": "sh.helm.release.v1.metadata.v4", "labels": labels}})
        facts = facts_of(cluster)
        assert (facts.engine, facts.revision) == ("helm", 4)


def drift_of(*entries, kind="Deployment"):
    fields = [field for each in entries for field in each]
    made = {"kind": kind, "metadata": {"name": "it", "managedFields": fields}}
    return [(each.manager, each.fields) for each in drift([made])]


CONTAINERS = {'k:{"name":"ui"}': {".": {}, "f:image": {}, "f:name": {}}}
POD = {"f:spec": {"f:template": {"f:spec": {"f:containers": CONTAINERS}}}}
OURS = managed(FIELD_MANAGER, {"f:spec": {"f:replicas": {}}})


class TestDrift:
    def test_what_somebody_set_is_named_by_its_path(self):
        theirs = managed("kubectl-set", POD, "Update")
        assert drift_of(OURS, theirs) == [
            (
                "kubectl-set",
                ("spec.template.spec.containers[ui].image", "spec.template.spec.containers[ui].name"),
            )
        ]

    def test_what_both_set_to_the_same_is_none(self):
        assert drift_of(OURS, managed("somebody", {"f:spec": {"f:replicas": {}}}, "Update")) == []

    def test_labels_and_annotations_of_names_with_dots_are_readable(self):
        theirs = managed("somebody", {"f:metadata": {"f:labels": {"f:example.org/team": {}}}}, "Update")
        assert drift_of(OURS, theirs) == [("somebody", ("metadata.labels[example.org/team]",))]

    @pytest.mark.parametrize(
        "theirs",
        [
            managed("kube-controller-manager", {"f:spec": {"f:replicas": {}}}, "Update", subresource="scale"),
            managed("somebody", {"f:status": {"f:replicas": {}}}, "Update", subresource="status"),
            managed("kubectl", {"f:metadata": {"f:finalizers": {}}}, "Update"),
            managed(
                "kubectl-rollout",
                {
                    "f:spec": {
                        "f:template": {
                            "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}
                        }
                    }
                },
                "Update",
            ),
        ],
    )
    def test_what_controllers_do_and_a_restart_are_none(self, theirs):
        assert drift_of(OURS, theirs) == []

    def test_objects_without_such_books_have_none(self):
        assert list(drift([{"kind": "Service", "metadata": {"name": "x"}}])) == []


class TestVerb:
    def test_healthy_is_0_and_the_first_line_says_so(self, cluster, capsys):
        assert verb.status(Target(), Terminal(), Clock()) == exit_codes.OK
        assert capsys.readouterr().out.splitlines()[0] == "Healthy: all 4 parts are ready."

    def test_not_healthy_is_1_and_says_why(self, cluster, capsys):
        cluster.objects["Deployment", "metadata-ui"]["status"]["readyReplicas"] = 0
        waiting = {"reason": "ImagePullBackOff", "message": "not found"}
        cluster.pods["metadata-ui-1"] = running("ui", ready=False, waiting=waiting)

        assert exit_code() == exit_codes.FAILED
        said = json.loads(capsys.readouterr().out)
        assert said["running"] is False
        assert said["summary"].startswith("Not healthy: ")
        assert said["parts"][-1]["replicas"][0]["state"] == "ImagePullBackOff"

    def test_nothing_installed_is_1_and_says_what_to_type(self, monkeypatch, capsys):
        monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: FakeCluster())

        assert verb.status(Target(), Terminal(), Clock()) == exit_codes.FAILED
        assert "kubeflow-metadata up --context fake -n kubeflow" in capsys.readouterr().out

    def test_a_cluster_that_is_away_is_3(self, cluster, monkeypatch):
        def away(*_arguments, **_options):
            raise UnreachableError("The cluster does not respond.")

        monkeypatch.setattr(cluster, "list", away)
        with pytest.raises(UnreachableError) as caught:
            exit_code()
        assert caught.value.exit_code == exit_codes.INCONCLUSIVE

    def test_after_down_nobody_remembers_how_the_smoke_test_ended(self, cluster):
        cluster.add({"kind": "Namespace", "metadata": {"name": "kubeflow"}})
        cluster.pods.clear()
        smoke_record.write(cluster, passed=True, output="6 passed, 0 failed", clock=Clock())
        down(Target(), Terminal(), delete_data=False, clock=Clock())
        assert smoke_record.read(cluster) is None

    @pytest.mark.parametrize("as_json", [False, True])
    def test_a_watch_without_a_terminal_prints_a_line_for_each_change(self, cluster, monkeypatch, capsys, as_json):
        ui = cluster.objects["Deployment", "metadata-ui"]["status"]

        class Changing(Clock):
            looks = 0

            def sleep(self, seconds):
                self.looks += 1
                if self.looks == 2:
                    ui["readyReplicas"] = 0
                if self.looks == 4:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            verb.watch(Target(), Terminal(as_json=as_json), Changing())
        healthy, not_healthy = capsys.readouterr().out.splitlines()
        assert "Healthy: all 4 parts" in healthy
        assert "Not healthy: " in not_healthy
        assert not as_json or json.loads(not_healthy)["running"] is False

    def test_a_watch_outlasts_a_cluster_that_is_away(self, cluster, monkeypatch, capsys):
        answers = [UnreachableError("The cluster does not respond.")]
        listed = cluster.list

        def away_once(*arguments, **options):
            if answers:
                raise answers.pop()
            return listed(*arguments, **options)

        class Once(Clock):
            def sleep(self, seconds):
                if "Healthy" in said():
                    raise KeyboardInterrupt

        shown = []

        def said():
            shown.append(capsys.readouterr().out)
            return "".join(shown)

        monkeypatch.setattr(cluster, "list", away_once)
        with pytest.raises(KeyboardInterrupt):
            verb.watch(Target(), Terminal(), Once())
        assert "".join(shown).splitlines() == ["The cluster does not respond.", "Healthy: all 4 parts are ready."]


def event(kind, name, reason="Pulled", *, at="2026-01-01T00:00:00Z", count=1, message="It happened.", warning=False):
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": count,
    }


class TestEvents:
    def test_the_oldest_comes_first_and_others_objects_are_left_out(self, cluster):
        cluster.warnings += [
            event("Pod", "metadata-ui-5d9c-x2", "Second", at="2026-01-01T00:02:00Z"),
            event("Deployment", "metadata-ui", "First", at="2026-01-01T00:01:00Z"),
            event("Pod", "jupyter-0", "Other"),
            event("Deployment", "metadata-ui-of-somebody-else", "Other"),
            event("PersistentVolumeClaim", "metadata-mysql", "Third", at="2026-01-01T00:03:00Z"),
        ]
        assert [each.reason for each in about_ours(cluster)] == ["First", "Second", "Third"]

    def test_events_of_a_series_count(self, cluster):
        series = {**event("Pod", "metadata-db-0", "BackOff"), "lastTimestamp": None, "count": None}
        series |= {"eventTime": "2026-01-01T00:00:00Z"}
        series["series"] = {"count": 7, "lastObservedTime": "2026-01-01T00:05:00Z"}
        cluster.warnings.append(series)
        (found,) = about_ours(cluster)
        assert (found.count, found.time) == (7, "2026-01-01T00:05:00Z")

    def test_warnings_are_marked_repetitions_counted_and_messages_wrapped(self, cluster, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "60")
        cluster.warnings.append(
            event("Pod", "metadata-db-0", "FailedScheduling", count=3, message="no room " * 20, warning=True)
        )
        events(Target(), Terminal(), Clock())
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "10m ago  Warning: Pod metadata-db-0: FailedScheduling, 3"
        assert lines[1].strip() == "times"
        assert all(len(line) <= 60 for line in lines)

    def test_the_document_has_every_field(self, cluster, capsys):
        cluster.warnings.append(event("Pod", "metadata-db-0", "BackOff", count=2, warning=True))
        events(Target(), Terminal(as_json=True), Clock())
        (found,) = json.loads(capsys.readouterr().out)["events"]
        assert found == {
            "time": "2026-01-01T00:00:00Z",
            "first_time": "2026-01-01T00:00:00Z",
            "count": 2,
            "warning": True,
            "object": "Pod metadata-db-0",
            "reason": "BackOff",
            "message": "It happened.",
        }

    def test_none_is_said(self, cluster, capsys):
        events(Target(), Terminal(), Clock())
        assert "There are no events" in capsys.readouterr().out

    def test_kinds_that_may_not_be_listed_are_known_by_their_names(self, cluster):
        cluster.forbidden |= {("list", kind) for kind in ("Deployment", "StatefulSet", "Secret")}
        cluster.warnings.append(event("Pod", "metadata-ui-5d9c-x2"))
        assert len(about_ours(cluster)) == 1
