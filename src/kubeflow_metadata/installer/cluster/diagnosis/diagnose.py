"""The diagnosis of an installation: one look at the cluster, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubeflow_metadata.installer.cluster.diagnosis import (
    admission,
    causes,
    claims,
    configuration,
    containers,
    database,
    graph,
    images,
    nodes,
    scheduling,
)
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis, Finding
from kubeflow_metadata.installer.cluster.diagnosis.reading import read
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.port import Cluster, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

Rule = Callable[[Snapshot], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    nodes.findings,
    claims.findings,
    configuration.findings,
    admission.findings,
    scheduling.findings,
    images.findings,
    containers.findings,
    database.findings,
)


def diagnose(cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> Diagnosis:
    """Returns what is wrong with the installation in the namespace of a cluster, now."""
    try:
        return of(read(cluster, clock))
    except UnreachableError as error:
        return away(Snapshot(cluster.context, cluster.namespace, clock.now()), error)


def of_pods(cluster: Cluster, part: str, clock: Clock = SYSTEM_CLOCK) -> Diagnosis:
    """Returns what is wrong with the pods that have a value of the label ``metadata.kubeflow.org/part``."""
    return of(read(cluster, clock, part))


def of(snapshot: Snapshot) -> Diagnosis:
    """Returns what is wrong in a snapshot."""
    found = [finding for rule in RULES for finding in rule(snapshot)]
    if snapshot.is_blind:
        message = (snapshot.unread or ("cannot list pods.",))[0].removeprefix("Permission denied: ")
        found.append(causes.UNSEEN.found(snapshot, f"Namespace {snapshot.namespace}", "", {"message": message}))
    return Diagnosis(graph.roots(snapshot, found), snapshot.unread)


def away(snapshot: Snapshot, error: UnreachableError) -> Diagnosis:
    """Returns the diagnosis of a cluster that does not respond."""
    subject = f"Context {snapshot.context}"
    return Diagnosis((causes.CLUSTER_AWAY.found(snapshot, subject, "", {"message": error.details or str(error)}),))
