"""The cluster itself does what the other end-to-end tests take for granted."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import report, versions
from tests.support.cluster.kind import Cluster
from tests.support.cluster.shell import ClusterError
from tests.support.e2e import installations, workloads
from tests.support.e2e.forwarding import forwarded
from tests.support.waiting import eventually

SERVE = "import http.server, os; os.chdir('/data'); print('serving', flush=True); \
http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)"


def web_server() -> dict[str, Any]:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    return workloads.pod(
        "web",
        {
            "image": versions.PYTHON_IMAGE,
            "command": ["python3", "-c", SERVE],
            "ports": [{"containerPort": 8080}],
            "startupProbe": {**probe, "failureThreshold": 60},
            "readinessProbe": probe,
            "livenessProbe": {**probe, "failureThreshold": 5},
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        },
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "web"}}],
    )


@pytest.fixture(scope="module")
def web(cluster: Cluster) -> Iterator[str]:
    """The namespace of a restricted pod `web` with a volume and a Service, ready."""
    with installations.namespace(cluster) as made:
        objects = (workloads.claim("web"), workloads.service("pages", "web", 80, 8080), web_server())
        workloads.apply(cluster, made.namespace, *objects)
        workloads.wait_ready(cluster, made.namespace, "web")
        yield made.namespace


def in_pod(cluster: Cluster, namespace: str, code: str) -> str:
    return cluster.kubectl("exec", f"--namespace={namespace}", "web", "--", "python3", "-c", code)


def test_a_restricted_pod_writes_to_its_volume_and_nowhere_else(cluster: Cluster, web: str) -> None:
    in_pod(cluster, web, "open('/data/note', 'w').write('kept')")

    assert in_pod(cluster, web, "print(open('/data/note').read())").strip() == "kept"
    attempt = "\ntry: open('/note', 'w')\nexcept OSError as error: print(error.strerror)"
    assert in_pod(cluster, web, attempt).strip() == "Read-only file system"
    assert in_pod(cluster, web, "import os; print(os.getuid())").strip() == "54321"


def test_a_pod_finds_a_service_by_its_name(cluster: Cluster, web: str) -> None:
    for host in ("pages", f"pages.{web}.svc.cluster.local"):
        fetch = f"import urllib.request; print(urllib.request.urlopen('http://{host}/', timeout=5).status)"
        words = ["exec", f"--namespace={web}", "web", "--", "python3", "-c", fetch]

        def answers(words: list[str] = words) -> bool:
            return cluster.kubectl(*words, check=False).strip() == "200"

        eventually(answers, f"the Service answers under {host}", seconds=60)


def test_logs_of_a_pod_are_readable(cluster: Cluster, web: str) -> None:
    assert "serving" in cluster.kubectl("logs", f"--namespace={web}", "web")


def test_port_forward_reaches_a_service(cluster: Cluster, web: str) -> None:
    with forwarded(cluster, web, "service/pages", 80) as url:
        assert urllib.request.urlopen(url, timeout=20).status == 200


def test_a_pod_beyond_its_memory_limit_is_reported_as_oom_killed(cluster: Cluster, namespace: str) -> None:
    hungry = {
        "image": versions.PYTHON_IMAGE,
        "command": ["python3", "-c", "b = bytearray(512 << 20); b[::4096] = b'x' * len(b[::4096])"],
        "resources": {"limits": {"memory": "48Mi"}},
    }
    workloads.apply(cluster, namespace, workloads.pod("hungry", hungry))

    def was_oom_killed() -> bool:
        # A runtime may see a process' end before the kernel's note of why; the pod is restarted, and told right then.
        status = workloads.container_status(cluster, namespace, "hungry")
        ends = (status.get(state, {}).get("terminated", {}) for state in ("state", "lastState"))
        return any(end.get("reason") == "OOMKilled" for end in ends)

    eventually(was_oom_killed, "the kubelet says that the hungry pod was killed for its memory")


def test_an_image_that_cannot_be_pulled_is_reported_as_such(cluster: Cluster, namespace: str) -> None:
    # Nothing listens there, so the answer is the same with and without a network.
    missing = {"image": "127.0.0.1:9/nobody/nothing:1", "command": ["true"]}
    workloads.apply(cluster, namespace, workloads.pod("missing", missing))

    def waiting_reason() -> str | None:
        state = workloads.container_status(cluster, namespace, "missing").get("state", {})
        reason = state.get("waiting", {}).get("reason")
        return reason if reason in {"ErrImagePull", "ImagePullBackOff"} else None

    eventually(waiting_reason, "the kubelet says that it cannot pull the image")
    events = json.loads(cluster.kubectl("get", "events", f"--namespace={namespace}", "--output=json"))
    assert any("127.0.0.1:9/nobody/nothing:1" in event["message"] for event in events["items"])


def test_a_pod_that_is_not_restricted_is_refused(cluster: Cluster, namespace: str) -> None:
    loose = workloads.pod("loose", {"image": versions.PYTHON_IMAGE}, securityContext={"runAsUser": 0})
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        cluster.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(loose))


def test_the_failure_report_shows_events_and_the_previous_logs_of_a_failing_pod(
    cluster: Cluster, namespace: str
) -> None:
    failing = {
        "image": versions.PYTHON_IMAGE,
        "command": ["python3", "-c", "raise SystemExit('I lack a database')"],
    }
    workloads.apply(cluster, namespace, workloads.pod("failing", failing))
    eventually(
        lambda: workloads.container_status(cluster, namespace, "failing").get("restartCount"),
        "the failing pod was restarted",
    )

    text = report.describe(cluster, namespace)

    for expected in ("get events", "Created container", "describe pod failing", "--previous", "I lack a database"):
        assert expected in text
