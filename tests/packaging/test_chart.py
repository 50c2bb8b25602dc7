"""What the chart alone does: it keeps data, answers in NOTES.txt, and renders objects for kustomize."""

from __future__ import annotations

import pytest
import yaml

from kubeflow_metadata.installer.render.sources import manifests
from tests.support.packaging import rendering
from tests.support.packaging.configurations import Configuration


def test_the_data_is_kept_when_the_release_is_uninstalled(rendered):
    (claim,) = [each for each in rendered[0].helm if each["kind"] == "PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_what_is_rendered_for_kustomize_has_nothing_of_helm_and_no_namespace(tmp_path):
    objects = rendering.helm(Configuration("for kustomize", {"creator": "kustomize"}), tmp_path)
    assert len(objects) > 20
    for each in objects:
        metadata = each["metadata"]
        assert "namespace" not in metadata
        assert "app.kubernetes.io/managed-by" not in metadata["labels"]
        names = [*metadata["labels"], *metadata.get("annotations", {})]
        assert not [name for name in names if name.startswith("helm.sh/")], metadata["name"]


def test_another_creator_is_refused(tmp_path):
    with pytest.raises(rendering.RenderError, match="creator"):
        rendering.helm(Configuration("refused", {"creator": "somebody"}), tmp_path)


def test_comments_and_modes_of_the_templates_are_in_the_manifests():
    text = (manifests() / "base" / "grpc-deployment.yaml").read_text()
    assert text.startswith("# Made by make generate from charts/metadata/templates/grpc-deployment.yaml")
    assert "name: database # the pod waits here until the Secret exists" in text
    assert "defaultMode: 0440" in text
    assert yaml.safe_load(text)["kind"] == "Deployment"
