"""The installed package carries manifests and chart: it works without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.cluster import tools
from tests.support.packaging import rendering
from tests.support.packaging.configurations import Configuration

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, unpacked where an installation has it."""
    place = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", f"--wheel-dir={place}", str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site-packages")
    return place / "site-packages"


def run(installed, directory, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "kubeflow_metadata.installer", *arguments]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True).stdout


def test_render_puts_a_copy_of_the_manifests_beside_the_overlay(installed, tmp_path):
    run(installed, tmp_path, "render", "overlay", "--set", "small.enabled=true", "-n", "team-a")
    moved = tmp_path / "overlay"
    resources = yaml.safe_load((moved / "kustomization.yaml").read_text())["resources"]
    assert resources == ["manifests/base"]

    ours = rendering.kustomize_build(moved)
    wanted = rendering.kustomize(
        Configuration("small", {"small": {"enabled": True}}, "team-a"), tmp_path / "checkout", smoke=False
    )
    assert ours == wanted


def test_the_chart_is_in_it(installed):
    chart = installed / "kubeflow_metadata" / "installer" / "charts" / "metadata"
    command = [tools.HELM_4.path, "template", "metadata", chart, "--kube-version", rendering.KUBERNETES]
    assert "kind: StatefulSet" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
