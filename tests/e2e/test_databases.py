"""Databases that are not a new one of ours: your own, over TLS, and what upstream left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster import versions
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads
from tests.support.e2e.installations import Installation, namespace
from tests.support.waiting import eventually

PASSWORD = "not our own"
HOST = "other-mysql"


@pytest.fixture
def elsewhere(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    with namespace(cluster) as made:
        yield made


def certificates(directory: Path) -> None:
    """An authority, and a certificate of it for the database's name."""
    subject = directory / "subject.cnf"
    subject.write_text(f"subjectAltName=DNS:{HOST}\n")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=directory)

    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", *new[:3], "-subj", f"/CN={HOST}", "-keyout", "tls.key", "-out", "tls.csr")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", subject.name)
    openssl("x509", "-req", "-in", "tls.csr", *signing, "-out", "tls.crt")


def secret(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def other_mysql() -> dict[str, Any]:
    """A MySQL that speaks nothing but TLS."""
    container = {
        "image": versions.MYSQL_IMAGE,
        "args": ["--require-secure-transport=ON", "--ssl-cert=/tls/tls.crt", "--ssl-key=/tls/tls.key"],
        "env": [
            {"name": "MYSQL_DATABASE", "value": "lineage"},
            {"name": "MYSQL_USER", "value": "somebody"},
            {"name": "MYSQL_PASSWORD", "value": PASSWORD},
            {"name": "MYSQL_ROOT_PASSWORD", "value": "root's own"},
        ],
        "volumeMounts": [
            {"name": "tls", "mountPath": "/tls"},
            *(
                {"name": "scratch", "mountPath": path, "subPath": path[1:]}
                for path in ("/tmp", "/var/run/mysqld", "/var/lib/mysql-files", "/var/lib/mysql")
            ),
        ],
        "readinessProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 1},
    }
    volumes = [
        {"name": "tls", "secret": {"secretName": "other-mysql-tls", "defaultMode": 0o440}},
        {"name": "scratch", "emptyDir": {}},
    ]
    return workloads.pod(HOST, container, volumes=volumes)


@pytest.mark.timeout(600, func_only=True)
def test_an_external_mysql_over_verified_tls_holds_everything(elsewhere: Installation, tmp_path: Path) -> None:
    certificates(tmp_path)
    files = {name: (tmp_path / name).read_text() for name in ("tls.crt", "tls.key")}
    workloads.apply(
        elsewhere.cluster,
        elsewhere.namespace,
        secret("other-mysql-tls", **files),
        secret("ca", **{"ca.crt": (tmp_path / "ca.crt").read_text()}),
        secret("mine", user="somebody", password=PASSWORD),
        other_mysql(),
        workloads.service(HOST, HOST, 3306, 3306),
    )
    workloads.wait_ready(elsewhere.cluster, elsewhere.namespace, HOST)
    settings = tmp_path / "settings.yaml"
    tls = {"mode": "verify", "caSecret": "ca"}
    keys = {"secret": "mine", "userKey": "user", "passwordKey": "password"}
    external = {"enabled": True, "host": HOST, "database": "lineage", "tls": tls, **keys}
    settings.write_text(yaml.safe_dump({"externalMysql": external}))

    elsewhere.installer("up", f"--file={settings}")

    assert "MNIST" in elsewhere.artifacts()
    assert elsewhere.restarts() == 0
    assert elsewhere.kubectl("get", "statefulsets,pvc,roles", "--output=name") == ""
    client = ("mysql", "--host=127.0.0.1", "--user=somebody", f"--password={PASSWORD}", "--ssl-mode=REQUIRED")
    query = "--execute=SELECT COUNT(*) FROM lineage.Artifact"
    counted = elsewhere.kubectl("exec", HOST, "--", *client, "--skip-column-names", query)
    assert int(counted.split()[-1]) >= 3, "the artifacts are in that database"
    other_ca = tmp_path / "other"
    other_ca.mkdir()
    certificates(other_ca)
    wrong = secret("ca", **{"ca.crt": (other_ca / "ca.crt").read_text()})
    workloads.apply(elsewhere.cluster, elsewhere.namespace, wrong)
    elsewhere.kubectl("rollout", "restart", "deployment/metadata-grpc-deployment")

    def log() -> str:
        words = ("logs", "--selector=metadata.kubeflow.org/part=grpc", "--prefix", "--tail=50")
        return elsewhere.kubectl(*words, check=False)

    eventually(lambda: "certificate" in log().lower(), "a database that another authority vouches for is refused")


def test_a_volume_of_upstream_is_named_and_left_untouched(elsewhere: Installation) -> None:
    claim = {**workloads.claim("metadata-mysql")}
    script = "mkdir -p /volume/datadir/mysql && echo theirs > /volume/datadir/ibdata1"
    container = {
        "image": versions.PYTHON_IMAGE,
        "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "data", "mountPath": "/volume"}],
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "metadata-mysql"}}]
    upstream = workloads.pod("upstream", container, restartPolicy="Never", volumes=volumes)
    workloads.apply(elsewhere.cluster, elsewhere.namespace, claim, upstream)
    eventually(lambda: elsewhere.get("pod", "upstream")["status"]["phase"] == "Succeeded", "upstream's data is there")

    broken = elsewhere.installer("up", "--set=mysql.storage.size=1Gi", check=False)

    assert broken.returncode == 1
    assert "/volume/datadir" in broken.stderr
    assert "Migrating from upstream's manifests" in broken.stderr
    elsewhere.installer("up", "--set=mysql.storage.size=1Gi", "--set=mysql.besideUpstreamData=true")
    assert "MNIST" in elsewhere.artifacts()
    kept = workloads.pod(
        "look", {**container, "command": ["cat", "/volume/datadir/ibdata1"]}, restartPolicy="Never", volumes=volumes
    )
    workloads.apply(elsewhere.cluster, elsewhere.namespace, kept)
    eventually(lambda: "theirs" in elsewhere.kubectl("logs", "look", check=False), "upstream's data is as it was")
