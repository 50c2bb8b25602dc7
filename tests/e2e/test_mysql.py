"""MySQL on the cluster: the official image's contract, and data that outlives what happens to machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.cluster import versions
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads
from tests.support.e2e.installations import namespace
from tests.support.waiting import eventually

DATABASE = "metadb"
USER = "metadata"
PASSWORD = "it's a \\ secret"  # what quoting could break
INIT_SQL = "CREATE TABLE made_by_init (id INT PRIMARY KEY); INSERT INTO made_by_init VALUES (7);"


@dataclass(frozen=True)
class MySQL:
    """A StatefulSet of one MySQL with its data on a claim."""

    cluster: Cluster
    namespace: str
    pod: str = "mysql-0"

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, check=check)

    def query(self, sql: str, *, check: bool = True) -> str:
        client = 'MYSQL_PWD="$(cat /secrets/password)" exec mysql --host=127.0.0.1 --protocol=tcp "$@"'
        words = ["exec", self.pod, "--", "sh", "-c", client, "client", f"--user={USER}", "--batch"]
        return self.kubectl(
            *words, "--skip-column-names", f"--database={DATABASE}", f"--execute={sql}", check=check
        ).strip()

    def wait(self) -> None:
        eventually(lambda: self.query("SELECT 'up'", check=False) == "up", "MySQL answers", seconds=200)


def stateful_set() -> dict[str, Any]:
    file_of = {"MYSQL_ROOT_PASSWORD_FILE": "root", "MYSQL_PASSWORD_FILE": "password"}
    environment = [
        {"name": "MYSQL_DATABASE", "value": DATABASE},
        {"name": "MYSQL_USER", "value": USER},
        *({"name": name, "value": f"/secrets/{key}"} for name, key in file_of.items()),
    ]
    scratch = ("/tmp", "/var/run/mysqld", "/var/lib/mysql-files")
    container = {
        "name": "mysql",
        "image": versions.MYSQL_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--max-connections=77"],
        "env": environment,
        "ports": [{"containerPort": 3306}],
        "securityContext": workloads.RESTRICTED_CONTAINER,
        "readinessProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "secrets", "mountPath": "/secrets"},
            {"name": "init", "mountPath": "/docker-entrypoint-initdb.d"},
            *({"name": "scratch", "mountPath": path, "subPath": path[1:]} for path in scratch),
        ],
    }
    user = {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "mysql"},
        "spec": {
            "serviceName": "mysql",
            "selector": {"matchLabels": {"app": "mysql"}},
            "template": {
                "metadata": {"labels": {"app": "mysql"}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {**workloads.RESTRICTED_POD, **user},
                    "containers": [container],
                    "volumes": [
                        {"name": "scratch", "emptyDir": {}},
                        {"name": "secrets", "secret": {"secretName": "mysql"}},
                        {"name": "init", "configMap": {"name": "init"}},
                    ],
                },
            },
            "volumeClaimTemplates": [workloads.claim("data")],
        },
    }


@pytest.fixture(scope="module")
def mysql(cluster: Cluster) -> Iterator[MySQL]:
    """A MySQL that answers, holding one row of ours."""
    with namespace(cluster) as made:
        workloads.apply(
            cluster,
            made.namespace,
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "mysql"},
                "stringData": {"root": "root's own", "password": PASSWORD},
            },
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "init"}, "data": {"a.sql": INIT_SQL}},
            stateful_set(),
        )
        database = MySQL(cluster, made.namespace)
        database.wait()
        database.query("CREATE TABLE kept (word VARCHAR(20)); INSERT INTO kept VALUES ('lineage')")
        yield database


def test_it_honours_the_contract_of_the_official_image(mysql: MySQL) -> None:
    assert mysql.query("SELECT @@version").startswith("9.7.")
    assert mysql.query("SELECT @@max_connections") == "77", "arguments reach mysqld"
    assert mysql.query("SELECT id FROM made_by_init") == "7", "files of docker-entrypoint-initdb.d ran"
    assert mysql.query("SELECT CURRENT_USER()") == f"{USER}@%", "the user of MYSQL_USER logs in"
    assert mysql.kubectl("exec", mysql.pod, "--", "id", "-u").strip() == "999"
    denied = mysql.query("CREATE DATABASE other", check=False)
    assert denied == "", "the user owns MYSQL_DATABASE and no more"
    assert mysql.query("SHOW DATABASES LIKE 'other'") == ""


def test_data_survives_the_deletion_of_its_pod(mysql: MySQL) -> None:
    mysql.kubectl("delete", "pod", mysql.pod)
    mysql.wait()

    assert mysql.query("SELECT word FROM kept") == "lineage"


def test_data_survives_sigkill(own_cluster: Cluster, mysql: MySQL) -> None:
    assert own_cluster.engine is not None
    # From the node: inside its pod mysqld is the first process, which no process beside it may kill.
    uid = json.loads(mysql.kubectl("get", "pod", mysql.pod, "--output=json"))["metadata"]["uid"].replace("-", "_")
    ours = f'[ "$(cat $p/comm)" = mysqld ] && grep --quiet {uid} $p/cgroup'
    kill = f'for p in /proc/[0-9]*; do if {ours}; then kill -KILL "${{p#/proc/}}"; fi; done'
    own_cluster.engine.run("exec", own_cluster.node, "sh", "-c", f"{kill} 2> /dev/null")
    eventually(
        lambda: workloads.container_status(own_cluster, mysql.namespace, mysql.pod).get("restartCount"),
        "the kubelet restarts MySQL",
    )
    mysql.wait()

    assert mysql.query("SELECT word FROM kept") == "lineage"
