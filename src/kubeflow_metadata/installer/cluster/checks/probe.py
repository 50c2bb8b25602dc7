"""The probe of an external database: a Job in the cluster that connects as the server will, and is gone afterwards.

It is the only thing that checks ever create, and only if asked to.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, ForbiddenError, Object
from kubeflow_metadata.installer.kinds import BY_NAME
from kubeflow_metadata.parts import GRPC

NAME = "metadata-database-probe"
_JOB = BY_NAME["Job"].api_version
_SECONDS = 90.0
_JOB_SECONDS = 60
_GONE_SECONDS = 30.0
_POD_LABEL = "batch.kubernetes.io/job-name"
# Reasons for which a container that waits will go on waiting.
_STUCK = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
}
# What to do, by the reason that the server gives (`python -m kubeflow_metadata.mlmd --check_database`).
HINTS = {
    "unknown_host": "Correct externalMysql.host: this is a name that pods of the cluster have to resolve.",
    "connection_refused": "Correct externalMysql.port, and check that the database runs and accepts remote clients.",
    "timeout": "Check firewalls, security groups and NetworkPolicies between the nodes and the database.",
    "access_denied": "Correct the user name and the password in the Secret {secret}, or the user's allowed hosts.",
    "no_such_database": "As an administrator of the database, run: CREATE DATABASE `{database}` CHARACTER SET utf8mb4;",
    "tls": "Check externalMysql.tls: the CA certificate in its Secret, the host in the certificate, and the mode.",
    "server_version": "Use MySQL 8.0 or newer.",
    "schema_version": "Use another database, or upgrade its schema with the official server (docs/mlmd-server.md).",
    "missing_rights": "As an administrator of the database, run: GRANT ALL ON `{database}`.* TO {user};",
    "read_only": "Use the primary of the database; replicas accept no writes.",
    "too_many_connections": "Close other connections, or raise max_connections of the database.",
    "full": "Free space for the database.",
    "damaged": "Repair the table (CHECK TABLE tells how), or restore a backup.",
    "locked": "Wait until whoever holds the lock has ended.",
    "unreachable": "See the log of the database.",
}


def run(subject: Subject, say: Callable[[str], None] = lambda _text: None) -> Result:
    """Runs the Job and returns what it says; deletes it whatever happens."""
    check = codes.DATABASE_PROBE
    if not subject.settings.external_mysql.enabled:
        return check.ok("There is no external database to try.")
    if subject.lacks_namespace:
        return check.unknown(f"Not tried: the namespace {subject.cluster.namespace} does not exist yet.")
    server = next((each for each in subject.objects if each["metadata"]["name"] == GRPC.workload), None)
    if server is None:
        return check.unknown("Not tried: the objects cannot be made.")
    say(check.title)
    cluster = subject.cluster
    try:
        _remove(cluster)
        polling.until(lambda: cluster.get(_JOB, "Job", NAME) is None or None, _GONE_SECONDS, clock=subject.clock)
        cluster.create(job_like(server, cluster.namespace))
        return _outcome(subject, say)
    except ForbiddenError as error:
        return check.unknown(f"Not tried: {error}", error.hint, error.details)
    except ConflictError:
        return check.unknown(
            f"Not tried: a Job {NAME} of another check is still there.", f"Run: {cluster.kubectl} delete job {NAME}"
        )
    finally:
        _remove(cluster)


def job_like(server: Object, namespace: str) -> Object:
    """Returns a Job whose pod connects to the database with the settings, files and image of the server's own pods."""
    template = copy.deepcopy(server["spec"]["template"])
    spec = template["spec"]
    container = next(each for each in spec["containers"] if each["name"] == GRPC.container)
    for name in ("ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle"):
        container.pop(name, None)
    container["args"] = ["--check_database"]
    # So that the pod's status has the answer, whoever may not read logs.
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    spec["containers"] = [container]
    for name in ("serviceAccountName", "serviceAccount", "affinity", "topologySpreadConstraints"):
        spec.pop(name, None)
    spec["restartPolicy"] = "Never"
    labels = {**(template["metadata"].get("labels") or {}), PART: "probe", "sidecar.istio.io/inject": "false"}
    labels["app.kubernetes.io/component"] = "probe"
    template["metadata"] = {**template["metadata"], "labels": labels}
    return {
        "apiVersion": _JOB,
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {PART: "probe"}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _JOB_SECONDS,
            "ttlSecondsAfterFinished": 300,
            "template": template,
        },
    }


def _outcome(subject: Subject, say: Callable[[str], None]) -> Result:
    ended = polling.until(lambda: _look(subject.cluster, say), _SECONDS, clock=subject.clock)
    if ended is None:
        return codes.DATABASE_PROBE.unknown(
            f"The Job did not end within {_SECONDS:.0f} s.", f"Run: {subject.cluster.kubectl} get events"
        )
    if "stuck" in ended:
        return codes.DATABASE_PROBE.unknown(f"The Job could not look at the database: {ended['stuck']}")
    return answered(subject, ended)


def answered(subject: Subject, answer: dict[str, Any]) -> Result:
    """Returns what an answer of the server means."""
    check, external = codes.DATABASE_PROBE, subject.settings.external_mysql
    where = f"{external.host}:{external.port}"
    reason = str(answer.get("reason", "unreachable"))
    if reason == "ok":
        version = f" ({answer['version']})" if answer.get("version") else ""
        return check.ok(f"The database {external.database} at {where}{version} accepts the servers.")
    hint = HINTS.get(reason, HINTS["unreachable"]).format(
        secret=external.secret, database=external.database, user=answer.get("user", "")
    )
    title = reason.replace("_", " ")
    return check.failed(
        f"The database {external.database} at {where} cannot be used: {title}.", hint, str(answer.get("message", ""))
    )


def _look(cluster: Cluster, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Returns the answer of the Job's pod, or what keeps it from starting; None while it runs."""
    job = cluster.get(_JOB, "Job", NAME) or {}
    conditions = {each["type"] for each in job.get("status", {}).get("conditions") or [] if each["status"] == "True"}
    pods = cluster.list("v1", "Pod", f"{_POD_LABEL}={NAME}")
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or []:
            waiting = status.get("state", {}).get("waiting") or {}
            if waiting.get("reason") in _STUCK:
                return {"stuck": f"{waiting['reason']}: {waiting.get('message', '')}"}
            if terminated := status.get("state", {}).get("terminated"):
                said = terminated.get("message") or cluster.logs(pod["metadata"]["name"], status["name"], lines=20)
                return _parsed(said, terminated.get("exitCode", 1))
        say("waiting for the Job")
    if "Failed" in conditions:
        return {"stuck": "its pod did not start in time"}
    return None


def _parsed(text: str, exit_code: int) -> dict[str, Any]:
    for line in reversed(text.strip().splitlines()):
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict) and "reason" in answer:
            return answer
    if exit_code == 0:
        return {"reason": "ok"}
    # For example, its image is of a version that has no such flag.
    return {"stuck": (text.strip().splitlines() or [f"exit code {exit_code}"])[-1]}


def _remove(cluster: Cluster) -> None:
    try:
        cluster.delete(_JOB, "Job", NAME)
    except UserError:
        return  # there is none, or it removes itself after a while
