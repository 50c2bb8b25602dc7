"""``history`` and ``get settings``: what was done to an installation, and a file that does it again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster import inventory
from kubeflow_metadata.installer.cluster.state import revisions
from kubeflow_metadata.installer.model.loading import load_settings, settings_of
from kubeflow_metadata.installer.verbs.target import Target
from tests.support.fake_cluster import FakeCluster

SECOND = {"grpc": {"replicas": 2, "extraEnv": {"API_TOKEN": "s3cr3t"}}, "logLevel": "debug"}


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster("team-a")
    monkeypatch.setattr(Target, "cluster", lambda _: made)
    return made


@pytest.fixture
def installed(cluster):
    """An installation with three revisions, the last of which failed."""
    for settings, outcome, reason in (
        ({}, revisions.DEPLOYED, ""),
        (SECOND, revisions.DEPLOYED, ""),
        ({"grpc": {"replicas": 9}}, revisions.FAILED, f"unschedulable: insufficient cpu {'on all nodes ' * 9}"),
    ):
        revisions.finish(cluster, revisions.begin(cluster, "kustomize", settings, ()), outcome, reason)
    return cluster


def run(*arguments):
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("installed")
class TestHistory:
    def test_it_shows_each_revision_with_what_it_changed_the_newest_first(self):
        lines = run("history").stdout.splitlines()
        assert lines[0].split() == ["REVISION", "CREATED", "ENGINE", "VERSION", "OUTCOME"]
        numbers = [line.split()[0] for line in lines if line[:1].isdigit()]
        assert numbers == ["3", "2", "1"]
        assert "  grpc.replicas: 2 -> 9" in lines
        assert "  logLevel: debug -> info (default)" in lines
        assert any(line.startswith("  reason: unschedulable: insufficient cpu") for line in lines)
        assert "  grpc.replicas: 1 -> 2" in lines
        assert all(len(line) <= 80 for line in lines)

    def test_it_is_one_document_as_json(self):
        document = json.loads(run("history", "-o", "json").stdout)
        assert document["namespace"] == "team-a"
        newest = document["revisions"][0]
        assert (newest["number"], newest["outcome"]) == (3, "failed")
        assert {"name": "grpc.replicas", "before": 2, "after": 9, "is_default": False} in newest["changes"]

    @pytest.mark.parametrize("output", ["text", "json"])
    def test_secrets_are_masked(self, output):
        assert "s3cr3t" not in run("history", "-o", output).output


class TestGetSettings:
    def test_it_is_a_file_that_up_takes(self, installed, tmp_path):
        file = tmp_path / "settings.yaml"
        file.write_text(run("get", "settings", "--revision", "2", "--show-secrets").stdout)
        assert load_settings(file) == settings_of(SECOND)

        file.write_text(run("get", "settings", "--revision", "2", "--show-secrets", "--all", "-o", "json").stdout)
        assert load_settings(file) == settings_of(SECOND)
        assert "minReplicas" in file.read_text()

    def test_after_a_failed_up_the_attempted_ones_are_shown(self, installed):
        shown = run("get", "settings").stdout
        assert "revision 3 (kustomize, failed)" in shown
        assert "replicas: 9" in shown

    @pytest.mark.parametrize("more", [[], ["--all"], ["-o", "json"]])
    def test_secrets_are_masked_unless_asked_for(self, installed, more):
        shown = run("get", "settings", "--revision", "2", *more).output
        assert "s3cr3t" not in shown
        assert "***" in shown
        assert "s3cr3t" in run("get", "settings", "--revision", "2", "--show-secrets", *more).output

    def test_a_revision_that_is_not_there_is_named_with_those_that_are(self, installed):
        done = run("get", "settings", "--revision", "7")
        assert done.exit_code == 1
        assert "no revision 7" in done.output
        assert "3, 2, 1" in done.output

    def test_where_nothing_is_installed_it_says_so(self, cluster):
        done = run("get", "settings")
        assert done.exit_code == 1
        assert "Nothing is installed in namespace team-a" in done.output
        assert "No revisions" in run("history").output

    def test_an_installation_of_before_settings_were_kept_says_so(self, cluster):
        inventory.write(cluster, [])
        done = run("get", "settings")
        assert done.exit_code == 1
        assert "unknown" in done.output

    def test_a_damaged_revision_is_named(self, installed):
        damaged = installed.objects["Secret", "metadata-revision-3"]
        damaged["data"], damaged["metadata"]["creationTimestamp"] = {}, "2099-01-01T00:00:00Z"
        done = run("get", "settings")
        assert done.exit_code == 1
        assert "metadata-revision-3 is damaged" in done.output

    def test_the_laptop_shows_its_directory_and_ports(self, tmp_path):
        done = run("get", "settings", "--local", "--data-dir", str(tmp_path / "none"))
        assert done.exit_code == 1
        assert "Nothing is installed" in done.output
        (tmp_path / ".kubeflow-metadata").write_text("{}")
        tmp_path.chmod(0o700)
        document = json.loads(run("get", "settings", "--local", "--data-dir", str(tmp_path), "-o", "json").stdout)
        assert document["dataDir"] == str(tmp_path)
        assert set(document["ports"]) == {"grpc", "rest", "ui"}
