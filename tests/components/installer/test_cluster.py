"""The verbs on a cluster: order, what is deleted and what never is, and what is said when something does not run."""

from __future__ import annotations

import json

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import admission, inventory, smoke
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.cluster.engines.protocol import Progress
from kubeflow_metadata.installer.cluster.planning import planner
from kubeflow_metadata.installer.cluster.smoke import SmokeResult
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import up as up_verb
from kubeflow_metadata.installer.verbs.down import down
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.up import up
from tests.support.fake_cluster import FakeClock, FakeCluster

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
    monkeypatch.setattr(up_verb, "CHECKS", ())  # these objects are not whole
    monkeypatch.setattr(smoke, "run", lambda *_args: SmokeResult(True, "6 passed, 0 failed"))
    return made


def _in(cluster, namespace):
    cluster.namespace = namespace
    return cluster


def apply(cluster, objects=OBJECTS):
    admission.ensure_namespace(cluster)
    plan = planner.make(cluster, Kustomize(), objects)
    return Kustomize().apply(cluster, Settings(), plan, Progress(print, print, clock=FakeClock()))


class TestApply:
    def test_what_others_build_upon_comes_first(self, cluster):
        apply(cluster)

        kinds = [kind for kind, name in cluster.applied if name != inventory.NAME]
        assert kinds == ["ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Service", "Deployment"]

    def test_what_is_no_longer_wanted_is_deleted(self, cluster):
        apply(cluster)
        done = apply(cluster, OBJECTS[:3])

        assert done == "0 applied, 2 deleted"
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
        admission.ensure_namespace(cluster)
        for each in OBJECTS:
            cluster.apply(each)
        down(Target(), Terminal(), delete_data=False)

        assert {kind for kind, _ in cluster.objects} == {"PersistentVolumeClaim", "Namespace"}

    def test_down_of_nothing_is_well(self, cluster, capsys):
        down(Target(), Terminal(), delete_data=True)

        assert "Nothing is installed in namespace kubeflow" in capsys.readouterr().out
