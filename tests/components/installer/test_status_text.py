"""What `status` shows, letter by letter: to people in 80 columns, to programs as JSON.

`GOLDEN=write` rewrites the files; look at what changed before you commit it.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis, Finding
from kubeflow_metadata.installer.cluster.drift import Drift
from kubeflow_metadata.installer.cluster.facts import (
    ClaimFacts,
    DatabaseFacts,
    Ending,
    Facts,
    Health,
    Image,
    PartFacts,
    Replica,
    SecretFacts,
)
from kubeflow_metadata.installer.cluster.smoke_record import SmokeRecord
from kubeflow_metadata.installer.verbs import status_text

GOLDEN = Path(__file__).parent / "golden_status"
SERVER = Image("server", "docker.io/library/kubeflow-metadata-server:0.1.0", f"sha256:{'5e' * 32}")
MYSQL = Image("mysql", "docker.io/library/mysql:9.7", f"sha256:{'a1' * 32}")


def part(name, workload, image=SERVER, *, node="worker-1", **of_replica):
    values = {"state": "running", "ready": True, "seconds": 300_000.0, "node": node, "images": (image,), **of_replica}
    replica = Replica(f"{workload.split()[1]}-5d9c", **values)
    ready = int(replica.ready)
    return PartFacts(name, workload, ready, 1, bool(ready), (replica,))


DB = part("db", "StatefulSet metadata-db", MYSQL)
GRPC = part("grpc", "Deployment metadata-grpc-deployment")
REST = part("rest", "Deployment metadata-deployment")
UI = part("ui", "Deployment metadata-ui")

HEALTHY = Facts(
    context="prod",
    namespace="kubeflow",
    options="--context prod -n kubeflow",
    taken=datetime(2026, 1, 1, tzinfo=timezone.utc),
    installer_version="0.1.0",
    parts=(DB, GRPC, REST, UI),
    claim=ClaimFacts("metadata-mysql", "Bound", "10Gi", "standard"),
    secrets=(SecretFacts("metadata-db-secrets", True),),
    database=DatabaseFacts("mysql", "9.7.0", "10", "metadata-db:3306/metadb"),
    endpoints={
        "ui": "http://metadata-ui.kubeflow",
        "rest": "http://metadata-service.kubeflow:8080",
        "grpc": "metadata-grpc-service.kubeflow:8080",
        "grpc_web": "http://metadata-envoy-service.kubeflow:9090",
    },
    version="0.1.0",
    engine="kustomize",
    revision=3,
    smoke=SmokeRecord(True, "2025-12-31T23:00:00Z", "6 passed, 0 failed"),
)

REFUSED = Finding(
    "KFM0304",
    "Database mysql.example:3306/metadb",
    "grpc",
    "The database at mysql.example:3306 refuses the login: Access denied for user 'metadata'@'10.244.0.9' "
    "(using password: YES).",
    "Put the right user name and password into files. To put those into Secret mine, run: kubectl --context prod "
    "-n kubeflow create secret generic mine --from-file=who=FILE. Then run: kubectl --context prod -n kubeflow rollout "
    "restart deployment/metadata-grpc-deployment",
    seconds=31.0,
    symptoms=(Finding("KFM0204", "Pod metadata-deployment-5d9c", "rest", "metadata-deployment-5d9c is not ready."),),
)
KILLED = Ending("mysql", "OOMKilled", 137, 120.0, "512Mi")
WAITING = {"ready": False, "restarts": 0}

CASES = {
    "healthy": HEALTHY,
    "absent": Facts("prod", "kubeflow", HEALTHY.options, HEALTHY.taken, "0.1.0", parts=()),
    "unreadable": Facts(
        "prod",
        "kubeflow",
        HEALTHY.options,
        HEALTHY.taken,
        "0.1.0",
        unread=("Permission denied: cannot list Deployment objects.",),
    ),
    "viewer": replace(
        HEALTHY,
        secrets=(SecretFacts("metadata-db-secrets", None),),
        database=DatabaseFacts(),
        engine="",
        revision=None,
        smoke=None,
        unread=(
            "Permission denied: cannot get Secret metadata-db-secrets.",
            "Permission denied: cannot list Secret objects.",
        ),
    ),
    "refused_login": replace(
        HEALTHY,
        parts=(
            part("grpc", GRPC.workload, state="not ready", seconds=9.0, **WAITING),
            part("rest", REST.workload, state="not ready", seconds=9.0, **WAITING),
            UI,
        ),
        claim=None,
        secrets=(SecretFacts("mine", True),),
        database=DatabaseFacts(address="mysql.example:3306/metadb"),
        smoke=SmokeRecord(False, "2025-12-31T23:00:00Z", "5 passed, 1 failed"),
        diagnosis=Diagnosis((REFUSED,)),
    ),
    "starting": replace(
        HEALTHY,
        parts=(
            DB,
            part("grpc", GRPC.workload, state="ContainerCreating", seconds=2.0, node="", **WAITING),
            PartFacts("rest", REST.workload, 0, 1, done=False),
            UI,
        ),
    ),
    "killed_for_memory": replace(
        HEALTHY, parts=(part("db", DB.workload, MYSQL, restarts=2, last_ending=KILLED), GRPC, REST, UI)
    ),
    "killed_long_ago": replace(
        HEALTHY,
        parts=(
            part("db", DB.workload, MYSQL, restarts=2, last_ending=replace(KILLED, seconds=90_000.0)),
            GRPC,
            REST,
            UI,
        ),
    ),
    "secret_lost": replace(HEALTHY, secrets=(SecretFacts("metadata-db-secrets", False),)),
    "evicted": replace(
        HEALTHY,
        parts=(
            DB,
            GRPC,
            REST,
            replace(UI, replicas=(*UI.replicas, Replica("metadata-ui-7f-2x", "Evicted", False, is_left_over=True))),
        ),
    ),
    "missing": replace(HEALTHY, parts=(DB, GRPC, REST), missing=("Deployment metadata-ui",)),
    "scaled_to_0": replace(HEALTHY, parts=(DB, GRPC, REST, PartFacts("ui", UI.workload, 0, 0, done=True))),
    "drift": replace(
        HEALTHY,
        engine="Argo CD",
        revision=None,
        drift=(
            Drift("Deployment metadata-ui", "kubectl-edit", ("spec.replicas",)),
            Drift(
                "ConfigMap metadata-grpc-configmap",
                "somebody",
                tuple(f"data.KEY_{number}_WITH_A_LONG_NAME" for number in range(9)),
            ),
        ),
    ),
    "long_names": replace(
        HEALTHY,
        context="gke_a-company-of-many-words_europe-west4_cluster-with-a-long-name",
        parts=(
            part(
                "db",
                DB.workload,
                MYSQL,
                node="ip-10-0-123-45.eu-central-1.compute.internal",
                restarts=12,
                last_ending=Ending("mysql", "Error", 1, 7_200.0),
            ),
            GRPC,
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["txt", "json"])
def test_what_is_shown(name, form):
    facts = CASES[name]
    shown = status_text.text(facts) if form == "txt" else json.dumps(status_text.document(facts), indent=2)
    file = GOLDEN / f"{name}.{form}"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(f"{shown}\n", encoding="utf-8")
    assert f"{shown}\n" == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_it_fits_a_terminal(name):
    for line in status_text.text(CASES[name]).splitlines():
        # Commands are to be copied, so they are not broken.
        assert len(line) <= 80 or line.startswith(("    kubectl ", "    kubeflow-metadata "))


def test_every_golden_file_is_of_a_case():
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize(
    ("name", "health"),
    [
        ("healthy", Health.HEALTHY),
        ("absent", Health.ABSENT),
        ("unreadable", Health.UNKNOWN),
        ("viewer", Health.HEALTHY),
        ("refused_login", Health.UNHEALTHY),
        ("starting", Health.UNHEALTHY),
        ("killed_for_memory", Health.UNHEALTHY),
        ("killed_long_ago", Health.HEALTHY),
        ("secret_lost", Health.HEALTHY),
        ("evicted", Health.HEALTHY),
        ("missing", Health.UNHEALTHY),
        ("scaled_to_0", Health.UNHEALTHY),
    ],
)
def test_how_it_is(name, health):
    assert CASES[name].health is health


@pytest.mark.parametrize("name", ["killed_long_ago", "secret_lost", "evicted"])
def test_what_is_over_or_not_yet_felt_is_a_warning(name):
    assert CASES[name].warnings


def test_what_the_diagnosis_tells_of_a_healthy_installation_is_a_warning():
    facts = replace(HEALTHY, diagnosis=Diagnosis((REFUSED,)))
    assert facts.health is Health.HEALTHY
    assert any("KFM0304" in each for each in facts.warnings)
