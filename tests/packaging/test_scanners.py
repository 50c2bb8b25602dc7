"""checkov and kube-score find nothing in any configuration."""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path

import pytest

from tests.support.cluster import tools
from tests.support.packaging.configurations import replaces_ours
from tests.support.packaging.rendered import distinct_objects

ROOT = Path(__file__).resolve().parent.parent.parent

# What may be skipped, as docs/kubernetes.md argues.
CHECKOV_SKIPS = {"CKV_K8S_15", "CKV_K8S_43"}
KUBE_SCORE_SKIPS = {"container-image-pull-policy"}


@pytest.fixture(scope="session")
def checkov() -> Path:
    """Its locked version, in an environment of its own."""
    environment = ROOT / ".cache" / "venvs" / "scanners"
    lock = ROOT / "requirements" / "scanners.lock"
    done = environment / "lock.txt"
    if not (done.exists() and done.read_text() == lock.read_text()):
        venv.create(environment, clear=True, with_pip=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", lock], check=True)
        done.write_text(lock.read_text())
    return environment / "bin" / "checkov"


@pytest.mark.timeout(600)
def test_checkov_finds_nothing(checkov, rendered, tmp_path):
    distinct = distinct_objects([each for each in rendered if not replaces_ours(each.configuration.values)])
    # In one namespace, where each policy of the network meets the pods that it is for.
    objects = [{**each, "metadata": {**each["metadata"], "namespace": "kubeflow"}} for each in distinct]
    (tmp_path / "objects.yaml").write_text(documents(objects), encoding="utf-8")
    options = ["--framework", "kubernetes", "--output", "json", "--skip-download"]
    done = subprocess.run([checkov, "--directory", tmp_path, *options], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)

    assert report["summary"]["failed"] == 0, [
        (found["check_id"], found["resource"], found["check_name"]) for found in report["results"]["failed_checks"]
    ]
    assert report["summary"]["passed"] > 1000
    assert report["summary"]["parsing_errors"] == 0
    assert {found["check_id"] for found in report["results"]["skipped_checks"]} == CHECKOV_SKIPS


def documents(objects):
    """As YAML: JSON is, and no parser takes its text for a number."""
    return "".join(f"---\n{json.dumps(each, ensure_ascii=False)}\n" for each in objects)


def test_kube_score_finds_nothing(rendered, tmp_path):
    # One pod of each server is what a small installation is for; several are a setting.
    command = [str(tools.KUBE_SCORE.path), "score", "--min-replicas-deployment=1", "--kubernetes-version=v1.34"]
    for number, each in enumerate(rendered):
        if replaces_ours(each.configuration.values):
            continue
        file = tmp_path / f"{number}.yaml"
        file.write_text(documents(each.kustomize), encoding="utf-8")
        done = subprocess.run([*command, "--output-format=json", file], capture_output=True, text=True, check=False)
        checks = [(scored["object_name"], check) for scored in json.loads(done.stdout) for check in scored["checks"]]
        assert len(checks) > 50
        for name, check in checks:
            if check["skipped"]:
                continue
            # 10 is its best grade.
            assert check["grade"] == 10, f"{each}\n{name}: {check['check']['name']}: {check['comments']}"


def test_every_skip_has_a_reason(distinct):
    for each in distinct:
        annotations = each["metadata"].get("annotations", {})
        skips = {name: text for name, text in annotations.items() if name.startswith("checkov.io/skip")}
        for text in skips.values():
            check, _, reason = text.partition("=")
            assert check in CHECKOV_SKIPS
            assert len(reason) > 20
        assert set(filter(None, annotations.get("kube-score/ignore", "").split(","))) <= KUBE_SCORE_SKIPS
