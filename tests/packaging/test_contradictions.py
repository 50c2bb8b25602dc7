"""Invalid and contradictory settings are refused with a reason: by the model, by the chart, by kustomize."""

from __future__ import annotations

import os
import shutil

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.render.sources import manifests
from tests.support.packaging import rendering
from tests.support.packaging.configurations import COMPONENTS, CONTRADICTIONS, Configuration, merged

REFUSED = [(merged(*(COMPONENTS[name] for name in sorted(pair))), "are mutually exclusive") for pair in CONTRADICTIONS]
REFUSED += [
    ({"externalMysql": {"enabled": True, "tls": {"mode": "off"}}}, "externalMysql.enabled requires externalMysql.host"),
    (
        {"externalMysql": {"enabled": True, "host": "db"}},
        "externalMysql.tls.mode verify requires externalMysql.tls.caSecret",
    ),
    ({"externalMysql": {"host": "db"}}, "externalMysql.host is set but externalMysql.enabled is false"),
    (
        {"highAvailability": {"minReplicas": 5, "maxReplicas": 3}},
        "highAvailability.maxReplicas is less than highAvailability.minReplicas",
    ),
    (
        {"grpc": {"replcas": 2}},
        "grpc.replcas: no such setting. Settings here: extraEnv, maxCallSeconds, maxConnectionAge, ",
    ),
    (
        {"highavailability": {"enabled": True}},
        "highavailability: no such setting. Settings here: allowedHosts, allowedOrigins, besideKfp, ",
    ),
    (
        {"mysql": {"storage": {"storageclass": "fast"}}},
        "mysql.storage.storageclass: no such setting. Settings here: existingClaim, size, storageClass.",
    ),
    ({"replicaCount": 2}, "replicaCount: no such setting; use grpc.replicas, rest.replicas, ui.replicas."),
    ({"image": {"tag": "1"}}, "image: no such setting; use images.server."),
    (
        {"mysql": {"auth": {}}},
        "mysql.auth: no such setting; use mysql.existingSecret (empty: passwords are generated).",
    ),
    (
        {"mysql": {"storage": {"existingClaim": "mine", "storageClass": "fast"}}},
        "mysql.storage.existingClaim and mysql.storage.storageClass are mutually exclusive",
    ),
    (
        {"rest": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}}},
        "rest.resources.requests.memory (2Gi) exceeds rest.resources.limits.memory (1024Mi): raise the limit",
    ),
    (
        {"ui": {"resources": {"requests": {"cpu": "1.5"}, "limits": {"cpu": "1200m"}}}},
        "ui.resources.requests.cpu (1.5) exceeds ui.resources.limits.cpu (1200m): raise the limit",
    ),
    *(
        ({part: {"resources": {"limits": {"memory": "32Mi"}}}}, f"{part}.resources.limits.memory (32Mi) is too small")
        for part in ("mysql", "grpc", "rest", "ui")
    ),
    ({"mysql": {"bufferPool": "4G"}}, "(768Mi) is too small for mysql.bufferPool (4G): set it to 4697Mi or more"),
    ({"grpc": {"workerProcesses": 32}}, "(512Mi) is too small for grpc.workerProcesses (32): set it to 1584Mi or more"),
    ({"mysql": {"extraArgs": ["--port=3307"]}}, "mysql.extraArgs must not contain --port=3307: Services, probes"),
    ({"mysql": {"extraArgs": ["--loose-port=1"]}}, "mysql.extraArgs must not contain --loose-port=1: "),
    ({"mysql": {"extraArgs": ["--skip-networking"]}}, "mysql.extraArgs must not contain --skip-networking: "),
    (
        {"mysql": {"extraArgs": ["--skip-name-resolve", "--innodb-buffer-pool-size=1G"]}},
        "mysql.extraArgs must not contain --innodb-buffer-pool-size=1G: use mysql.bufferPool.",
    ),
    ({"rest": {"grpcWebAllowedOrigins": []}}, "rest.grpcWebAllowedOrigins: no such setting; use allowedOrigins."),
    (
        {"pods": {"labels": {"metadata.kubeflow.org/part": "x"}}},
        "pods.labels: metadata.kubeflow.org/part is set by the installation; choose another name",
    ),
    (
        {"serviceAccounts": {"labels": {"app.kubernetes.io/name": "x"}}},
        "serviceAccounts.labels: app.kubernetes.io/name is set by the installation; choose another name",
    ),
    (
        {"images": {"server": {"tag": 1.1}}, "grpc": {"extraEnv": {"X": 2.5}}},
        'images.server.tag: 1.1 is a number, of which digits may have been lost: write it in quotes, as in "1.1"',
    ),
]
# Each broken rule is told, not the first alone.
SEVERAL = {
    "highAvailability": {"enabled": True},
    "small": {"enabled": True},
    "grpc": {"replicas": 2},
    "ui": {"replicas": 3},
    "externalMysql": {"host": "db"},
}
# What the types of the values forbid: each tool has its own words for it.
WRONG = [
    {"grpc": {"replicas": 0}},
    {"grpc": {"replicas": "two"}},
    {"grpc": {"resources": {"requests": {"cpu": "a lot"}}}},
    {"mysql": {"storage": {"size": "10 GB"}}},
    {"mysql": {"extraArgs": ["datadir=/tmp"]}},
    {"images": {"server": {"tag": "no spaces"}}},
    {"images": {"server": {"repository": "Upper/Case"}}},
    {"images": {"server": {"repository": "with:tag"}}},
    {"images": {"mysql": {"digest": "sha256:short"}}},
    {"images": {"pullPolicy": "Sometimes"}},
    {"externalMysql": {"port": 70000}},
    {"istio": {"hosts": []}},
    {"logLevel": "loud"},
    {"networkPolicy": {"clientNamespaces": ["Not_A_Name"]}},
    {"small": {"enabled": "yes"}},
    {"ui": {"extraEnv": {"NOT-A-NAME": "x"}}},
    {"ui": {"extraEnv": {"LIST": ["x"]}}},
    {"externalMysql": {"tls": {"mode": True}}},
    {"grpc": 2},
    {"rest": {"extraEnv": {"KFM_REST_HTTP_PROT": "80"}}},
    {"allowedOrigins": ["null"]},
    {"allowedHosts": ["ml.example.com:80"]},
    {"network": {"ipFamilies": ["IPv5"]}},
    {"scheduling": {"affinity": []}},
]


