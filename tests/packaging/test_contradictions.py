"""What does not go together, or is not so, is refused with a reason: by the model, by the chart, by kustomize."""

from __future__ import annotations

import os

import pytest

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.model.loading import settings_of
from kubeflow_metadata.installer.render.sources import manifests
from tests.support.packaging import rendering
from tests.support.packaging.configurations import COMPONENTS, CONTRADICTIONS, Configuration, merged

REFUSED = [(merged(*(COMPONENTS[name] for name in sorted(pair))), "contradict each other") for pair in CONTRADICTIONS]
REFUSED += [
    ({"externalMysql": {"enabled": True, "tls": {"mode": "off"}}}, "externalMysql.host: where the database is"),
    ({"externalMysql": {"enabled": True, "host": "db"}}, "externalMysql.tls.caSecret is empty"),
    ({"externalMysql": {"host": "db"}}, "externalMysql.enabled is false"),
    ({"highAvailability": {"minReplicas": 5, "maxReplicas": 3}}, "maxReplicas (3) is less than minReplicas (5)"),
    ({"grpc": {"replcas": 2}}, "did you mean grpc.replicas?"),
    ({"highavailability": {"enabled": True}}, "did you mean highAvailability?"),
    ({"mysql": {"storage": {"storageclass": "fast"}}}, "did you mean mysql.storage.storageClass?"),
    ({"replicaCount": 2}, "it is called grpc.replicas, rest.replicas and ui.replicas here"),
    ({"image": {"tag": "1"}}, "it is called images.server here"),
    ({"rest": {"qqq": 1}}, "there is no such"),
]
# What only the types of the values forbid: each tool has words of its own for it.
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
    {"ui": {"extraEnv": {"NUMBER": 1}}},
]


@pytest.mark.parametrize(("values", "reason"), REFUSED)
def test_model_and_chart_say_the_same(values, reason, tmp_path):
    with pytest.raises(UserError) as ours:
        settings_of(values)
    with pytest.raises(rendering.RenderError) as theirs:
        rendering.helm(Configuration("refused", values), tmp_path)

    assert reason in ours.value.details
    assert reason in str(theirs.value)


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
