"""A database that cannot be used: `status` and `up` name why, in the database's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import tools, versions
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads
from tests.support.e2e.installations import Installation, namespace
from tests.support.waiting import eventually

HOST = "other-mysql"
EXTERNAL = ("--set=externalMysql.enabled=true", "--set=externalMysql.tls.mode=off", "--set=small.enabled=true")
ACCESS_DENIED, UNKNOWN_HOST, REFUSED = "KFM0304", "KFM0301", "KFM0302"


@pytest.fixture(scope="module")
def elsewhere(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    """A namespace with a MySQL of somebody else, and a Secret of which the password is wrong."""
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster) as made:
        workloads.apply(made.cluster, made.namespace, _mysql(), workloads.service(HOST, HOST, 3306, 3306))
        _write_secret(made, "wrong")
        workloads.wait_ready(made.cluster, made.namespace, HOST)
        yield made


def _mysql() -> dict[str, Any]:
    container = {
        "image": versions.MYSQL_IMAGE,
        "env": [
            {"name": "MYSQL_DATABASE", "value": "metadb"},
            {"name": "MYSQL_USER", "value": "somebody"},
            {"name": "MYSQL_PASSWORD", "value": "right"},
            {"name": "MYSQL_ROOT_PASSWORD", "value": "root's own"},
        ],
        "volumeMounts": [
            {"name": "scratch", "mountPath": path, "subPath": path[1:]}
            for path in ("/tmp", "/var/run/mysqld", "/var/lib/mysql-files", "/var/lib/mysql")
        ],
        "readinessProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 1},
    }
    return workloads.pod(HOST, container, volumes=[{"name": "scratch", "emptyDir": {}}])


def _write_secret(installation: Installation, password: str) -> None:
    values = {"MYSQL_USERNAME": "somebody", "MYSQL_PASSWORD": password}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "metadata-db-secrets"}, "stringData": values}
    workloads.apply(installation.cluster, installation.namespace, secret)


def _findings(installation: Installation) -> dict[str, str]:
    """The sentences of what `status` finds, by their codes."""
    document = json.loads(installation.installer("status", "--output=json", check=False).stdout)
    return {each["code"]: each["sentence"] for each in document["findings"]}


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ([f"--set=externalMysql.host={HOST}"], ACCESS_DENIED, "Access denied for user 'somebody'"),
        (["--set=externalMysql.host=nowhere.invalid"], UNKNOWN_HOST, "nowhere.invalid"),
        ([f"--set=externalMysql.host={HOST}", "--set=externalMysql.port=3307"], REFUSED, f"{HOST}:3307"),
    ],
)
def test_up_and_status_name_why_the_database_cannot_be_used(
    elsewhere: Installation, settings: list[str], code: str, words: str
) -> None:
    found_before = elsewhere.installer("up", *EXTERNAL, *settings, check=False)
    assert found_before.returncode == 1
    assert words in " ".join(found_before.stderr.split())
    assert "Apply" not in found_before.stderr

    failed = elsewhere.installer("up", *EXTERNAL, *settings, "--timeout=90", "--skip-checks", check=False)

    assert failed.returncode == 1
    assert code in failed.stderr
    assert words in " ".join(failed.stderr.split())
    assert words in _findings(elsewhere)[code]
    shown = elsewhere.installer("status", check=False)
    assert shown.returncode == 1
    assert shown.stdout.startswith("Not healthy: ")


def test_a_cause_that_is_gone_is_not_told_any_more(elsewhere: Installation) -> None:
    _write_secret(elsewhere, "right")
    elsewhere.kubectl("rollout", "restart", "deployment/metadata-grpc-deployment", check=False)
    elsewhere.installer("up", "--reset-settings", *EXTERNAL, f"--set=externalMysql.host={HOST}")

    eventually(lambda: not _findings(elsewhere), "nothing is wrong")
    document = json.loads(elsewhere.installer("status", "--output=json").stdout)
    assert document["database"]["kind"] == "mysql"
    assert document["database"]["schema_version"] == "10"
