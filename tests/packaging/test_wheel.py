"""What is installed from the distributions works without a checkout and without network, beside PyPA's `installer`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.cluster import tools
from tests.support.packaging import rendering
from tests.support.packaging.configurations import Configuration
from tests.support.servers import unused_ports
from tests.support.wheelhouse import wheelhouse

HATCHLING = [sys.executable, "-m", "hatchling", "build"]


class Environment:
    """A virtual environment that has nothing but what is installed into it."""

    def __init__(self, place: Path) -> None:
        venv.create(place, with_pip=True, symlinks=True)
        self.programs = place / "bin"

    def run(self, program: str, *arguments: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(self.programs / program), *map(str, arguments)]
        own = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(command, cwd=cwd, env=own, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """What `make wheel` builds."""
    place = tmp_path_factory.mktemp("dist")
    for project in (ROOT, ROOT / "sdk"):
        subprocess.run([*HATCHLING, "--directory", str(place)], cwd=project, check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def source(distributions, tmp_path_factory):
    """The servers' source distribution, unpacked."""
    (archive,) = distributions.glob("kubeflow_metadata_server-*.tar.gz")
    place = tmp_path_factory.mktemp("source")
    with tarfile.open(archive) as opened:
        opened.extractall(place, filter="data") if hasattr(tarfile, "data_filter") else opened.extractall(place)
    (unpacked,) = place.iterdir()
    return unpacked


@pytest.fixture(scope="module")
def installed(distributions, tmp_path_factory):
    """Both distributions with all extras, and PyPA's `installer` after them, from files alone."""
    place = tmp_path_factory.mktemp("installed")
    environment = Environment(place / "venv")
    offline = ["-m", "pip", "install", "--quiet", "--no-index", "--no-compile"]
    links = [f"--find-links={folder}" for folder in (wheelhouse(), distributions)]
    ours = ["kubeflow-metadata-server[server,cluster,local]", "kubeflow-metadata-sdk"]
    environment.run("python", *offline, *links, *ours, cwd=place)
    environment.run("python", *offline, *links, "installer", cwd=place)
    return environment


def test_the_command_works_beside_the_library_that_is_called_installer(installed, tmp_path):
    assert "Usage: kubeflow-metadata" in installed.run("kubeflow-metadata", "--help", cwd=tmp_path).stdout
    installed.run("python", "-c", "from installer.sources import WheelFile", cwd=tmp_path)
    installed.run("python", "-m", "pip", "check", cwd=tmp_path)


def test_it_starts_the_servers_and_stops_them(installed, tmp_path):
    where = ["--local", "--data-dir", tmp_path / "data"]
    try:
        up = installed.run("kubeflow-metadata", "up", *where, *unused_ports(), "-o", "json", cwd=tmp_path)
        endpoints = json.loads(up.stdout)["endpoints"]
        assert read(f"{endpoints['rest']}/api/v1alpha1/artifacts").count(b'"uri"') == 3, "the demo is logged"
        assert b"Artifact Store" in read(f"{endpoints['ui']}/metadata/")
    finally:
        installed.run("kubeflow-metadata", "down", *where, cwd=tmp_path)


def test_render_puts_a_copy_of_the_manifests_beside_the_overlay(installed, tmp_path):
    installed.run("kubeflow-metadata", "render", "overlay", "--set", "small.enabled=true", "-n", "team-a", cwd=tmp_path)
    moved = tmp_path / "overlay"
    resources = yaml.safe_load((moved / "kustomization.yaml").read_text())["resources"]
    assert resources == ["manifests/base"]

    ours = rendering.kustomize_build(moved)
    wanted = rendering.kustomize(
        Configuration("small", {"small": {"enabled": True}}, "team-a"), tmp_path / "checkout", smoke=False
    )
    assert ours == wanted


def test_the_chart_is_in_it(installed, tmp_path):
    find = "from kubeflow_metadata.installer.render import sources; print(sources.chart())"
    chart = installed.run("python", "-c", find, cwd=tmp_path).stdout.strip()
    assert not Path(chart).is_relative_to(ROOT)
    command = [str(tools.HELM_4.path), "template", "metadata", chart, "--kube-version", rendering.KUBERNETES]
    assert "kind: StatefulSet" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_images_are_built_from_a_checkout_only(installed, tmp_path):
    refused = installed.run("kubeflow-metadata", "images", "build", cwd=tmp_path, check=False)
    assert refused.returncode == 1
    assert "from a checkout" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wheel_built_from_the_source_distribution_is_the_same(distributions, source, tmp_path):
    subprocess.run([*HATCHLING, "--target=wheel", f"--directory={tmp_path}"], cwd=source, check=True)
    (first,) = distributions.glob("kubeflow_metadata_server-*.whl")
    assert contents(tmp_path / first.name) == contents(first)


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_without_the_built_page_nothing_is_built(source, tmp_path, target):
    bare = tmp_path / "source"
    shutil.copytree(source, bare, ignore=shutil.ignore_patterns("static"))
    build = [*HATCHLING, f"--target={target}", f"--directory={tmp_path / 'dist'}"]
    refused = subprocess.run(build, cwd=bare, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.endswith("Run: make ui\n")
    assert not list(tmp_path.glob("dist/*"))


def read(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
