"""The image of the servers: built, loaded, pushed, and run the way a strict cluster runs it."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubeflow_metadata.installer import catalog
from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads
from tests.support.e2e.forwarding import forwarded
from tests.support.e2e.images import REFERENCE, TAG, installer_images
from tests.support.waiting import eventually


def server(name: str, module: str, port: int, *arguments: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["python", "-m", module, *arguments],
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "securityContext": workloads.RESTRICTED_CONTAINER,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }


def test_one_image_runs_the_three_servers_as_any_uid_on_a_read_only_root(
    cluster: Cluster, namespace: str, loaded: str
) -> None:
    pod = workloads.pod("metadata", {}, volumes=[{"name": "data", "emptyDir": {}}])
    pod["spec"]["containers"] = [
        server(
            "grpc", "kubeflow_metadata.mlmd", 9090, "--sqlite_config_filename_uri=/data/metadata.db", "--grpc_port=9090"
        ),
        server(
            "rest", "kubeflow_metadata.rest", 8080, "--http_port=8080", "--mlmd_grpc_port=9090", "--http_host=0.0.0.0"
        ),
        server("ui", "kubeflow_metadata.ui", 3000, "--port=3000", "--rest_url=http://127.0.0.1:8080", "--host=0.0.0.0"),
    ]
    pod["spec"]["containers"][0]["command"].append("--grpc_host=0.0.0.0")
    workloads.apply(cluster, namespace, pod)
    workloads.wait_ready(cluster, namespace, "metadata")

    with forwarded(cluster, namespace, "pod/metadata", 3000) as url:
        page = urllib.request.urlopen(f"{url}/metadata/", timeout=20).read().decode()
        assert "<div id=" in page, "the UI's built files are inside"

        def types() -> bool:
            answer = urllib.request.urlopen(f"{url}/api/v1alpha1/artifact_types", timeout=20)
            return bool(json.load(answer)["artifact_types"])

        eventually(types, "the predefined types are registered: UI, REST and gRPC server talk")


def test_the_image_has_no_build_tools_of_ours_and_says_what_it_is(cluster: Cluster, loaded: str) -> None:
    assert cluster.engine is not None
    inspected = json.loads(cluster.engine.run("image", "inspect", loaded))[0]["Config"]
    labels = {name.rpartition(".")[2] for name in inspected["Labels"] if name.startswith("org.opencontainers.image.")}
    assert labels >= {"title", "version", "revision", "created", "source", "licenses"}
    user = inspected["User"].partition(":")[0]
    assert int(user) > 10000
    for module in ("pip", "hatchling", "kubernetes", "pytest"):
        words = ["run", "--rm", "--network=none", "--read-only", "--user=54321", loaded]
        assert not cluster.engine.succeeds(*words, "python", "-c", f"import {module}"), module
    assert cluster.engine.succeeds(
        *words, "python", "-c", "import kubeflow_metadata.mlmd, kubeflow_metadata.rest, kubeflow_metadata.ui"
    )


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry of images on this machine, for one test."""
    tools.build([tools.REGISTRY])
    serving = subprocess.Popen(
        [tools.REGISTRY.path, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert serving.stdout is not None
    try:
        said = serving.stdout.readline()  # "... serving on port 12345"
        yield f"127.0.0.1:{said.split()[-1]}"
    finally:
        serving.terminate()
        serving.wait(20)
        serving.stdout.close()


def test_push_notes_the_digest_under_which_the_registry_has_the_image(
    cluster: Cluster, loaded: str, registry: str, tmp_path: Path
) -> None:
    file = tmp_path / "images.json"

    pushed = installer_images(cluster, "push", f"{registry}/team", f"--digests={file}", "--plain-http")

    noted = json.loads(file.read_text())["images"][0]
    assert noted["pinned"] == pushed["pinned"]
    manifest = f"http://{registry}/v2/team/{catalog.SERVER_NAME}/manifests/{TAG}"
    accepted = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(manifest, method="HEAD", headers={"Accept": accepted})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Docker-Content-Digest"] == noted["digest"]
    assert cluster.engine is not None
    cluster.engine.succeeds("image", "rm", pushed["image"])
