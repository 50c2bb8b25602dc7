"""What each verb does on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster import applying, engines, inventory, pods, rollouts, smoke
from kubeflow_metadata.installer.cluster.connection import Cluster, Object, connect
from kubeflow_metadata.installer.cluster.inventory import DATA_KINDS
from kubeflow_metadata.installer.model.loading import load_settings
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.terminal import Terminal, table

Engine = Literal["kustomize", "helm"]
_UP = "python -m installer up"


@dataclass(frozen=True)
class Target:
    """Where, and with which settings.

    Attributes:
        context: of the kubeconfig; none: its current one.
        namespace: where everything is.
        file: the settings.
        assignments: settings as ``name=value``, over those of the file.
    """

    context: str | None = None
    namespace: str = DEFAULT_NAMESPACE
    file: Path | None = None
    assignments: tuple[str, ...] = ()

    def settings(self) -> Settings:
        return load_settings(self.file, self.assignments)

    def cluster(self) -> Cluster:
        return connect(self.context, self.namespace)


def render(target: Target, directory: Path, engine: Engine, terminal: Terminal) -> None:
    """Writes an overlay, or the values of the chart."""
    settings = target.settings()
    if engine == "helm":
        directory.mkdir(parents=True, exist_ok=True)
        written = engines.write_values(settings, directory)
        apply = f"helm upgrade --install metadata charts/metadata -n {target.namespace} -f {written}"
    else:
        source = target.file.name if target.file and not target.assignments else ""
        written = Overlay(settings, target.namespace, source=source).write(directory)
        apply = f"kustomize build {directory} | kubectl apply --server-side -f -"
    terminal.result({"file": str(written), "apply": apply}, f"Wrote {written}\nTo install it: {apply}")


def up(target: Target, engine: Engine | None, seconds: int, terminal: Terminal) -> None:
    """Applies everything, waits for it, runs the smoke test, says how to open it."""
    started = time.monotonic()
    settings = target.settings()
    with terminal.step("Cluster") as step:
        cluster = target.cluster()
        step.outcome = f"{cluster.context}, namespace {cluster.namespace}"
    chosen = engine or _engine_of(cluster) or "kustomize"
    with terminal.step(f"Objects, with {chosen}") as step:
        make = engines.templated if chosen == "helm" else engines.built
        objects = make(settings, cluster.namespace)
        step.outcome = str(len(objects))
    with terminal.step("Apply") as step:
        applying.refuse_others(cluster, objects)
        made = "namespace created, " if applying.ensure_namespace(cluster) else ""
        smoke.remove(cluster)
        if chosen == "helm":
            engines.upgrade_release(cluster, settings)
            inventory.forget(cluster)
            step.outcome = f"{made}release {engines.RELEASE}"
        else:
            was_helm = engines.has_release(cluster)
            deleted = applying.apply(cluster, objects, step.glimpse, terminal.note, take_over=was_helm)
            engines.forget_release(cluster)
            step.outcome = f"{made}{len(objects)} applied, {deleted} deleted"
    workloads = [(each["kind"], each["metadata"]["name"]) for each in objects if each["kind"] in rollouts.WORKLOADS]
    with terminal.step("Wait until everything runs") as step:
        rollouts.wait(cluster, workloads, seconds, step.say)
        step.outcome = f"{len(workloads)} workloads"
    _run_smoke(cluster, settings, terminal)
    elapsed = time.monotonic() - started
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "engine": chosen,
        "version": version("kubeflow-metadata-server"),
        "seconds": round(elapsed, 1),
        "services": _services(cluster.namespace, settings),
    }
    terminal.result(document, _closing_screen(cluster, settings, elapsed))


def status(target: Target, terminal: Terminal) -> bool:
    """Shows how everything is; whether all of it runs."""
    cluster = target.cluster()
    found = [each for kind in rollouts.WORKLOADS for each in cluster.list("apps/v1", kind, applying.PART)]
    if not found:
        _say_nothing_is_there(cluster, terminal)
        return False
    documents = [_described(cluster, each) for each in found]
    rows = [
        (each["name"], f"{each['ready']}/{each['wanted']}", str(each["restarts"]), each["image"], each["state"])
        for each in documents
    ]
    running = all(each["running"] for each in documents)
    engine = _engine_of(cluster) or "kubectl"
    text = table(rows, ("NAME", "READY", "RESTARTS", "IMAGE", "STATE"))
    text += f"\n\nContext {cluster.context}, namespace {cluster.namespace}, applied with {engine}."
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "engine": engine,
        "running": running,
        "workloads": documents,
    }
    terminal.result(document, text)
    return running


def run_smoke(target: Target, terminal: Terminal) -> bool:
    """Runs the smoke test; whether it passed."""
    cluster = target.cluster()
    settings = _with_image_of(cluster, target.settings())
    with terminal.step("Smoke test, as a Job in the cluster") as step:
        passed, text = smoke.run(cluster, settings, step.say)
    terminal.result({"passed": passed, "output": text.splitlines()}, text)
    return passed


def down(target: Target, terminal: Terminal, *, delete_data: bool) -> None:
    """Takes everything away; claim, Secret and namespace stay unless asked otherwise."""
    cluster = target.cluster()
    ours = applying.found_by_label(cluster) | (inventory.read(cluster) or set())
    release = engines.has_release(cluster)
    gone = {each for each in ours if each.kind not in DATA_KINDS}
    data = {each for each in ours if each.kind in DATA_KINDS}
    with terminal.step("Take down") as step:
        if release:
            engines.uninstall_release(cluster)
        applying.delete(cluster, gone, step.glimpse)
        inventory.forget(cluster)
        _wait_until_gone(cluster, step.say)
        if delete_data:
            applying.delete(cluster, data, step.glimpse)
        step.outcome = f"{len(gone)} deleted"
    kept = [] if delete_data else sorted(f"{each.kind} {each.name}" for each in data)
    document = {"deleted": len(gone), "kept": kept, "data_deleted": delete_data and bool(data)}
    text = f"Deleted {len(gone)} objects of {cluster.namespace}." if gone else f"Nothing runs in {cluster.namespace}."
    if kept:
        text += f"\nKept: {', '.join(kept)}. `{_UP}` finds them; --delete-data deletes them, too."
    elif delete_data and data:
        text += " The data is deleted, too."
    terminal.result(document, text)


def _described(cluster: Cluster, workload: Object) -> Object:
    state = rollouts.state_of(workload)
    own = cluster.list("v1", "Pod", f"{applying.PART}={workload['metadata']['labels'][applying.PART]}")
    containers = [each for pod in own for each in pod["status"].get("containerStatuses") or []]
    trouble = next((found for pod in own if (found := pods.trouble_with(pod))), None)
    reason = state.refused or (trouble.reason if trouble and not state.done else "")
    return {
        "name": state.name,
        "ready": state.ready,
        "wanted": state.wanted,
        "running": state.done,
        "restarts": sum(each.get("restartCount", 0) for each in containers),
        "image": workload["spec"]["template"]["spec"]["containers"][0]["image"],
        "state": "running" if state.done else reason or "waiting for pods",
    }


def _engine_of(cluster: Cluster) -> Engine | None:
    """What installed what is there."""
    if engines.has_release(cluster):
        return "helm"
    return "kustomize" if inventory.read(cluster) is not None else None


def _run_smoke(cluster: Cluster, settings: Settings, terminal: Terminal) -> None:
    with terminal.step("Smoke test, as a Job in the cluster") as step:
        passed, text = smoke.run(cluster, settings, step.say)
        step.outcome = text.splitlines()[-1] if text else ""
    if not passed:
        raise UserError(
            "Everything runs, but the smoke test failed:",
            details=text,
            hint=f"kubectl --context {cluster.context} -n {cluster.namespace} logs deployment/metadata-deployment",
        )


def _with_image_of(cluster: Cluster, settings: Settings) -> Settings:
    """The settings, with the image that runs where they do not name one."""
    if settings.images.server != Settings().images.server:
        return settings
    found = cluster.get("apps/v1", "Deployment", "metadata-deployment")
    if found is None:
        hint = f"Type: {_UP} -n {cluster.namespace}"
        raise UserError(f"Nothing is installed in {cluster.namespace}.", hint=hint)
    pod = found["spec"]["template"]["spec"]
    container = pod["containers"][0]
    name, at, digest = container["image"].partition("@")
    repository, _, tag = name.rpartition(":") if not at else (name, "", settings.images.server.tag)
    server = settings.images.server.model_copy(update={"repository": repository, "tag": tag, "digest": digest})
    pull_secrets = tuple(each["name"] for each in pod.get("imagePullSecrets") or [])
    images = settings.images.model_copy(
        update={"server": server, "pull_policy": container["imagePullPolicy"], "pull_secrets": pull_secrets}
    )
    return settings.model_copy(update={"images": images})


def _wait_until_gone(cluster: Cluster, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + 300
    while left := cluster.list("v1", "Pod", applying.PART):
        say(f"{len(left)} pods are going")
        if time.monotonic() > deadline:
            raise UserError("Pods do not go away.", details="\n".join(pod["metadata"]["name"] for pod in left))
        time.sleep(1)


def _say_nothing_is_there(cluster: Cluster, terminal: Terminal) -> None:
    document: Object = {"context": cluster.context, "namespace": cluster.namespace, "running": False, "workloads": []}
    terminal.result(document, f"Nothing is installed in {cluster.namespace} of {cluster.context}.\n\nType: {_UP}")


def _services(namespace: str, settings: Settings) -> dict[str, str]:
    found = {
        "ui": f"http://metadata-ui.{namespace}",
        "rest": f"http://metadata-service.{namespace}:8080",
        "grpc": f"metadata-grpc-service.{namespace}:8080",
        "grpc_web": f"http://metadata-envoy-service.{namespace}:9090",
    }
    if settings.istio.enabled:
        found["gateway"] = f"/metadata/ at {settings.istio.gateway}"
    return found


def _closing_screen(cluster: Cluster, settings: Settings, seconds: float) -> str:
    where = f"--context {cluster.context} -n {cluster.namespace}"
    services = _services(cluster.namespace, settings)
    gateway = f"\n  Gateway          {services['gateway']}" if "gateway" in services else ""
    return f"""
Kubeflow Metadata is up, after {seconds:.0f} s.

  Open the Artifact Store:
    kubectl {where} port-forward service/metadata-ui 3000:80
    then http://127.0.0.1:3000

  In the cluster:
  Artifact Store   {services["ui"]}
  REST             {services["rest"]}/api/v1alpha1/artifacts
  gRPC             {services["grpc"]}{gateway}

From Python, in the cluster:
  from kfmd import metadata
  workspace = metadata.Workspace(backend_url_prefix="{services["rest"].removeprefix("http://")}", name="my-workspace")

Next: python -m installer status|smoke|down {where}
""".lstrip()
