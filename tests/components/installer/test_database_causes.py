"""Why a database cannot be used, from the servers' own words: what is true now, and what to type."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from kubeflow_metadata.installer.cluster.diagnosis import database, diagnose, text
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.mlmd.errors import Reason
from tests.support.fake_cluster import container, pod, workload

OPTIONS = "--context prod -n team-a"
REVISION = "deployment.kubernetes.io/revision"


def look(pods, logs, **more):
    taken = datetime(2026, 1, 1, 0, 1, tzinfo=timezone.utc)
    return Snapshot("prod", "team-a", taken, pods=tuple(pods), logs=logs, **more)


def line(event, **fields):
    return json.dumps({"event": event, "level": "warning", "timestamp": "2026-01-01T00:00:50Z", **fields})


def away(reason, address="mysql.example:3307/lineage", error="the database's own words"):
    return line("database unavailable", reason=reason, error=error, address=address)


READY = line("database ready", kind="mysql", version="9.7.0", schema_version=10, address="mysql.example:3307/lineage")


def grpc_pod(name="grpc-1", template="new", created="2026-01-01T00:00:00Z", ready=False, **status):
    made = pod(name, "grpc", created=created, conditions=[{"type": "Ready", "status": str(ready)}], **status)
    made["metadata"]["labels"]["pod-template-hash"] = template
    secret = {"secretName": "mine", "items": [{"key": "who", "path": "user"}, {"key": "how", "path": "password"}]}
    made["spec"]["volumes"] = [{"name": "database", "secret": secret}]
    return made


def found(*lines, pods=None):
    pods = pods or [grpc_pod()]
    logs = {(each["metadata"]["name"], "grpc"): "\n".join(lines) for each in pods}
    return list(database.findings(look(pods, logs)))


@pytest.mark.parametrize("reason", [each.value for each in Reason])
def test_each_reason_has_a_code_a_sentence_and_what_to_do(reason):
    (finding,) = found(away(reason))

    assert finding.part == "grpc"
    assert finding.subject == "Database mysql.example:3307/lineage"
    assert "the database's own words" in finding.sentence
    assert finding.hint
    assert "{" not in finding.sentence + finding.hint
    assert finding.seconds == 10


def test_no_two_reasons_share_a_code():
    codes = {found(away(each.value))[0].code for each in Reason}
    assert len(codes) == len(Reason)


def test_a_reason_of_a_newer_server_is_told_in_its_words():
    (finding,) = found(away("out_of_luck"))
    assert "the database's own words" in finding.sentence


def test_a_login_that_is_refused_names_the_secret_and_its_keys():
    (finding,) = found(away("access_denied"))

    assert f"kubectl {OPTIONS} create secret generic mine --from-file=who=FILE --from-file=how=FILE" in finding.hint
    assert f"kubectl {OPTIONS} rollout restart deployment/metadata-grpc-deployment" in finding.hint


def test_a_host_that_is_unknown_names_the_setting():
    (finding,) = found(away("unknown_host"))

    assert "mysql.example" in finding.sentence
    assert f"up {OPTIONS} --set externalMysql.host=" in finding.hint


def test_an_address_of_ipv6_is_taken_apart():
    (finding,) = found(away("connection_refused", address="[fd00::1]:3306/metadb"))
    assert "[fd00::1]:3306" in finding.sentence


def test_the_bundled_mysql_is_not_to_be_configured_elsewhere():
    for reason in Reason:
        (finding,) = found(away(reason.value, address="metadata-db:3306/metadb"))
        if reason in {Reason.CONNECTION_REFUSED, Reason.TIMEOUT, Reason.UNREACHABLE, Reason.UNKNOWN_HOST}:
            assert "externalMysql" not in finding.hint
            assert not finding.is_final  # it starts at the same time


def test_what_is_over_is_not_told():
    assert found(away("access_denied"), READY) == []


def test_what_came_back_is_told_with_when_it_did():
    early = away("access_denied").replace("00:00:50", "00:00:10")
    (finding,) = found(early, READY, away("timeout"))
    assert finding.code == "KFM0303"
    assert finding.seconds == 10


def test_a_pod_that_is_ready_is_believed():
    assert found(away("access_denied"), pods=[grpc_pod(ready=True)]) == []


def deployment(*templates):
    """The gRPC server's Deployment, of which the last of these templates was applied, and its ReplicaSets."""
    made = workload("metadata-grpc-deployment", "grpc")
    made["metadata"]["annotations"] = {REVISION: str(len(templates))}
    sets = []
    for number, template in enumerate(templates, 1):
        labels = {**made["metadata"]["labels"], "pod-template-hash": template}
        metadata = {"name": template, "labels": labels, "annotations": {REVISION: str(number)}}
        sets.append({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata})
    return {"workloads": (made,), "replica_sets": tuple(sets)}


