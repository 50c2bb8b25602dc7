"""What is remembered of each ``up``: in Secrets of ours, and in those of a Helm release."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
import yaml

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.engines.helm import Helm
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.planning import live
from kubeflow_metadata.installer.cluster.planning.plan import Plan
from kubeflow_metadata.installer.cluster.port import UnreachableError
from kubeflow_metadata.installer.cluster.state import helm_releases, revisions
from kubeflow_metadata.installer.cluster.state.settings import UNKNOWN, resolve
from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.verbs import recording
from kubeflow_metadata.installer.verbs.target import Target
from tests.support.fake_cluster import FakeClock, FakeCluster, workload

OBJECTS = (Identity("v1", "Service", "metadata-ui"), Identity("apps/v1", "Deployment", "metadata-grpc"))
IMAGES = {"grpc": "registry/none@sha256:1"}


@pytest.fixture
def cluster():
    return FakeCluster("team-a")


def begun(cluster, clock=None, **settings):
    return revisions.begin(cluster, "kustomize", settings, OBJECTS, IMAGES, clock or FakeClock())


def ended(cluster, outcome=revisions.DEPLOYED, **settings):
    return revisions.finish(cluster, begun(cluster, **settings), outcome)


def helm_release(number, status, settings, *, deployed="2026-03-04T05:06:07.891234567+01:00", text=None):
    release = {
        "name": "metadata",
        "version": number,
        "config": settings,
        "info": {"status": status, "last_deployed": deployed, "description": "timed out waiting"},
        "chart": {"metadata": {"version": "1.0.0", "appVersion": "0.9.0"}},
    }
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.metadata.v{number}",
            "labels": {"owner": "helm", "name": "metadata", "version": str(number), "status": status},
        },
        "data": {"release": text or base64.b64encode(packed).decode()},
    }


def test_nothing_is_known_of_an_empty_namespace(cluster):
    assert revisions.history(cluster) == []
    assert revisions.last(cluster) is None


def test_a_revision_is_recorded_before_it_is_applied_and_its_end_afterwards(cluster):
    revision = begun(cluster, grpc={"replicas": 2})
    (secret,) = (made for (kind, _), made in cluster.objects.items() if kind == "Secret")
    assert secret["metadata"]["name"] == "metadata-revision-1"
    assert secret["type"] == "kubeflow-metadata/revision"
    assert revisions.last(cluster) == revision
    assert revision.outcome == "in progress"
    assert revision.created.endswith("Z")

    revisions.finish(cluster, revision, revisions.FAILED, "OOMKilled")
    last = revisions.last(cluster)
    assert (last.outcome, last.reason) == ("failed", "OOMKilled")
    assert last.settings == {"grpc": {"replicas": 2}}
    assert set(last.objects) == set(OBJECTS)
    assert last.images == IMAGES


def test_neither_down_nor_a_gitops_tool_takes_revisions_for_objects_of_the_installation(cluster):
    ended(cluster)
    labels = cluster.get("v1", "Secret", "metadata-revision-1")["metadata"]["labels"]
    assert live.read(cluster, []).objects == {}
    assert "app.kubernetes.io/instance" not in labels
    assert "app.kubernetes.io/managed-by" not in labels


def test_the_last_ten_are_kept_and_numbers_are_not_used_twice(cluster):
    for number in range(14):
        ended(cluster, grpc={"replicas": number + 1})
    known = revisions.history(cluster)
    assert [each.number for each in known] == list(range(14, 4, -1))
    assert [each.outcome for each in known] == ["deployed", *9 * ["superseded"]]


def test_one_that_was_interrupted_counts_as_failed_when_the_next_begins(cluster):
    begun(cluster)
    begun(cluster)
    newest, older = revisions.history(cluster)
    assert (newest.number, newest.outcome) == (2, "in progress")
    assert (older.outcome, older.reason) == ("failed", "it was interrupted")


@pytest.mark.parametrize(
    ("error", "reason"), [(UserError("no node fits"), "no node fits"), (KeyboardInterrupt(), "it was interrupted")]
)
def test_a_block_that_fails_leaves_its_reason_and_its_settings(cluster, error, reason):
    ended(cluster, grpc={"replicas": 1})
    with pytest.raises(type(error)), revisions.recorded(cluster, "kustomize", {"grpc": {"replicas": 9}}, OBJECTS):
        raise error
    newest, older = revisions.history(cluster)
    assert (newest.outcome, newest.reason, newest.settings) == ("failed", reason, {"grpc": {"replicas": 9}})
    assert older.outcome == "deployed"


def test_a_block_that_ends_is_deployed(cluster):
    with revisions.recorded(cluster, "kustomize", {}, OBJECTS):
        assert revisions.last(cluster).outcome == "in progress"
    assert revisions.last(cluster).outcome == "deployed"


def test_what_ended_the_block_is_not_hidden_by_a_record_that_cannot_be_written(cluster):
    def refuse(_):
        raise UserError("away")

    def fail():
        with revisions.recorded(cluster, "kustomize", {}, OBJECTS):
            cluster.replace = refuse
            raise UserError("no node fits")

    with pytest.raises(UserError, match="no node fits"):
        fail()


@pytest.mark.parametrize("arrived", [True, False])
def test_an_end_whose_response_was_lost_is_recorded(cluster, arrived):
    revision, replace = begun(cluster), cluster.replace

    def lose(wanted):
        cluster.replace = replace
        if arrived:
            replace(wanted)
        raise UnreachableError("The cluster does not respond.")

    cluster.replace = lose
    revisions.finish(cluster, revision, revisions.DEPLOYED)
    assert revisions.last(cluster).outcome == "deployed"


def test_after_down_the_last_one_is_kept_and_goes_with_the_data(cluster):
    for replicas in (1, 2, 3):
        ended(cluster, grpc={"replicas": replicas})
    revisions.uninstalled(cluster)
    (last,) = revisions.history(cluster)
    assert (last.number, last.outcome, last.settings) == (3, "uninstalled", {"grpc": {"replicas": 3}})

    assert ended(cluster).number == 4
    revisions.forget(cluster)
    assert revisions.history(cluster) == []


def test_forgetting_and_uninstalling_nothing_is_no_error(cluster):
    revisions.uninstalled(cluster)
    revisions.forget(cluster)


@pytest.mark.parametrize(
    "data", [{}, None, {"settings": "%%%"}, {"settings": base64.b64encode(b"[]").decode(), "images": "e30="}]
)
def test_a_damaged_record_hides_no_other_and_its_number_is_not_used_again(cluster, data):
    ended(cluster)
    cluster.objects["Secret", "metadata-revision-2"] = {
        "metadata": {
            "name": "metadata-revision-2",
            "labels": {revisions.REVISION: "2"},
            "creationTimestamp": "2099-01-01T00:00:00Z",
        },
        "data": data,
    }
    newest, older = revisions.history(cluster)
    assert (newest.number, newest.outcome) == (2, "unreadable")
    assert (older.number, older.outcome) == (1, "deployed")
    assert ended(cluster).number == 3


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("deployed", "deployed", ""),
        ("superseded", "superseded", ""),
        ("failed", "failed", "timed out waiting"),
        ("uninstalled", "uninstalled", ""),
        ("pending-install", "in progress", ""),
        ("pending-upgrade", "in progress", ""),
    ],
)
def test_a_helm_release_is_read_from_its_secret(cluster, status, outcome, reason):
    cluster.add(helm_release(7, status, {"grpc": {"replicas": 2}}))
    (revision,) = revisions.history(cluster)
    assert (revision.number, revision.engine, revision.version) == (7, "helm", "0.9.0")
    assert (revision.outcome, revision.reason) == (outcome, reason)
    assert revision.settings == {"grpc": {"replicas": 2}}
    assert revision.created == "2026-03-04T04:06:07Z"


class TestFailuresAfterHelm:
    """Helm says ``deployed`` before anything runs."""

    @pytest.fixture
    def plan(self):
        return Plan("helm", ())

    def fail(self, cluster, plan, reason, release=None):
        """An ``up`` that fails, before or after Helm has deployed a release."""
        with recording.recorded(cluster, Helm(), recording.Wanted(resolve({})), plan, FakeClock()):
            if release:
                cluster.add(release)
            raise UserError(reason)

    def test_a_revision_that_failed_afterwards_says_why(self, cluster, plan):
        cluster.add(helm_release(1, "deployed", {}))
        release = helm_release(2, "deployed", {}, deployed="2026-03-04T06:06:07Z")
        with pytest.raises(UserError, match="unschedulable"):
            self.fail(cluster, plan, "metadata-grpc is unschedulable.", release)
        newest, oldest = revisions.history(cluster)
        assert (newest.number, newest.outcome, newest.reason) == (2, "failed", "metadata-grpc is unschedulable.")
        assert (oldest.outcome, oldest.reason) == ("deployed", "")
        wanted = recording.wanted(Target(), cluster)
        assert wanted.is_unfinished
        assert "(revision 2) did not end well: metadata-grpc is unschedulable." in wanted.note

    def test_what_failed_before_helm_deployed_anything_marks_nothing(self, cluster, plan):
        cluster.add(helm_release(1, "deployed", {}))
        with pytest.raises(UserError):
            self.fail(cluster, plan, "Helm is not installed.")
        assert [each.outcome for each in revisions.history(cluster)] == ["deployed"]

    def test_it_stays_failed_when_superseded_and_its_successor_is_not(self, cluster):
        cluster.add(helm_release(1, "deployed", {}))
        helm_releases.mark_failed(cluster, 0, "it took too long")
        marked = cluster.get("v1", "Secret", "sh.helm.release.v1.metadata.v1")
        # As Helm goes on: it keeps labels, hands them on, and drops annotations.
        for release in (
            helm_release(1, "superseded", {}),
            helm_release(2, "deployed", {}, deployed="2026-03-05T00:00:00Z"),
        ):
            release["metadata"]["labels"] = {**marked["metadata"]["labels"], **release["metadata"]["labels"]}
            cluster.add(release)
        newest, oldest = revisions.history(cluster)
        assert (newest.outcome, oldest.outcome) == ("deployed", "failed")
        assert oldest.reason


@pytest.mark.parametrize("given", [{"grpc": {"replicas": 1}}, {"grpc": {"replicas": 3}, "logLevel": "info"}, {}])
def test_helm_keeps_what_was_given_at_its_default_too(given, tmp_path):
    file = Helm().write(settings_of(given), "team-a", tmp_path, "").file
    assert (yaml.safe_load(file.read_text()) or {}) == given


def test_the_note_on_unknown_settings_is_for_those_who_gave_none(cluster, tmp_path):
    cluster.add(workload("metadata-grpc", "grpc", ready=1))
    file = tmp_path / "settings.yaml"
    file.write_text("logLevel: debug\n")
    assert recording.wanted(Target(), cluster).note == UNKNOWN
    assert recording.wanted(Target(file=file), cluster).note == ""
    assert recording.wanted(Target(reset=True), cluster).note == ""


def test_releases_of_other_names_are_none_of_ours(cluster):
    release = helm_release(1, "deployed", {})
    release["metadata"]["labels"]["name"] = "other"
    cluster.add(release)
    assert revisions.history(cluster) == []


@pytest.mark.parametrize("text", ["%", "", base64.b64encode(base64.b64encode(b"\x1f\x8b123")).decode()])
def test_a_damaged_release_is_said_to_be_so(cluster, text):
    release = helm_release(3, "deployed", {}, text="x")
    release["data"]["release"] = text
    cluster.add(release)
    (revision,) = revisions.history(cluster)
    assert (revision.number, revision.outcome) == (3, "unreadable")
    assert "sh.helm.release.v1.metadata.v3" in revision.reason


def test_releases_are_never_written(cluster):
    cluster.add(helm_release(1, "deployed", {}))
    ended(cluster)
    revisions.uninstalled(cluster)
    revisions.forget(cluster)
    assert cluster.names("Secret") == {"sh.helm.release.v1.metadata.v1"}


def test_the_newest_of_both_engines_is_the_last_one(cluster):
    ended(cluster, grpc={"replicas": 2})
    cluster.add(helm_release(1, "deployed", {"grpc": {"replicas": 3}}, deployed="2099-01-01T00:00:00Z"))
    assert revisions.last(cluster).engine == "helm"
    cluster.add(helm_release(1, "deployed", {"grpc": {"replicas": 3}}, deployed="2020-01-01T00:00:00Z"))
    assert revisions.last(cluster).engine == "kustomize"
