"""Helm is enough: without kustomize and kubectl on the PATH, ``up --engine helm`` installs and runs the smoke test."""

from __future__ import annotations

import json
import shutil

import pytest

from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.installer.verbs.up import up
from kubeflow_metadata.parts import PARTS
from tests.support.cluster import tools
from tests.support.fake_cluster import FakeClock, FakeCluster, workload

# The pinned Helm renders; what needs a cluster is noted only.
HELM = """#!/bin/sh
echo "$*" >> "{calls}"
case "$1" in
  version|template) exec "{helm}" "$@" ;;
esac
"""


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    made.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}})
    for part in PARTS:
        made.add(workload(part.workload, part.name, ready=1, kind=part.workload_kind))
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    metadata = {"name": "standard", "annotations": default}
    made.add({"kind": "StorageClass", "metadata": metadata, "provisioner": "example.org/disks"})
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


@pytest.mark.parametrize("tool", [tools.HELM_4, tools.HELM_3], ids=lambda tool: tool.name)
def test_up_needs_nothing_but_helm(cluster, tool, tmp_path, monkeypatch, capsys):
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(HELM.format(calls=tmp_path / "calls", helm=tool.path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert shutil.which("kustomize") is None
    assert shutil.which("kubectl") is None

    up(Target(), "helm", 60, Terminal(as_json=True), FakeClock())

    assert json.loads(capsys.readouterr().out)["engine"] == "helm"
    assert ("Job", "metadata-smoke") in cluster.applied
    calls = (tmp_path / "calls").read_text().splitlines()
    (upgrade,) = [call for call in calls if call.startswith("upgrade")]
    assert "--take-ownership" in upgrade, "a Secret and a claim that are there already are adopted"