def test_pods_that_are_replaced_or_going_do_not_matter():
    old, new, going = grpc_pod("old", template="old"), grpc_pod("new"), grpc_pod("going")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ended = grpc_pod("ended", phase="Failed")
    logs = {(name, "grpc"): away("unknown_host") for name in ("old", "going", "ended")}
    logs["new", "grpc"] = READY

    seen = look([old, new, going, ended], logs, **deployment("old", "new"))
    assert list(database.findings(seen)) == []


def test_a_server_that_ended_for_its_database_is_told_once():
    crashed = grpc_pod(
        containerStatuses=[
            container(
                "grpc", waiting={"reason": "CrashLoopBackOff"}, last={"exitCode": 1, "reason": "Error"}, restarts=2
            )
        ]
    )
    crashed["spec"]["containers"] = [{"name": "grpc", "image": "registry/none:1"}]
    logs = {("grpc-1", "grpc"): away("schema_version", error="It has version 99. Use a newer release.")}
    told = diagnose.of(look([crashed], logs, **deployment("new")))

    assert [each.code for each in told.findings] == ["KFM0308"]


@pytest.mark.parametrize(("began", "seconds"), [("2026-01-01T00:00:20Z", 40), ("2025-12-01T00:00:00Z", 10)])
def test_how_long_it_has_been_so_outlasts_a_restart_for_the_same_reason(began, seconds):
    last = {"exitCode": 1, "startedAt": began, "finishedAt": "2026-01-01T00:00:24Z"}
    crashed = grpc_pod(containerStatuses=[container("grpc", last=last, restarts=1)])
    crashed["spec"]["containers"] = [{"name": "grpc", "image": "registry/none:1"}]
    (finding,) = found(away("missing_rights"), pods=[crashed])
    assert finding.seconds == seconds


def test_what_waits_for_the_database_is_below_it():
    waiting = grpc_pod(containerStatuses=[container("grpc")])
    rest = pod("rest-1", "rest", containerStatuses=[container("rest")])
    for each, name in ((waiting, "grpc"), (rest, "rest")):
        each["spec"]["containers"] = [{"name": name, "image": "registry/none:1"}]
    logs = {
        ("grpc-1", "grpc"): away("access_denied"),
        ("rest-1", "rest"): line("store unavailable", reason="not_ready", error="no", address="store:8080"),
    }
    (root,) = diagnose.of(look([waiting, rest], logs)).findings

    assert root.code == "KFM0304"
    assert {each.code for each in root.symptoms} >= {"KFM0316"}


def test_a_bundled_mysql_that_does_not_run_is_the_root():
    mysql = pod("metadata-db-0", "db", containerStatuses=[container("mysql", waiting={"reason": "ErrImagePull"})])
    waiting = grpc_pod(containerStatuses=[container("grpc")])
    for each, name in ((waiting, "grpc"), (mysql, "mysql")):
        each["spec"]["containers"] = [{"name": name, "image": "registry/none:1"}]
    logs = {("grpc-1", "grpc"): away("connection_refused", address="metadata-db:3306/metadb")}
    (root,) = diagnose.of(look([mysql, waiting], logs)).findings

    assert root.part == "db"
    assert "KFM0302" in {each.code for each in root.symptoms}


@pytest.mark.parametrize("reason", [each.value for each in Reason])
@pytest.mark.parametrize("host", ["mysql.example", "metadata-db"])
def test_commands_are_shown_on_lines_of_their_own(reason, host):
    (finding,) = found(away(reason, address=f"{host}:3306/metadb"))
    for shown in text.advice(finding.hint).splitlines():
        if OPTIONS in shown:
            assert shown.strip().startswith(("kubectl ", "kubeflow-metadata "))


def test_two_pods_with_the_same_trouble_are_one_finding():
    assert len(found(away("timeout"), pods=[grpc_pod("a"), grpc_pod("b")])) == 1


def test_a_store_of_others_that_does_not_answer_is_told():
    rest = pod("rest-1", "rest")
    text = line("store unavailable", reason="connection_refused", error="no", address="other-store:8080")
    (finding,) = database.findings(look([rest], {("rest-1", "rest"): text}))

    assert finding.part == "rest"
    assert "other-store:8080" in finding.sentence
    assert "connection refused" in finding.sentence


@pytest.mark.parametrize(("address", "count"), [("metadata-grpc-service:8080", 0), ("other-store:8080", 1)])
def test_a_store_of_ours_that_is_ready_by_now_is_not_told(address, count):
    text = line("store unavailable", reason="connection_refused", error="no", address=address)
    seen = look([grpc_pod(ready=True), pod("rest-1", "rest")], {("rest-1", "rest"): text})
    assert len(list(database.findings(seen))) == count


def test_a_foreign_servers_log_says_nothing():
    assert found("I1231 connection to db failed", "{not json", "") == []
