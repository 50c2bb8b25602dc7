"""Waiting for a rollout: what is shown on the way, when it ends early, and what is said when time is over."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import rollouts
from kubeflow_metadata.installer.cluster.port import UnreachableError
from tests.support import diagnoses
from tests.support.fake_cluster import FakeClock, FakeCluster, container, pod, workload

PART = "metadata.kubeflow.org/part"
ENDED = {"exitCode": 1, "reason": "Error"}
STOPPED = {"exitCode": 1, "reason": "Error", "message": "The volume holds data of another MySQL"}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "message": "0/1 nodes are available: 1 Insufficient memory.",
}


def waiting(reason, message=""):
    return {"reason": reason, "message": message}


def ui_pod(**of_container):
    return pod("p", "ui", containerStatuses=[container("ui", **of_container)])


@pytest.fixture
def cluster():
    return FakeCluster()


def wait(cluster, seconds=60, said=None, clock=None):
    if ("Deployment", "metadata-ui") not in cluster.objects:
        cluster.add(workload("metadata-ui", "ui"))
    lines = [] if said is None else said
    rollouts.wait(
        cluster, [("Deployment", "metadata-ui")], seconds, lambda *new: lines.append(new), clock or FakeClock()
    )


FINAL = [
    (ui_pod(waiting=waiting("ErrImagePull", "not found")), "KFM0220", "images build"),
    (ui_pod(waiting=waiting("ErrImageNeverPull")), "KFM0207", "images build"),
    (ui_pod(waiting=waiting("CrashLoopBackOff"), last=ENDED), "KFM0211", "logs p -c ui --previous"),
    (ui_pod(waiting=waiting("CreateContainerError", "no such device")), "KFM0208", "describe pod p"),
    (ui_pod(terminated=STOPPED), "KFM0210", "describe pod p"),
]


class TestEarlyEnd:
    @pytest.mark.parametrize(("failing", "code", "hint"), FINAL)
    def test_what_waiting_does_not_help_ends_it(self, cluster, failing, code, hint):
        cluster.pods["p"] = failing
        clock = FakeClock()

        with pytest.raises(UserError, match=code) as caught:
            wait(cluster, clock=clock)
        assert hint in caught.value.hint
        assert clock.slept < 60

    def test_a_crash_shows_the_last_lines(self, cluster):
        cluster.pods["p"] = ui_pod(waiting=waiting("CrashLoopBackOff"), last={"exitCode": 2, "reason": "Error"})
        cluster.log_of["p", "ui", True] = "Error: no such flag\n"

        with pytest.raises(UserError, match=r"exited with code 2 \(Error\)") as caught:
            wait(cluster)
        assert "Error: no such flag" in caught.value.details

    def test_what_may_resolve_itself_is_given_time_and_shown_meanwhile(self, cluster):
        now = datetime.now(timezone.utc).isoformat()
        cluster.pods["p"] = pod("p", "ui", created=now, conditions=[UNSCHEDULABLE])
        clock, said = FakeClock(), []

        with pytest.raises(UserError, match="KFM0215"):
            wait(cluster, 600, said, clock)
        assert 100 < clock.slept < 200
        assert any("KFM0215" in line for line in said[0])
        assert len(set(said)) == 1, "the same as long as it is so"

    def test_a_root_cause_of_another_part_is_told_instead_of_what_it_causes(self, cluster):
        snapshot = diagnoses.load("class_missing")
        for each in (
            *snapshot.workloads,
            *snapshot.replica_sets,
            *(snapshot.claims or ()),
            *(snapshot.storage_classes or ()),
        ):
            cluster.add(each)
        for each in snapshot.pods:
            cluster.pods[each["metadata"]["name"]] = each
        cluster.add({"kind": "Secret", "metadata": {"name": "metadata-db-secrets"}, "data": {}})
        cluster.add({"kind": "ConfigMap", "metadata": {"name": "metadata-db-setup"}, "data": {"finished.sh": "x"}})
        names = [(each["kind"], each["metadata"]["name"]) for each in snapshot.workloads]

        with pytest.raises(UserError, match=r"StorageClass fast .* does not exist") as caught:
            rollouts.wait(cluster, names, 60, lambda *_lines: None, FakeClock())
        assert "which is why" in caught.value.details
        assert "mysql.storage.storageClass=standard" in caught.value.hint

    def test_pods_that_the_cluster_rejects_are_explained(self, cluster):
        server = workload("metadata-ui", "ui")
        message = 'pods "p" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
        server["status"].update(replicas=0, updatedReplicas=0)
        server["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": message}]
        cluster.add(server)

        with pytest.raises(UserError, match="KFM0240") as caught:
            wait(cluster)
        assert "runAsNonRoot" in str(caught.value)

    def test_a_cause_that_keeps_none_of_them_from_running_does_not_end_it(self, cluster):
        cluster.add(workload("metadata-ui", "ui"))
        cluster.add(workload("metadata-deployment", "rest"))
        cluster.pods["q"] = pod("q", "rest", containerStatuses=[container("rest")])
        cluster.pods["p"] = ui_pod(terminated=ENDED)

        with pytest.raises(UserError, match="after 0 s") as caught:
            rollouts.wait(cluster, [("Deployment", "metadata-deployment")], 0, lambda *_lines: None, FakeClock())
        assert "KFM0211" not in str(caught.value)


class TestOldPods:
    def test_what_keeps_a_pod_of_an_older_revision_does_not_matter(self, cluster):
        server = workload("metadata-ui", "ui")
        server["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
        cluster.add(server)
        for revision, name in (("1", "old"), ("2", "new")):
            labels = {PART: "ui", "pod-template-hash": name}
            annotations = {"deployment.kubernetes.io/revision": revision}
            cluster.add(
                {"kind": "ReplicaSet", "metadata": {"name": name, "labels": labels, "annotations": annotations}}
            )
            cluster.pods[name] = pod(name, "ui", containerStatuses=[container("ui")])
            cluster.pods[name]["metadata"]["labels"]["pod-template-hash"] = name
        cluster.pods["old"]["status"]["containerStatuses"] = [container("ui", waiting=waiting("ErrImageNeverPull"))]

        with pytest.raises(UserError, match="after 0 s") as caught:
            wait(cluster, 0)
        assert "new is running, not ready" in caught.value.details

    def test_a_pod_of_mysql_that_an_older_setting_broke_does_not_matter(self, cluster):
        database = workload("metadata-db", "db", kind="StatefulSet")
        database["status"]["updateRevision"] = "new"
        cluster.add(database)
        cluster.pods["p"] = pod("p", "db", containerStatuses=[container("db", terminated=STOPPED)])
        cluster.pods["p"]["metadata"]["labels"]["controller-revision-hash"] = "old"

        with pytest.raises(UserError, match="after 0 s"):
            rollouts.wait(cluster, [("StatefulSet", "metadata-db")], 0, lambda *_lines: None, FakeClock())


class TestTimeIsOver:
    def test_it_shows_where_everything_stands(self, cluster):
        now = datetime.now(timezone.utc).isoformat()
        cluster.pods["p"] = pod("p", "ui", created=now, containerStatuses=[container("ui")])

        with pytest.raises(UserError, match="after 0 s") as caught:
            wait(cluster, 0)
        assert "metadata-ui 0/1" in caught.value.details
        assert "p is running, not ready" in caught.value.details

    def test_a_cause_that_was_given_time_is_told(self, cluster):
        now = datetime.now(timezone.utc).isoformat()
        cluster.pods["p"] = pod("p", "ui", created=now, conditions=[UNSCHEDULABLE])

        with pytest.raises(UserError, match=r"after 20 s\. p is unschedulable") as caught:
            wait(cluster, 20)
        assert "requests" in caught.value.hint

    def test_what_is_over_is_no_reason(self, cluster):
        killed = {"exitCode": 137, "reason": "OOMKilled"}
        cluster.pods["p"] = ui_pod(last=killed, restarts=1)
        cluster.pods["p"]["status"]["containerStatuses"][0]["ready"] = True

        with pytest.raises(UserError) as caught:
            wait(cluster, 0)
        assert "KFM0227" not in str(caught.value)


class TestCluster:
    def test_one_that_is_away_for_a_moment_is_asked_again(self, cluster, monkeypatch):
        cluster.add(workload("metadata-ui", "ui", ready=1))
        answers = [UnreachableError("The cluster does not respond.")]
        get = cluster.get

        def away_once(*what):
            if answers:
                raise answers.pop()
            return get(*what)

        monkeypatch.setattr(cluster, "get", away_once)
        wait(cluster)

    def test_a_rollout_is_over_when_only_new_pods_are_left(self):
        server = workload("metadata-ui", "ui", ready=1)
        assert rollouts.state_of(server).done
        for change in ({"replicas": 2}, {"updatedReplicas": 0}, {"observedGeneration": 0}, {"readyReplicas": 0}):
            assert not rollouts.state_of({**server, "status": {**server["status"], **change}}).done