@pytest.mark.parametrize(("values", "reason"), [*REFUSED, (SEVERAL, "")])
def test_model_and_chart_say_the_same_sentences(values, reason, tmp_path):
    with pytest.raises(UserError) as ours:
        settings_of(values)
    with pytest.raises(rendering.RenderError) as theirs:
        rendering.helm(Configuration("refused", values), tmp_path)

    assert reason in ours.value.details
    for sentence in ours.value.details.splitlines():
        assert sentence in str(theirs.value)


@pytest.mark.parametrize("values", WRONG)
def test_model_and_chart_refuse_the_same_values(values, tmp_path):
    with pytest.raises(UserError):
        settings_of(values)
    with pytest.raises(rendering.RenderError):
        rendering.helm(Configuration("refused", values), tmp_path)


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        (["external-mysql", "beside-kfp"], "beside-kfp-uses-the-database-of-kubeflow-pipelines"),
        (["small", "high-availability"], "small-makes-room-on-a-laptop"),
    ],
)
def test_kustomize_refuses_components_that_contradict_each_other(components, reason, tmp_path):
    way = os.path.relpath(manifests(), tmp_path)
    lines = ["resources:", f"  - {way}/base", "components:", *(f"  - {way}/components/{name}" for name in components)]
    (tmp_path / "kustomization.yaml").write_text("\n".join(lines))

    with pytest.raises(rendering.RenderError, match=reason):
        rendering.kustomize_build(tmp_path)


def test_kustomize_refuses_a_patch_whose_place_holds_something_else(tmp_path):
    copy = tmp_path / "manifests"
    shutil.copytree(manifests(), copy)
    policy = copy / "base" / "db-networkpolicy.yaml"
    policy.write_text(policy.read_text().replace("port: 6443", "port: 16443"))
    settings = settings_of({"networkPolicy": {"apiServerPorts": [443]}})
    (tmp_path / "kustomization.yaml").write_text(Overlay(settings).kustomization("manifests"))

    with pytest.raises(rendering.RenderError, match="/spec/egress/1/ports"):
        rendering.kustomize_build(tmp_path)
