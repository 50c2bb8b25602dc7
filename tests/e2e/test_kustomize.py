"""The manifests on a cluster, from README's command on: one installation, and what may happen to it."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from playwright.sync_api import expect

from kubeflow_metadata.parts import SERVERS
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc
from tests.support.checkout import CLIENT_SCRIPTS
from tests.support.chromium import chromium
from tests.support.cluster.kind import Cluster
from tests.support.cluster.shell import console
from tests.support.e2e import images
from tests.support.e2e.forwarding import forwarded
from tests.support.e2e.installations import BASE, CHART, PART, SECRET, Installation, namespace
from tests.support.waiting import eventually

SCRIPTS = Path(__file__).parent / "scripts"
DEMO = {"MNIST", "MNIST-evaluation", "mytable-dump"}


@pytest.fixture(scope="module")
def kubeflow(cluster: Cluster, loaded: str) -> Iterator[Installation]:
    with namespace(cluster, "kubeflow") as made:
        yield made


@pytest.fixture
def healthy(kubeflow: Installation) -> Installation:
    kubeflow.wait()
    return kubeflow


def test_a_plain_apply_ends_healthy_by_itself(kubeflow: Installation) -> None:
    kubeflow.apply(BASE)
    console.print(f"  healthy {kubeflow.wait():.0f} s after the first apply")

    assert kubeflow.restarts() == 0
    assert len(kubeflow.pods()) == 4


def test_applying_again_changes_nothing(healthy: Installation) -> None:
    before, passwords = healthy.generations(), healthy.passwords()
    said = healthy.apply(BASE)
    assert [line for line in said.splitlines() if not line.endswith(" unchanged")] == []
    healthy.kubectl("apply", "--kustomize", BASE)
    healthy.apply(BASE, "--server-side")

    assert healthy.generations() == before
    assert healthy.passwords() == passwords


def test_servers_do_not_use_root(healthy: Installation) -> None:
    values = {name: base64.b64decode(text).decode() for name, text in healthy.passwords().items()}

    assert values.keys() == {"MYSQL_ROOT_PASSWORD", "MYSQL_USERNAME", "MYSQL_PASSWORD"}
    assert values["MYSQL_USERNAME"] == "metadata"
    assert values["MYSQL_PASSWORD"] != values["MYSQL_ROOT_PASSWORD"]


def test_the_demo_of_the_unmodified_kfmd_is_seen_through_every_server(healthy: Installation, client_image: str) -> None:
    script = CLIENT_SCRIPTS / "log_demo.py"
    address = f"metadata-service.{healthy.namespace}:8080"
    logged = json.loads(healthy.run_script("kfmd", client_image, script, "kfmd.metadata", address, "e2e"))

    assert healthy.artifacts() == {"MNIST"}
    with forwarded(healthy.cluster, healthy.namespace, "service/metadata-grpc-service", 8080) as url:
        found = artifacts_by_id(url, [int(logged[name]) for name in ("model", "metrics", "data_set")])
    assert {each.properties["name"].string_value for each in found} == DEMO
    with forwarded(healthy.cluster, healthy.namespace, "service/metadata-ui", 80) as url, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{url}/metadata/")
        for name in DEMO:
            expect(page.get_by_role("link", name=name, exact=True).first).to_be_visible()


def artifacts_by_id(url: str, ids: list[int]) -> list[pb.Artifact]:
    with grpc.insecure_channel(url.removeprefix("http://")) as channel:
        call = channel.unary_unary(
            "/ml_metadata.MetadataStoreService/GetArtifactsByID",
            request_serializer=rpc.GetArtifactsByIDRequest.SerializeToString,
            response_deserializer=rpc.GetArtifactsByIDResponse.FromString,
        )
        return list(call(rpc.GetArtifactsByIDRequest(artifact_ids=ids), timeout=30).artifacts)


def test_browser_clients_reach_the_store_over_grpc_web(healthy: Installation) -> None:
    with forwarded(healthy.cluster, healthy.namespace, "service/metadata-envoy-service", 9090) as url:
        request = urllib.request.Request(
            f"{url}/ml_metadata.MetadataStoreService/GetArtifactTypes",
            data=b"\0\0\0\0\0",
            headers={"Content-Type": "application/grpc-web+proto"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert b"kubeflow.org/alpha/model" in answer.read()


@pytest.mark.timeout(600, func_only=True)
def test_pods_that_are_deleted_come_back_and_nothing_acknowledged_is_lost(
    healthy: Installation, client_image: str
) -> None:
    healthy.start_script("writer", client_image, SCRIPTS / "keep_writing.py", "http://metadata-service:8080")
    eventually(lambda: "ok written" in healthy.kubectl("logs", "writer", check=False), "the client writes")
    for pod in healthy.pods():
        healthy.kubectl("delete", "pod", pod["metadata"]["name"])
        healthy.wait()
        wait_for_more(healthy)
    healthy.kubectl("exec", "writer", "--", "touch", "/tmp/stop")
    eventually(lambda: healthy.get("pod", "writer")["status"]["phase"] == "Succeeded", "the client ends")

    assert acknowledged(healthy) - healthy.artifacts() == set()
    assert {"MNIST"} <= healthy.artifacts()
    assert healthy.restarts() == 0, "new pods, no crashes"
    healthy.kubectl("delete", "pod", "writer")


def wait_for_more(installation: Installation) -> None:
    before = len(acknowledged(installation))
    eventually(lambda: len(acknowledged(installation)) > before, "the same client goes on by itself")


def acknowledged(installation: Installation) -> set[str]:
    lines = installation.kubectl("logs", "writer").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ok ")}


def test_secret_and_data_survive_an_upgrade_to_another_image(healthy: Installation, tmp_path: Path) -> None:
    passwords, artifacts = healthy.passwords(), healthy.artifacts()
    healthy.installer("render", str(tmp_path), f"--set=images.server.tag={images.TAG}", "--set=grpc.workerThreads=4")
    healthy.apply(tmp_path)
    healthy.wait()

    for server in SERVERS:
        (container,) = healthy.get("deployment", server.workload)["spec"]["template"]["spec"]["containers"]
        assert container["image"] == images.REFERENCE
    assert healthy.passwords() == passwords
    assert healthy.artifacts() == artifacts


def test_without_its_secret_the_database_stops_and_says_so_and_comes_back_with_it(healthy: Installation) -> None:
    artifacts, passwords = healthy.artifacts(), healthy.passwords()
    secret = healthy.get("secret", SECRET)
    healthy.kubectl("delete", "secret", SECRET)
    healthy.kubectl("delete", "pod", "metadata-db-0")

    def reason() -> str:
        pod = healthy.get("pod", "metadata-db-0") if "metadata-db-0" in healthy.kubectl("get", "pods") else {}
        for status in pod.get("status", {}).get("initContainerStatuses", []):
            for state in (status["state"], status.get("lastState", {})):
                if message := state.get("terminated", {}).get("message"):
                    return str(message)
        return ""

    assert "Recovering from a lost Secret" in eventually(reason, "the initContainer says why it stops")
    assert healthy.kubectl("get", "secret", SECRET, "--ignore-not-found") == "", "no new password was made"
    status = healthy.installer("status", "--output=json", check=False)
    assert status.returncode == 1
    assert "Secret metadata-db-secrets" in json.loads(status.stdout)["summary"]

    kept = {name: secret["metadata"][name] for name in ("name", "labels")}
    healthy.kubectl("apply", "--filename=-", stdin=json.dumps({**secret, "metadata": kept}))
    healthy.kubectl("delete", "pod", "metadata-db-0")
    healthy.wait()
    assert healthy.artifacts() == artifacts
    healthy.apply(BASE)
    healthy.apply(BASE, "--server-side", "--force-conflicts")
    assert healthy.passwords() == passwords, "applying the empty Secret of the manifests does not empty a restored one"


@pytest.mark.timeout(600, func_only=True)
def test_helm_takes_over_and_back_and_no_pod_notices(healthy: Installation) -> None:
    healthy.apply(BASE, "--server-side", "--force-conflicts")
    healthy.wait()
    artifacts, before = healthy.artifacts(), {pod["metadata"]["uid"] for pod in healthy.pods()}

    healthy.helm("upgrade", "--install", "metadata", CHART, "--take-ownership", "--force-conflicts")
    healthy.wait()
    assert "deployed" in healthy.helm("list")
    assert {pod["metadata"]["uid"] for pod in healthy.pods()} == before
    healthy.kubectl("delete", "secret", "--selector=owner=helm,name=metadata")
    healthy.apply(BASE, "--server-side", "--force-conflicts")
    healthy.wait()

    assert {pod["metadata"]["uid"] for pod in healthy.pods()} == before
    assert healthy.artifacts() == artifacts
    applied = healthy.get("deployments,statefulsets,services", f"--selector={PART}")["items"]
    assert {each["metadata"]["labels"]["app.kubernetes.io/managed-by"] for each in applied} == {"kustomize"}
