"""Kubeflow Metadata as it is installed in a namespace: what tests ask of it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.checkout import ROOT
from tests.support.cluster import tools
from tests.support.cluster.kind import Cluster
from tests.support.e2e import workloads
from tests.support.e2e.forwarding import forwarded
from tests.support.waiting import eventually

BASE = ROOT / "manifests" / "metadata" / "base"
CHART = ROOT / "charts" / "metadata"
PART = "metadata.kubeflow.org/part"
SECRET = "metadata-db-secrets"
DATA = {"persistentvolumeclaim/metadata-mysql", f"secret/{SECRET}"}


@dataclass(frozen=True)
class Installation:
    """One namespace of the cluster."""

    cluster: Cluster
    namespace: str

    def kubectl(self, *arguments: str | Path, stdin: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, stdin=stdin, check=check)

    def get(self, *what: str) -> Any:
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def apply(self, directory: Path, *options: str) -> str:
        """As README has it: kustomize build | kubectl apply."""
        built = subprocess.run([tools.KUSTOMIZE.path, "build", directory], capture_output=True, text=True, check=True)
        return self.kubectl("apply", *options, "--filename=-", stdin=built.stdout)

    def helm(self, *arguments: str | Path, tool: tools.Tool = tools.HELM_4, check: bool = True) -> str:
        command = [tool.path, f"--kube-context={self.cluster.context}", f"--namespace={self.namespace}", *arguments]
        environment = {**os.environ, **self.cluster.environment}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def installer(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`python -m installer`, with the tools that users have on their PATH."""
        command, environment = self._command(arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @contextmanager
    def running_installer(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The same, while it runs; killed if it still does at the end."""
        command, environment = self._command(arguments)
        environment["PYTHONUNBUFFERED"] = "1"
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=ROOT) as process:
            try:
                yield process
            finally:
                process.kill()

    def start_installer(self, *arguments: str) -> subprocess.Popen[str]:
        """The same, still running; its progress is on standard error."""
        command, environment = self._command(arguments)
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        return subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=pipe, text=True, env=environment, cwd=ROOT
        )

    def _command(self, arguments: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
        path = os.pathsep.join([str(tools.KUSTOMIZE.path.parent), str(self._helm_on_path()), os.environ["PATH"]])
        command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "installer", *arguments]
        if arguments[0] != "render":
            command += [f"--context={self.cluster.context}"]
        command += [f"--{'dashboard-' if arguments[0] == 'dashboard' else ''}namespace={self.namespace}"]
        return command, {**os.environ, **self.cluster.environment, "PATH": path}

    def _helm_on_path(self) -> Path:
        folder = ROOT / ".cache" / "e2e-path"
        tools.link(tools.HELM_4, folder / "helm")
        return folder

    def wait(self, *, seconds: float = 240) -> float:
        """Waits until every pod of ours is ready; how long it took."""
        started = time.monotonic()
        eventually(self._is_ready, f"everything in {self.namespace} is ready", seconds=seconds)
        return time.monotonic() - started

    def _is_ready(self) -> bool:
        for kind in ("deployments", "statefulsets"):
            for each in self.get(kind, f"--selector={PART}")["items"]:
                wanted, status = each["spec"]["replicas"], each["status"]
                seen = status.get("observedGeneration", 0) >= each["metadata"]["generation"]
                counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
                if not seen or counts != [wanted] * 3:
                    return False
        # Not even one that is on its way out: what follows would meet it.
        return all(workloads.is_ready(pod) for pod in self.pods())

    def pods(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get("pods", f"--selector={PART},{PART}!=smoke")["items"]
        return items

    def restarts(self) -> int:
        statuses = [
            status
            for pod in self.pods()
            for kind in ("initContainerStatuses", "containerStatuses")
            for status in pod["status"].get(kind, [])
        ]
        assert statuses
        return sum(status["restartCount"] for status in statuses)

    def generations(self) -> dict[str, Any]:
        """What changes when an object, or a pod, is another one than before."""
        kinds = "deployments,statefulsets,services,configmaps,secrets,persistentvolumeclaims,networkpolicies,roles"
        objects = self.get(kinds, f"--selector={PART}")["items"]
        facts = {f"{o['kind']} {o['metadata']['name']}": o["metadata"].get("generation") for o in objects}
        return {**facts, **{pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.pods()}}

    def what_is_left(self) -> set[str]:
        kinds = "deployments,statefulsets,services,roles,networkpolicies,pvc,secrets,jobs"
        return set(self.kubectl("get", kinds, "--output=name").split())

    def passwords(self) -> dict[str, str]:
        data: dict[str, str] = self.get("secret", SECRET)["data"]
        return data

    @contextmanager
    def rest(self) -> Iterator[str]:
        with forwarded(self.cluster, self.namespace, "service/metadata-service", 8080) as url:
            yield url

    def artifacts(self, type_name: str = "kubeflow.org/alpha/model") -> set[str]:
        """The names of all artifacts of a type, read through REST."""
        with self.rest() as url:
            path = f"/api/v1alpha1/artifact_types/{type_name.replace('/', '%2F')}/artifacts"
            with urllib.request.urlopen(url + path, timeout=30) as answer:
                found = json.load(answer).get("artifacts", [])
        return {each["properties"]["name"]["string_value"] for each in found}

    def run_script(self, name: str, image: str, script: Path, *arguments: str) -> str:
        """What a script prints that runs in a pod of this namespace."""
        self.start_script(name, image, script, *arguments)
        eventually(lambda: self._phase(name) in {"Succeeded", "Failed"}, f"{script.name} ends", seconds=120)
        printed = self.kubectl("logs", name)
        assert self._phase(name) == "Succeeded", printed
        self.kubectl("delete", "pod", name, "--wait=false")
        return printed

    def start_script(self, name: str, image: str, script: Path, *arguments: str) -> None:
        files = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        pod = workloads.pod(
            name,
            {
                "image": image,
                "command": ["python", "-u", f"/scripts/{script.name}", *arguments],
                "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}, {"name": "tmp", "mountPath": "/tmp"}],
            },
            restartPolicy="Never",
            volumes=[{"name": "scripts", "configMap": {"name": name}}, {"name": "tmp", "emptyDir": {}}],
        )
        self.kubectl("delete", "pod", name, "--ignore-not-found")
        workloads.apply(self.cluster, self.namespace, {**files, "data": {script.name: script.read_text()}}, pod)

    def _phase(self, pod: str) -> str:
        phase: str = self.get("pod", pod)["status"].get("phase", "")
        return phase


@contextmanager
def namespace(cluster: Cluster, name: str = "") -> Iterator[Installation]:
    """A namespace as strict as Kubernetes' Pod Security Standards go, gone afterwards with all that is in it.

    One that has a name replaces what an earlier run left under it, so it is only for dedicated clusters.
    """
    if name:
        assert cluster.engine is not None, f"the namespace {name} of a foreign cluster is not ours to replace"
        cluster.kubectl("delete", "namespace", name, "--ignore-not-found")
    else:
        name = f"e2e-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield Installation(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
