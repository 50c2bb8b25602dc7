"""`check` on a cluster, as identities see it that have more permissions and fewer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e import installations, workloads
from tests.support.e2e.installations import Installation

SMALL = "--set=small.enabled=true"


@pytest.fixture(scope="module")
def place(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Installation]:
    if cluster.engine is not None:  # another's cluster has the image already
        request.getfixturevalue("loaded")
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with installations.namespace(cluster) as made:
        yield made


@pytest.fixture
def identity(place: Installation, tmp_path: Path) -> Any:
    """The same place for a ServiceAccount with a role of Kubernetes' own in this namespace, and nowhere else."""

    def make(role: str) -> Installation:
        name = f"{role}-{secrets.token_hex(3)}"
        place.kubectl("create", "serviceaccount", name)
        place.kubectl(
            *("create", "rolebinding", name, f"--clusterrole={role}", f"--serviceaccount={place.namespace}:{name}")
        )
        token = place.kubectl("create", "token", name).strip()
        config = yaml.safe_load(place.kubectl("config", "view", "--raw", "--minify", "--output=yaml"))
        config["users"] = [{"name": name, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = name
        file = tmp_path / f"{role}.yaml"
        file.write_text(yaml.safe_dump(config))
        return replace(place, cluster=replace(place.cluster, kubeconfig=file))

    return make


def checked(place: Installation, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the results that are not ok, by their code."""
    done = place.installer("check", "--pre", "-o", "json", SMALL, *options, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    results = json.loads(done.stdout)["checks"]
    return done.returncode, {each["code"]: each for each in results if each["severity"] != "ok"}


@pytest.mark.parametrize(
    ("role", "exit_code", "failed"),
    [("admin", 3, set()), ("edit", 1, {"KFM0111"}), ("view", 1, {"KFM0111"})],
)
def test_roles_of_a_namespace_alone(identity: Any, role: str, exit_code: int, failed: set[str]) -> None:
    code, results = checked(identity(role))

    names = {name for name, each in results.items() if each["severity"] == "failed"}
    # What this role may hand out differs from version to version of Kubernetes.
    assert failed <= names <= failed | {"KFM0112"}, results
    assert code == exit_code


def test_the_role_that_is_printed_is_what_was_missing(identity: Any, place: Installation) -> None:
    editor = identity("edit")
    role = editor.installer("check", "--pre", "--print-role", SMALL).stdout
    place.kubectl("apply", "--filename=-", stdin=role)
    _, results = checked(editor)

    assert "KFM0111" not in results
    assert "KFM0112" not in results
    place.kubectl("delete", "--filename=-", stdin=role)


def test_a_quota_that_is_too_small_is_named_with_what_is_asked(place: Installation) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {"requests.memory": "300Mi"}},
    }
    workloads.apply(place.cluster, place.namespace, quota)
    try:
        code, results = checked(place, "--wait=0")
    finally:
        place.kubectl("delete", "resourcequota", "tight")

    assert code == 1
    assert "tight: requests.memory: asked " in results["KFM0123"]["details"]
    assert "of 300Mi" in results["KFM0123"]["details"]


def test_a_storage_class_that_does_not_exist_is_named_with_those_that_do(place: Installation) -> None:
    code, results = checked(place, "--set=mysql.storage.storageClass=none-such")

    assert code == 1
    sentence = results["KFM0141"]["sentence"]
    assert sentence.startswith("There is no StorageClass none-such; there is: ")
    assert "standard" in sentence


def test_pods_that_the_level_of_the_namespace_rejects_are_named(place: Installation) -> None:
    code, results = checked(place, "--set=pods.securityContext.runAsUser=0")

    assert code == 1
    assert 'violates PodSecurity "restricted' in results["KFM0122"]["details"]


def test_a_check_leaves_nothing(place: Installation) -> None:
    before = place.what_is_left()
    checked(place)

    assert place.what_is_left() == before


def test_an_empty_namespace_has_nothing_that_works(place: Installation) -> None:
    done = place.installer("check", check=False)

    assert done.returncode == 1
    assert "Nothing is installed in namespace" in done.stdout


@pytest.mark.timeout(600, func_only=True)
def test_what_is_installed_is_read_through_every_server(place: Installation) -> None:
    place.installer("up", SMALL, "--yes")
    done = place.installer("check", "--wait=60", check=False)
    assert done.returncode == 0, done.stdout
    assert all(code in done.stdout for code in ("KFM0611", "KFM0612", "KFM0613"))

    place.kubectl("scale", "deployment/metadata-ui", "--replicas=0")
    broken = place.installer("check", "-o", "json", check=False)
    results = {each["code"]: each for each in json.loads(broken.stdout)["checks"]}

    assert broken.returncode == 1
    assert results["KFM0611"]["severity"] == "failed"
    assert results["KFM0612"]["severity"] == "ok"
    assert "Deployment metadata-ui: spec.replicas" in results["KFM0605"]["details"]
