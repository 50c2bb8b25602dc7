"""kustomize and Helm: either alone is enough, and each takes over what the other installed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cli import options
from kubeflow_metadata.installer.cluster import inventory
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import up as up_verb
from kubeflow_metadata.installer.verbs.down import down
from kubeflow_metadata.installer.verbs.smoke import smoke
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.up import Wishes, up
from kubeflow_metadata.parts import PARTS
from tests.support.cluster import tools
from tests.support.fake_cluster import FakeClock, FakeCluster, workload

# Notes each command line; what it renders is a Deployment and, as hooks of the chart's test, a Job and its account.
HELM = """#!/bin/sh
echo "$*" >> "{calls}"
case "$1" in
  version) echo v4.0.1 ;;
  template) {template} ;;
esac
"""
RENDERED = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: metadata-ui, namespace: kubeflow, labels: {metadata.kubeflow.org/part: ui}}
spec: {selector: {matchLabels: {metadata.kubeflow.org/part: ui}}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: metadata-smoke
  namespace: kubeflow
  labels: {metadata.kubeflow.org/part: smoke}
  annotations: {helm.sh/hook: test}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: metadata-smoke
  namespace: kubeflow
  labels: {metadata.kubeflow.org/part: smoke}
  annotations: {helm.sh/hook: test, helm.sh/hook-weight: "0", example.org/kept: "yes"}
spec: {template: {spec: {containers: [{name: smoke, image: none}]}}}
"""

Calls = Callable[[str], list[str]]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster on which every workload runs already: a stand-in of Helm applies nothing."""
    made = FakeCluster()
    made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    for part in PARTS:
        made.add(workload(part.workload, part.name, ready=1, kind=part.workload_kind))
    monkeypatch.setattr(up_verb, "CHECKS", ())  # these objects are not whole
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


@pytest.fixture(params=["stand-in", "real"])
def helm_alone(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A PATH with nothing but Helm on it; returns how it was called. What needs a cluster is a stand-in's."""
    real = tools.HELM_4.path
    if request.param == "real" and not real.exists():
        pytest.skip("the tools of the end-to-end tests are not built")
    rendered, calls, folder = tmp_path / "rendered.yaml", tmp_path / "calls", tmp_path / "bin"
    rendered.write_text(RENDERED)
    folder.mkdir()
    print_all = f'while IFS= read -r line; do printf "%s\\n" "$line"; done < "{rendered}"'
    template = f'exec "{real}" "$@"' if request.param == "real" else print_all
    program = folder / "helm"
    program.write_text(HELM.format(calls=calls, template=template))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    return lambda verb: [line for line in calls.read_text().splitlines() if line.startswith(verb)]


def test_helm_alone_installs_waits_and_runs_the_smoke_test(
    cluster: FakeCluster, helm_alone: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    up(Target(), "helm", 60, Terminal(as_json=True), FakeClock())

    assert json.loads(capsys.readouterr().out)["engine"] == "helm"
    (upgrade,) = helm_alone("upgrade")
    assert "--install metadata" in upgrade
    assert ("Job", "metadata-smoke") in cluster.applied
    assert len(helm_alone("template")) == 1, "objects are rendered once"


def test_helm_alone_runs_the_smoke_test_of_what_is_installed(cluster: FakeCluster, helm_alone: Calls) -> None:
    container = {"image": "registry.example/server:7", "imagePullPolicy": "Always"}
    rest = cluster.objects["Deployment", "metadata-deployment"]
    rest["spec"]["template"] = {"spec": {"containers": [container]}}

    assert smoke(Target(), Terminal(as_json=True))
    assert len(helm_alone("template")) == 1


def test_helm_renders_for_the_version_of_the_cluster(cluster: FakeCluster, helm_alone: Calls) -> None:
    choice.named("helm").objects(cluster, settings_of({}))

    (template,) = helm_alone("template")
    assert f"--kube-version {cluster.version()}" in template


def test_the_objects_of_the_charts_test_are_applied_as_objects_not_as_hooks(
    cluster: FakeCluster, helm_alone: Calls
) -> None:
    del helm_alone
    made = {each["kind"]: each for each in choice.named("helm").objects(cluster, settings_of({}))}

    annotations = made["Job"]["metadata"].get("annotations", {})
    assert not any(name.startswith("helm.sh/hook") for name in annotations)


def test_without_kustomize_the_hint_names_helm(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UserError, match="Neither kustomize nor kubectl is installed") as caught:
        choice.named("kustomize").objects(cluster, settings_of({}))
    assert "up --engine helm" in caught.value.hint
    with pytest.raises(UserError, match="Helm is not installed"):
        choice.named("helm").objects(cluster, settings_of({}))


def test_each_engine_takes_over_what_the_other_installed(
    cluster: FakeCluster, helm_alone: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    del helm_alone
    release = {"owner": "helm", "name": "metadata"}
    inventory.write(cluster, [])
    with pytest.raises(UserError, match="helm takes over") as caught:
        up(Target(), "helm", 60, Terminal(), FakeClock())
    assert "--engine helm --take-over" in caught.value.hint
    up(Target(), "helm", 60, Terminal(), FakeClock(), Wishes(take_over=True))
    assert inventory.read(cluster) is None

    cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "release.v1", "labels": release}})
    assert choice.choose(cluster, None).name == "helm"
    monkeypatch.setattr(Kustomize, "objects", lambda _self, *what: choice.named("helm").objects(*what))
    with pytest.raises(UserError, match="its history of release metadata \\(1 revision\\)"):
        up(Target(), "kustomize", 60, Terminal(), FakeClock())
    up(Target(), "kustomize", 60, Terminal(), FakeClock(), Wishes(take_over=True))
    assert "release.v1" not in cluster.names("Secret")
    assert choice.choose(cluster, None).name == "kustomize"


def test_the_inventory_carries_no_label_by_which_argo_cd_would_prune_it(cluster: FakeCluster) -> None:
    inventory.write(cluster, [])

    labels = cluster.objects["ConfigMap", inventory.NAME]["metadata"]["labels"]
    assert "app.kubernetes.io/instance" not in labels


def test_down_uninstalls_a_release_with_helm(cluster: FakeCluster, helm_alone: Calls) -> None:
    release = {"owner": "helm", "name": "metadata"}
    cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "release.v1", "labels": release}})
    down(Target(), Terminal(), delete_data=False, clock=FakeClock())

    assert helm_alone("uninstall") == ["uninstall metadata --kube-context fake --namespace kubeflow --keep-history"]


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade"])
def test_a_release_that_was_interrupted_is_continued(
    cluster: FakeCluster, helm_alone: Calls, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for revision, state in (("1", "deployed"), ("2", status)):
        labels = {"owner": "helm", "name": "metadata", "status": state, "version": revision}
        metadata = {"name": f"sh.helm.release.v1.metadata.v{revision}", "labels": labels}
        cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    up(Target(), "helm", 60, Terminal(), FakeClock())

    assert cluster.names("Secret") >= {"sh.helm.release.v1.metadata.v1"}
    assert "sh.helm.release.v1.metadata.v2" not in cluster.names("Secret")
    assert f"Revision 2 of release metadata was interrupted ({status})" in capsys.readouterr().err
    assert len(helm_alone("upgrade")) == 1


def test_every_engine_can_be_asked_for() -> None:
    assert {engine.name for engine in choice.ENGINES} == set(options.ENGINES.choices)
