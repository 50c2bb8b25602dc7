"""The verbs on a cluster: order, what is deleted and what never is, and what is said when something does not run."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import admission, causes, inventory, kubeconfig, pods, rollouts, smoke
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.cluster.port import UnreachableError
from kubeflow_metadata.installer.cluster.smoke import SmokeResult
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.down import down
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.up import up
from tests.support.fake_cluster import FakeClock, FakeCluster, container, pod, workload

PART = "metadata.kubeflow.org/part"


def thing(kind, name, api_version="v1", **spec):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": {PART: "x"}}, "spec": spec}


OBJECTS = [
    thing("Deployment", "server", "apps/v1", selector={"matchLabels": {PART: "x"}}),
    thing("Service", "server", selector={PART: "x"}),
    thing("PersistentVolumeClaim", "data"),
    thing("ConfigMap", "settings"),
    thing("ServiceAccount", "account"),
]


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, namespace: _in(made, namespace))
    monkeypatch.setattr(Kustomize, "objects", lambda *_args: [dict(each) for each in OBJECTS])
    monkeypatch.setattr(smoke, "run", lambda *_args: SmokeResult(True, "6 passed, 0 failed"))
    return made


def _in(cluster, namespace):
    cluster.namespace = namespace
    return cluster


def apply(cluster, objects=OBJECTS):
    notes = []
    done = Kustomize().apply(cluster, Settings(), objects, lambda _text: None, notes.append, take_over=False)
    return done, notes


class TestApply:
    def test_what_others_build_upon_comes_first(self, cluster):
        apply(cluster)

        kinds = [kind for kind, name in cluster.applied if name != inventory.NAME]
        assert kinds == ["ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Service", "Deployment"]

    def test_what_is_no_longer_wanted_is_deleted(self, cluster):
        apply(cluster)
        done, _ = apply(cluster, OBJECTS[:3])

        assert done == "3 applied, 2 deleted"
        assert cluster.names("ConfigMap") == {inventory.NAME}
        assert cluster.names("Service") == {"server"}

    def test_claims_and_secrets_never_are(self, cluster):
        apply(cluster, [*OBJECTS, thing("Secret", "password")])
        apply(cluster, OBJECTS[:1])
        apply(cluster, OBJECTS[:1])

        assert cluster.names("PersistentVolumeClaim") == {"data"}
        assert cluster.names("Secret") == {"password"}

    def test_a_run_that_was_cut_off_is_cleaned_up_by_the_next(self, cluster):
        cluster.rejected["settings"] = "no"
        with pytest.raises(UserError):
            apply(cluster)
        cluster.rejected.clear()
        apply(cluster, OBJECTS[:1])

        assert cluster.names("ServiceAccount") == set()

    def test_fields_of_others_are_taken_over_and_named(self, cluster):
        cluster.conflicts.add("settings")
        _, notes = apply(cluster)

        assert notes == ['Taking over ConfigMap settings: conflict with "kubectl": .spec.x']
        assert ("ConfigMap", "settings") in cluster.applied

    def test_names_of_another_installation_are_left_alone(self, cluster):
        cluster.add(thing("Service", "server", selector={"component": "metadata-grpc-server"}))

        with pytest.raises(UserError, match="belongs to another installation") as caught:
            admission.refuse_others(cluster, OBJECTS)
        assert "besideKfp.enabled=true" in caught.value.hint
        assert cluster.applied == []

    def test_a_namespace_is_made_once(self, cluster):
        assert admission.ensure_namespace(cluster)
        assert not admission.ensure_namespace(cluster)
        assert cluster.names("Namespace") == {"kubeflow"}

    def test_a_namespace_that_is_being_deleted_is_named(self, cluster):
        cluster.add({"kind": "Namespace", "metadata": {"name": "kubeflow"}, "status": {"phase": "Terminating"}})

        with pytest.raises(UserError, match="is terminating"):
            admission.refuse_terminating_namespace(cluster)


class TestVerbs:
    def up(self, **options):
        target = Target(**options)
        up(target, None, 5, Terminal(as_json=True), FakeClock())

    def test_up_says_where_everything_is(self, cluster, capsys):
        self.up(namespace="team-a")

        said = json.loads(capsys.readouterr().out)
        assert said["namespace"] == "team-a"
        assert said["engine"] == "kustomize"
        assert said["services"]["rest"] == "http://metadata-service.team-a:8080"

    def test_up_twice_ends_the_same(self, cluster):
        self.up()
        before = json.dumps(sorted(map(str, cluster.objects.items())))
        self.up()

        assert json.dumps(sorted(map(str, cluster.objects.items()))) == before

    def test_up_shows_what_the_smoke_test_said_when_it_fails(self, cluster, monkeypatch):
        monkeypatch.setattr(smoke, "run", lambda *_args: SmokeResult(False, "FAILED the UI serves the page"))

        with pytest.raises(UserError, match="smoke test failed") as caught:
            self.up()
        assert "FAILED the UI" in caught.value.details

    def test_down_keeps_claim_secret_and_namespace(self, cluster, capsys):
        self.up()
        cluster.add(thing("Secret", "metadata-db-secrets"))
        down(Target(), Terminal(), delete_data=False)

        assert {kind for kind, _ in cluster.objects} == {"PersistentVolumeClaim", "Secret", "Namespace"}
        assert "PersistentVolumeClaim data, Secret metadata-db-secrets" in capsys.readouterr().out

    def test_down_deletes_the_data_when_told(self, cluster):
        self.up()
        cluster.add(thing("Secret", "metadata-db-secrets"))
        down(Target(), Terminal(), delete_data=True)

        assert {kind for kind, _ in cluster.objects} == {"Namespace"}

    def test_down_finds_what_kubectl_applied(self, cluster):
        for each in OBJECTS:
            cluster.apply(each)
        down(Target(), Terminal(), delete_data=False)

        assert {kind for kind, _ in cluster.objects} == {"PersistentVolumeClaim"}

    def test_down_of_nothing_is_well(self, cluster, capsys):
        down(Target(), Terminal(), delete_data=True)

        assert "Nothing is installed in namespace kubeflow" in capsys.readouterr().out


def waiting(reason, message=""):
    return {"reason": reason, "message": message}


def ui_pod(**of_container):
    return pod("p", "ui", containerStatuses=[container("ui", **of_container)])


ENDED = {"exitCode": 1, "reason": "Error"}
STOPPED = {"exitCode": 1, "reason": "Error", "message": "The volume holds a database, but there is no Secret"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient memory"}
FINAL = [
    (ui_pod(waiting=waiting("ErrImagePull", "no")), "images build"),
    (ui_pod(waiting=waiting("ErrImageNeverPull")), "images build"),
    (ui_pod(waiting=waiting("CrashLoopBackOff"), last=ENDED), "describe pod p"),
    (ui_pod(waiting=waiting("CreateContainerConfigError")), "describe pod p"),
    (pod("p", "ui", initContainerStatuses=[container("secret", terminated=STOPPED)]), "describe pod p"),
    (pod("p", "ui", conditions=[UNSCHEDULABLE]), "small.enabled=true"),
]


class TestRollouts:
    def wait(self, cluster, seconds=60):
        cluster.add(workload("metadata-ui", "ui"))
        said = []
        rollouts.wait(cluster, [("Deployment", "metadata-ui")], seconds, lambda *lines: said.extend(lines), FakeClock())
        return said

    @pytest.mark.parametrize(("failing", "hint"), FINAL)
    def test_what_waiting_does_not_help_is_told_at_once(self, cluster, failing, hint):
        cluster.pods["p"] = failing

        with pytest.raises(UserError, match=r"^p cannot start") as caught:
            self.wait(cluster)
        assert hint in caught.value.hint

    def test_a_crash_shows_the_last_words(self, cluster):
        crashed = container("ui", waiting=waiting("CrashLoopBackOff"), last={"exitCode": 2, "reason": "Error"})
        cluster.pods["p"] = pod("p", "ui", containerStatuses=[crashed])
        cluster.log_of["p", "ui", True] = "Error: no such flag\n"

        with pytest.raises(UserError, match=r"exited with code 2 \(Error\)") as caught:
            self.wait(cluster)
        assert caught.value.details == "Error: no such flag"

    def test_a_stop_is_quoted(self, cluster):
        cluster.pods["p"] = pod("p", "ui", initContainerStatuses=[container("secret", terminated=STOPPED)])

        with pytest.raises(UserError, match="The volume holds a database, but there is no Secret"):
            self.wait(cluster)

    def test_a_secret_that_is_missing_is_named(self, cluster):
        cluster.pods["p"] = ui_pod(waiting=waiting("ContainerCreating"))
        cluster.warnings.append(
            {"involvedObject": {"name": "p"}, "reason": "FailedMount", "message": 'secret "mine" not found'}
        )

        with pytest.raises(UserError, match='secret "mine" not found') as caught:
            self.wait(cluster)
        assert "Create the missing object" in caught.value.hint

    def test_what_was_missing_once_is_forgotten_when_the_pod_runs(self, cluster):
        cluster.pods["p"] = ui_pod()
        cluster.warnings.append(
            {"involvedObject": {"name": "p"}, "reason": "FailedMount", "message": 'secret "mine" not found'}
        )

        with pytest.raises(UserError, match="after 0 s"):
            self.wait(cluster, seconds=0)

    def test_pods_that_may_not_be_made_are_explained(self, cluster):
        server = workload("metadata-ui", "ui")
        server["status"]["conditions"] = [
            {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}
        ]
        cluster.add(server)

        with pytest.raises(UserError, match="rejected the pods of metadata-ui") as caught:
            rollouts.wait(cluster, [("Deployment", "metadata-ui")], 60, lambda *_lines: None, FakeClock())
        assert "PodSecurity" in caught.value.details

    def test_when_time_is_over_it_shows_where_everything_stands(self, cluster):
        now = "2999-01-01T00:00:00Z"
        cluster.pods["p"] = pod("p", "ui", created=now, containerStatuses=[container("ui")])
        cluster.log_of["p", "ui", False] = "waiting for the store\n"

        with pytest.raises(UserError, match="after 0 s") as caught:
            self.wait(cluster, seconds=0)
        assert "p: running, not ready" in caught.value.details
        assert "waiting for the store" in caught.value.details

    def test_what_keeps_an_older_pod_does_not_matter(self, cluster):
        server = workload("metadata-ui", "ui")
        server["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
        cluster.add(server)
        for revision, name in (("1", "old"), ("2", "new")):
            labels = {PART: "ui", "pod-template-hash": name}
            annotations = {"deployment.kubernetes.io/revision": revision}
            metadata = {"name": name, "labels": labels, "annotations": annotations}
            cluster.add({"kind": "ReplicaSet", "metadata": metadata})
            cluster.pods[name] = pod(name, "ui", containerStatuses=[container("ui")])
            cluster.pods[name]["metadata"]["labels"]["pod-template-hash"] = name
        never = [container("ui", waiting=waiting("ErrImageNeverPull"))]
        cluster.pods["old"]["status"]["containerStatuses"] = never

        with pytest.raises(UserError, match="after 0 s") as caught:
            rollouts.wait(cluster, [("Deployment", "metadata-ui")], 0, lambda *_lines: None, FakeClock())
        assert "new: running, not ready" in caught.value.details

    def test_a_pod_of_mysql_that_an_older_setting_broke_does_not_matter(self, cluster):
        database = workload("metadata-db", "db", kind="StatefulSet")
        database["status"]["updateRevision"] = "new"
        cluster.add(database)
        stopped = [container("secret", terminated=STOPPED)]
        cluster.pods["p"] = pod("p", "db", initContainerStatuses=stopped)
        cluster.pods["p"]["metadata"]["labels"]["controller-revision-hash"] = "old"

        with pytest.raises(UserError, match="after 0 s"):
            rollouts.wait(cluster, [("StatefulSet", "metadata-db")], 0, lambda *_lines: None, FakeClock())

    def test_a_cluster_that_is_away_for_a_moment_is_asked_again(self, cluster, monkeypatch):
        cluster.add(workload("metadata-ui", "ui", ready=1))
        answers = [UnreachableError("The cluster does not respond.")]
        get = cluster.get

        def away_once(*what):
            if answers:
                raise answers.pop()
            return get(*what)

        monkeypatch.setattr(cluster, "get", away_once)
        rollouts.wait(cluster, [("Deployment", "metadata-ui")], 60, lambda *_lines: None, FakeClock())

    def test_what_may_go_away_by_itself_is_given_time_before_it_is_an_error(self, cluster):
        cluster.add(workload("metadata-ui", "ui"))
        now = datetime.now(timezone.utc).isoformat()
        cluster.pods["p"] = pod("p", "ui", created=now, conditions=[UNSCHEDULABLE])
        clock = FakeClock()

        with pytest.raises(UserError, match=r"unschedulable: 0/1 nodes: Insufficient memory \[KFM0205\]"):
            rollouts.wait(cluster, [("Deployment", "metadata-ui")], 600, lambda *_lines: None, clock)
        assert 100 < clock.slept < 200

    def test_every_cause_has_a_code_of_its_own(self):
        codes = [cause.code for cause in vars(causes).values() if isinstance(cause, causes.Cause)]
        assert len(codes) == len(set(codes)) > 10

    def test_what_is_young_may_still_get_better(self):
        young = pod("p", "ui", created="2999-01-01T00:00:00Z", conditions=[UNSCHEDULABLE])

        trouble = pods.trouble_with(young)
        assert trouble is not None
        assert not trouble.is_final(FakeClock())

    def test_a_rollout_is_over_when_only_new_pods_are_left(self):
        server = workload("metadata-ui", "ui", ready=1)
        assert rollouts.state_of(server).done
        for change in ({"replicas": 2}, {"updatedReplicas": 0}, {"observedGeneration": 0}, {"readyReplicas": 0}):
            assert not rollouts.state_of({**server, "status": {**server["status"], **change}}).done
