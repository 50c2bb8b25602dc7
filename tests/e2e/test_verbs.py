"""``open``, ``logs``, ``smoke``, ``version`` and ``credentials`` on a cluster."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e.installations import Installation, namespace
from tests.support.waiting import eventually

LARGE = 10 * 1024 * 1024
MODELS = "/api/v1alpha1/artifact_types/kubeflow.org%2Falpha%2Fmodel/artifacts"


@pytest.fixture(scope="module")
def installed(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Installation]:
    if cluster.engine is not None:
        request.getfixturevalue("loaded")
    tools.build([tools.KUSTOMIZE, tools.HELM_4])
    with namespace(cluster) as made:
        made.installer("up", "--set=small.enabled=true")
        yield made


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=120) as answer:
        return bytes(answer.read())


def log_model(rest: str, uri: str) -> None:
    body = json.dumps({"uri": uri, "properties": {"name": {"string_value": "large"}}}).encode()
    request = urllib.request.Request(rest + MODELS, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200


def counts(rest: str) -> dict[str, int]:
    counted = {}
    for noun in ("artifacts", "executions"):
        nodes = json.loads(get(f"{rest}/api/v1alpha1/{noun}")).get(noun, [])
        counted[noun] = len(nodes)
        if noun == "executions":
            events = [json.loads(get(f"{rest}/api/v1alpha1/events/executions/{each['id']}")) for each in nodes]
            counted["events"] = sum(len(each.get("events", [])) for each in events)
    return counted


def opened(process_output: str) -> dict[str, str]:
    """The addresses that ``open -o json`` printed."""
    endpoints: dict[str, str] = json.loads(process_output)["endpoints"]
    return endpoints


def read_document(stream: Iterator[str]) -> str:
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            return text
    raise AssertionError(f"no document: {text}")


def test_open_forwards_many_requests_and_large_answers_and_goes_on_with_another_pod(installed: Installation) -> None:
    with installed.running_installer("open", "--no-browser", "--rest", "-o", "json") as process:
        assert process.stdout is not None
        endpoints = opened(read_document(iter(process.stdout.readline, "")))
        ui, rest = endpoints["ui"], endpoints["rest"]
        assert b'<div id="root"' in get(f"{ui}/")
        with ThreadPoolExecutor(20) as pool:
            pages = list(pool.map(lambda _: get(f"{ui}/metadata/"), range(20)))
        assert all(b'<div id="root"' in page for page in pages)

        piece = "x" * 50_000
        for _ in range(LARGE // len(piece) + 1):
            log_model(rest, f"gs://{piece}")
        answers = [get(rest + MODELS) for _ in range(2)]
        assert len(answers[0]) > LARGE
        assert answers[0] == answers[1]

        installed.kubectl("delete", "pod", "--selector=metadata.kubeflow.org/part=ui", "--wait=true")
        eventually(lambda: _answers(f"{ui}/"), "the replacement is reached")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Forwarding to pod" in errors
    assert "Traceback" not in errors


def _answers(url: str) -> bool:
    try:
        return b'<div id="root"' in get(url)
    except OSError:
        return False


def test_logs_are_followed_through_a_restart(installed: Installation) -> None:
    shown = installed.installer("logs").stdout.splitlines()
    assert {line.split("|")[0].strip() for line in shown} >= {"db", "grpc", "rest", "ui"}
    with installed.running_installer("logs", "--part=ui", "-f", "-o", "json") as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        old = json.loads(next(lines))["pod"]
        installed.kubectl("delete", "pod", old, "--wait=false")
        new = next(pod for line in lines if (pod := json.loads(line)["pod"]) != old)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert f"Pod {new} started." in errors
    assert "Traceback" not in errors
    installed.wait()


def test_smoke_adds_nothing_when_repeated_and_runs_from_here_too(installed: Installation) -> None:
    with installed.rest() as rest:
        before = counts(rest)
        started = time.monotonic()
        document = json.loads(installed.installer("smoke", "-o", "json").stdout)
        took = time.monotonic() - started
        assert document["passed"] is True
        assert len(document["checks"]) == 6
        assert "6 passed, 0 failed" in installed.installer("smoke", "--from-here").stdout
        assert counts(rest) == before
    chosen = json.loads(installed.installer("smoke", "--test=ui-page", "-o", "json").stdout)
    assert [each["test"] for each in chosen["checks"]] == ["ui-page"]
    assert _leftovers(installed) == set()
    print(f"the smoke test took {took:.1f} s")  # noqa: T201


def test_an_interrupted_smoke_test_leaves_nothing(installed: Installation) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with installed.running_installer("smoke") as process:
            eventually(lambda: "job.batch/metadata-smoke" in _leftovers(installed), "the Job is there")
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Interrupted. Removed the smoke test" in errors
        assert "Traceback" not in errors
        eventually(lambda: not _leftovers(installed), "nothing is left")


def _leftovers(installed: Installation) -> set[str]:
    kinds = "jobs,serviceaccounts,networkpolicies,pods"
    return {name for name in installed.kubectl("get", kinds, "--output=name").split() if "smoke" in name}


def test_version_and_credentials_are_those_of_the_installation(installed: Installation) -> None:
    document = json.loads(installed.installer("version", "-o", "json").stdout)
    assert document["installation"]["version"] == document["client"]["version"]
    assert document["kubernetes"].startswith("v1.")
    assert installed.installer("credentials", check=False).returncode == 1
    printed = json.loads(installed.installer("credentials", "--yes", "-o", "json").stdout)
    assert printed["host"] == f"metadata-db.{installed.namespace}"
    assert printed["password"]


def test_the_menu_of_the_dashboard_is_as_before_when_the_entry_was_added_and_removed(installed: Installation) -> None:
    links = json.dumps({"menuLinks": [{"link": "/jupyter/", "text": "Notebooks"}], "externalLinks": []}, indent=4)
    installed.kubectl("create", "configmap", "centraldashboard-config", f"--from-literal=links={links}")
    try:
        assert json.loads(installed.installer("dashboard", "add", "-o", "json").stdout)["changed"] is True
        assert json.loads(installed.installer("dashboard", "add", "-o", "json").stdout)["changed"] is False
        menu = json.loads(installed.get("configmap", "centraldashboard-config")["data"]["links"])["menuLinks"]
        assert [each["link"] for each in menu] == ["/jupyter/", "/metadata/"]
        installed.installer("dashboard", "remove")
        assert installed.get("configmap", "centraldashboard-config")["data"]["links"] == links
    finally:
        installed.kubectl("delete", "configmap", "centraldashboard-config")
