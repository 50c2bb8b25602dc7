"""The smoke test: what repeats add, what can be chosen, and what an interrupted one leaves."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cli.main import main
from kubeflow_metadata.installer.cluster import smoke
from kubeflow_metadata.installer.cluster.connection import kubeconfig
from kubeflow_metadata.installer.cluster.port import UnreachableError
from kubeflow_metadata.installer.render.names import SMOKE_JOB
from kubeflow_metadata.parts import SERVERS
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from kubeflow_metadata.smoke import checks, neighbours
from kubeflow_metadata.smoke.sample import WORKSPACE, Sample
from tests.support import servers
from tests.support.fake_cluster import FakeClock, FakeCluster, pod, workload

LABELS = {"metadata.kubeflow.org/part": "smoke"}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": SMOKE_JOB, "labels": LABELS},
    "spec": {"template": {"spec": {"containers": [{"name": "smoke", "args": ["--grpc=g:1"]}]}}},
}
OBJECTS = [
    JOB,
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SMOKE_JOB, "labels": LABELS}},
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": SMOKE_JOB, "labels": LABELS}},
]
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with servers.running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def counts(target):
    methods = {
        "GetArtifacts": ("artifacts", rpc.GetArtifactsRequest, rpc.GetArtifactsResponse),
        "GetExecutions": ("executions", rpc.GetExecutionsRequest, rpc.GetExecutionsResponse),
        "GetContexts": ("contexts", rpc.GetContextsRequest, rpc.GetContextsResponse),
    }
    answers = {
        method: getattr(neighbours.call(target, method, request(), response), name)
        for method, (name, request, response) in methods.items()
    }
    ids = [each.id for each in answers["GetExecutions"]]
    events = neighbours.call(
        target,
        "GetEventsByExecutionIDs",
        rpc.GetEventsByExecutionIDsRequest(execution_ids=ids),
        rpc.GetEventsByExecutionIDsResponse,
    ).events
    return {**{method: len(found) for method, found in answers.items()}, "events": len(events)}


def in_a_pod(stack, *arguments):
    """Runs what the Job runs."""
    addresses = [f"--grpc={stack.grpc_target}", f"--rest={stack.rest_url}", f"--ui={stack.ui_url}"]
    command = [sys.executable, "-m", "kubeflow_metadata.smoke", *addresses, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_repeats_add_nothing_also_at_the_same_time(stack):
    before = counts(stack.grpc_target)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: in_a_pod(stack), range(4)))
    assert [run.stdout.splitlines()[-1] for run in runs] == ["6 passed, 0 failed"] * 4, runs
    after = counts(stack.grpc_target)
    assert {name: after[name] - before[name] for name in after} == {
        "GetArtifacts": 3,
        "GetExecutions": 1,
        "GetContexts": 0,
        "events": 3,
    }
    assert in_a_pod(stack).returncode == 0
    assert counts(stack.grpc_target) == after


def test_what_an_interrupted_run_did_not_log_is_logged_by_the_next(stack):
    sample = Sample(stack.grpc_target, stack.rest_url)
    sample.check_grpc(stack.grpc_target)
    known = rpc.GetArtifactByTypeAndNameRequest(
        type_name="kubeflow.org/alpha/model", artifact_name=f"{WORKSPACE}/MNIST"
    )
    answer = neighbours.call(stack.grpc_target, "GetArtifactByTypeAndName", known, rpc.GetArtifactByTypeAndNameResponse)
    assert answer.artifact.custom_properties["__kf_workspace__"].string_value == WORKSPACE
    sample.check_rest(stack.rest_url)


def test_a_pod_that_is_told_to_end_does_so(stack):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        addresses = [f"--grpc={address}", f"--rest=http://{address}", f"--ui={stack.ui_url}"]
        with subprocess.Popen([sys.executable, "-m", "kubeflow_metadata.smoke", *addresses]) as process:
            silent.settimeout(60)
            connection, _ = silent.accept()
            process.terminate()
            assert process.wait(60) == 143
            connection.close()


def test_tests_can_be_chosen_and_only_those_log_that_need_it(stack):
    done = in_a_pod(stack, "--test=ui-page", "--test=grpc-types")
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed"
    assert in_a_pod(stack, "--test=none").returncode == 2


def test_a_server_that_does_not_respond_fails_its_checks_with_the_reason(stack):
    results = checks.run_checks(
        {"grpc": "127.0.0.1:1", "rest": stack.rest_url, "ui": stack.ui_url}, Sample("127.0.0.1:1", stack.rest_url)
    )
    problems = {result.test: result.problem for result in results}
    assert "UNAVAILABLE" in problems["grpc-records"]
    assert not problems["rest-types"]
    assert not problems["ui-rest"]


@pytest.fixture
def cluster(monkeypatch):
    made = FakeCluster()
    monkeypatch.setattr(kubeconfig, "connect", lambda _context, _namespace: made)
    return made


def run(*arguments):
    return CliRunner().invoke(main, ["smoke", *arguments])


def ended(phase, results):
    said = json.dumps([vars(each) for each in results])
    status = {"name": "smoke", "state": {"terminated": {"exitCode": int(phase == "Failed"), "message": said}}}
    return pod("smoke-1", "smoke", phase=phase, containerStatuses=[status])


RESULTS = (checks.CheckResult("ui-page", "the UI serves the page", 0.25, "no"),)


def test_the_results_of_the_job_are_those_of_its_pod(cluster, monkeypatch):
    apply, unchanged = cluster.apply, json.dumps(JOB)

    def apply_and_end(wanted, **options):
        made = apply(wanted, **options)
        cluster.pods = {"smoke-1": ended("Failed", RESULTS)}
        return made

    monkeypatch.setattr(cluster, "apply", apply_and_end)
    result = smoke.run(cluster, OBJECTS, lambda _text: None, FakeClock(), tests=("ui-page",))
    assert not result.passed
    assert result.results == RESULTS
    # The log may not be read where pods are.
    assert result.output.splitlines() == ["FAILED the UI serves the page: no", "0 passed, 1 failed"]
    (container,) = cluster.objects["Job", SMOKE_JOB]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--grpc=g:1", "--test=ui-page"]
    assert json.dumps(JOB) == unchanged


def test_a_test_that_passed_leaves_nothing(cluster):
    assert smoke.run(cluster, OBJECTS, lambda _text: None, FakeClock()).passed
    assert set(cluster.objects) == {("ConfigMap", SMOKE_JOB)}, "how it ended is recorded"


class Interrupted(FakeClock):
    """The user presses Ctrl-C while the Job runs, once."""

    def sleep(self, seconds):
        if not self.slept:
            super().sleep(seconds)
            raise KeyboardInterrupt
        super().sleep(seconds)


@pytest.fixture
def endless(cluster, monkeypatch):
    """A Job that does not end by itself."""
    apply = cluster.apply

    def start(wanted, **options):
        made = apply(wanted, **options)
        cluster.objects[wanted["kind"], SMOKE_JOB].pop("status", None)
        cluster.pods = {}
        return made

    monkeypatch.setattr(cluster, "apply", start)
    return cluster


def test_an_interrupted_test_leaves_nothing_and_says_so(endless):
    with pytest.raises(KeyboardInterrupt, match="nothing of it is left"):
        smoke.run(endless, OBJECTS, lambda _text: None, Interrupted())
    assert endless.objects == {}


@pytest.mark.parametrize("trouble", [UnreachableError("The cluster does not respond."), KeyboardInterrupt()])
def test_where_an_interrupted_test_cannot_be_removed_it_is_said_what_to_type(endless, monkeypatch, trouble):
    delete = endless.delete

    def fail_for_policies(api_version, kind, name, **options):
        if kind == "NetworkPolicy" and endless.applied:
            raise trouble
        return delete(api_version, kind, name, **options)

    monkeypatch.setattr(endless, "delete", fail_for_policies)
    typed = f"-n kubeflow delete job,networkpolicy,serviceaccount {SMOKE_JOB} --ignore-not-found"
    with pytest.raises(KeyboardInterrupt, match=typed):
        smoke.run(endless, OBJECTS, lambda _text: None, Interrupted())
    assert ("NetworkPolicy", SMOKE_JOB) in endless.objects


def test_a_test_that_does_not_end_is_an_error(endless):
    with pytest.raises(UserError, match="did not finish") as caught:
        smoke.run(endless, OBJECTS, lambda _text: None, FakeClock())
    assert "describe pod" in caught.value.hint


def test_from_here_the_servers_are_asked_through_port_forwards(cluster, stack, tmp_path):
    grpc, rest, ui = (int(address.rpartition(":")[2]) for address in (stack.grpc_target, stack.rest_url, stack.ui_url))
    # The gRPC server and the REST backend have the same port in their pods.
    forward = cluster.forward
    by_part = {"grpc": grpc, "rest": rest, "ui": ui}
    cluster.forward = lambda pods, _port, *args, **more: forward(pods, by_part[pods()], *args, **more)
    for part in SERVERS:
        cluster.add(workload(part.workload, part.name, ready=1))
        cluster.pods[part.name] = pod(part.name, part.name, **READY)
    junit = tmp_path / "smoke.xml"
    done = run("--from-here", "--junit", str(junit), "-o", "json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["passed"] is True
    assert [each["test"] for each in document["checks"]] == list(checks.TESTS)
    assert len(ET.parse(junit).getroot()) == len(checks.TESTS)
    assert {name for name, _ in cluster.forwarded} == {"grpc", "rest", "ui"}
    assert cluster.applied == []


def test_from_here_without_pods_says_what_to_type(cluster, tmp_path):
    junit = tmp_path / "smoke.xml"
    done = run("--from-here", "--junit", str(junit), "--test", "ui-page", "--test", "ui-rest")
    assert [case[0].tag for case in ET.parse(junit).getroot()] == ["failure", "failure"]
    assert done.exit_code == 1
    assert "No pod of the MLMD gRPC server is ready" in done.output
    assert "status --context fake -n kubeflow" in done.output


def test_tests_are_listed_without_a_cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    listed = run("--list")
    assert listed.exit_code == 0
    assert all(name in listed.output for name in checks.TESTS)
    assert all(len(line) <= 80 for line in listed.output.splitlines())
    assert list(json.loads(run("--list", "-o", "json").stdout)["tests"]) == list(checks.TESTS)
    unknown = run("--test", "none")
    assert unknown.exit_code == 64
    assert "ui-page" in unknown.output
