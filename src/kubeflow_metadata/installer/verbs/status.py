"""``status`` on a cluster."""

from __future__ import annotations

from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.cluster import rollouts
from kubeflow_metadata.installer.cluster.diagnosis.diagnose import diagnose
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.objects import PART, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.terminal import Terminal, table
from kubeflow_metadata.installer.verbs.target import Target


def status(target: Target, terminal: Terminal) -> bool:
    """Shows the state of every workload; returns whether all of them run."""
    cluster = target.cluster()
    workloads = [each for kind in kinds.WORKLOADS for each in cluster.list(kind.api_version, kind.name, PART)]
    diagnosis = diagnose(cluster) if workloads else Diagnosis()
    documents = [_described(cluster, each, diagnosis) for each in workloads]
    running = bool(documents) and all(each["running"] for each in documents)
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "running": running,
        "workloads": documents,
    }
    if not documents:
        text = f"Nothing is installed in namespace {cluster.namespace} of context {cluster.context}."
        terminal.result(document, f"{text}\n\nTo install, run: {program.command('up')} {cluster.options}")
        return False
    owner = choice.owner(cluster)
    engine = owner.name if owner else "kubectl"
    rows = [
        (each["name"], f"{each['ready']}/{each['wanted']}", str(each["restarts"]), each["image"], each["state"])
        for each in documents
    ]
    text = table(rows, ("NAME", "READY", "RESTARTS", "IMAGE", "STATE"))
    text += f"\n\nContext {cluster.context}, namespace {cluster.namespace}, applied with {engine}."
    terminal.result({**document, "engine": engine}, text)
    return running


def _described(cluster: Cluster, workload: Object, diagnosis: Diagnosis) -> Object:
    state = rollouts.state_of(workload)
    own = cluster.list("v1", "Pod", f"{PART}={part_of(workload)}")
    containers = [each for pod in own for each in pod["status"].get("containerStatuses") or []]
    every = [found for root in diagnosis.findings for found in (root, *root.symptoms) if not found.is_over]
    causes = [] if state.done else [each for each in every if each.part == state.part]
    return {
        "name": state.name,
        "ready": state.ready,
        "wanted": state.wanted,
        "running": state.done,
        "restarts": sum(each.get("restartCount", 0) for each in containers),
        "image": workload["spec"]["template"]["spec"]["containers"][0]["image"],
        "state": "running" if state.done else causes[0].sentence if causes else "no pods yet",
        "cause": causes[0].code if causes else "",
    }
