"""Why an installation does not run, in one table: a stable code, a sentence, what to do, and how long to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot


class Rank(IntEnum):
    """How much a cause says by itself.

    A ``ROOT`` is explained by nothing else. A ``LINK`` is a cause unless something that it needs has one. A
    ``SYMPTOM`` only says that something is not there yet.
    """

    ROOT = 0
    LINK = 1
    SYMPTOM = 2
    OVER = 3


@dataclass(frozen=True)
class Cause:
    """One cause.

    Attributes:
        code: names it in messages, documents and scripts; never reused for another one.
        sentence: what is so. Like the hint, it has the words of the finding in braces.
        hint: what to do. Beside those words, it may have ``{up}``, ``{options}``, ``{kubectl}``, ``{namespace}`` and
            ``{program}``.
        patience: seconds to wait for it to resolve by itself; infinite for a normal intermediate state.
        rank: how much it says by itself.
    """

    code: str
    sentence: str
    hint: str = ""
    patience: float = 0.0
    rank: Rank = Rank.ROOT

    def found(
        self,
        snapshot: Snapshot,
        subject: str,
        part: str,
        words: Mapping[str, str],
        *,
        asked: str = "",
        available: str = "",
        details: str = "",
        seconds: float | None = None,
        patience: float | None = None,
    ) -> Finding:
        """Returns that it is so, with the words that its sentence and hint have in braces."""
        given = {
            "up": f"{program.command('up')} {snapshot.options}",
            "program": program.typed(),
            "options": snapshot.options,
            "kubectl": snapshot.kubectl,
            "namespace": snapshot.namespace,
            **words,
        }
        return Finding(
            self.code,
            subject,
            part,
            " ".join(self.sentence.format(**given).split()),
            self.hint.format(**given),
            asked,
            available,
            details,
            seconds,
            self.patience if patience is None else patience,
            is_over=self.rank is Rank.OVER,
        )


_DESCRIBE = "For details, run: {kubectl} describe pod {pod}"

# Not there yet.
TERMINATING = Cause("KFM0201", "{pod} is terminating.", patience=math.inf, rank=Rank.SYMPTOM)
STARTING = Cause("KFM0202", "{pod} is starting.", patience=math.inf, rank=Rank.SYMPTOM)
CONTAINER_STARTING = Cause(
    "KFM0203", "Container {container} of {pod} is starting ({reason}).", patience=math.inf, rank=Rank.SYMPTOM
)
NOT_READY = Cause(
    "KFM0204",
    "{pod} is running, not ready.",
    "For its log, run: {kubectl} logs {pod} -c {container}",
    math.inf,
    Rank.SYMPTOM,
)
NO_PODS = Cause("KFM0213", "{workload} has {count} pods.", patience=math.inf, rank=Rank.SYMPTOM)
CLAIM_PENDING = Cause(
    "KFM0233",
    "PersistentVolumeClaim {claim} is pending: {waits}.",
    "For details, run: {kubectl} describe persistentvolumeclaim {claim}",
    math.inf,
    Rank.SYMPTOM,
)
SECRET_AWAITED = Cause(
    "KFM0256",
    "Secret {name} has no {key} yet; MySQL's initContainer fills it.",
    "For its log, run: {kubectl} logs {workload} -c {container}",
    math.inf,
    Rank.SYMPTOM,
)
UNREADY_PROBE = Cause(
    "KFM0229",
    "{pod} is running, not ready. Its readiness probe fails: {answer}",
    "For its log, run: {kubectl} logs {pod} -c {container}",
    math.inf,
    Rank.SYMPTOM,
)

CLAIM_AWAITED = Cause(
    "KFM0259", "{pod} is unschedulable: its PersistentVolumeClaim is not bound.", patience=math.inf, rank=Rank.SYMPTOM
)

SLOW_START = Cause(
    "KFM0262",
    "{container} of {pod} is starting. Its startup probe: {answer}",
    "For its log, run: {kubectl} logs {pod} -c {container}",
    math.inf,
    Rank.SYMPTOM,
)

# Images.
_OWN_IMAGE = (
    "Check images.*.repository, tag and registry. On a kind cluster, run: {program} images build && {program} images "
    "load. With a registry, run: {program} images push REGISTRY && {up} --set images.registry=REGISTRY"
)
IMAGE_PULL = Cause("KFM0206", "The image {image} cannot be pulled: {message}", _OWN_IMAGE, 20.0)
IMAGE_NEVER = Cause("KFM0207", "The image {image} is not on the node, and the pull policy is Never.", _OWN_IMAGE, 10.0)
IMAGE_NOT_FOUND = Cause("KFM0220", "The registry has no image {image}.", _OWN_IMAGE, 20.0)
REGISTRY_AWAY = Cause(
    "KFM0221",
    "The registry of the image {image} cannot be reached from node {node}.",
    "Check images.registry, the node's network, DNS and proxy. With a registry that nodes reach, run: {up} "
    "--set images.registry=REGISTRY",
    30.0,
)
IMAGE_DENIED = Cause(
    "KFM0222",
    "The registry denies access to the image {image}: it does not exist there, or the node must log in.",
    _OWN_IMAGE + ". Where a login is required, name its Secret in images.pullSecrets.",
    20.0,
)
PULL_SECRET_MISSING = Cause(
    "KFM0223",
    "The image {image} cannot be pulled: there is no Secret {name}, with which to log in to the registry.",
    "To create it, run: {kubectl} create secret docker-registry {name} --docker-server=REGISTRY "
    "--from-file=.dockerconfigjson=FILE",
    20.0,
)
PULLING = Cause("KFM0224", "The image {image} is being pulled.", patience=math.inf)
IMAGE_NAME = Cause(
    "KFM0225",
    "{image} is no valid name of an image.",
    "Correct images.*.repository and images.*.tag, then run: {up}",
)

# Containers.
CONTAINER_CONFIG = Cause(
    "KFM0208", "Container {container} of {pod} cannot be created ({reason}): {message}", _DESCRIBE, 30.0
)
# The container wrote why it stopped.
STOPPED = Cause("KFM0210", "{container} of {pod} stopped: {message}", _DESCRIBE)
CRASHED = Cause(
    "KFM0211",
    "{container} of {pod} exited with code {exit} ({reason}).",
    "For its whole log, run: {kubectl} logs {pod} -c {container} --previous",
)
OUT_OF_MEMORY = Cause(
    "KFM0226",
    "{container} of {pod} was killed {for}{when}: its limit is {limit}.",
    "Raise the limit, run: {up} --set {settings}.resources.limits.memory={more}",
)
SETUP_INTERRUPTED = Cause(
    "KFM0258",
    "{container} of {pod} was killed while it set itself up, most often for memory (its limit is {limit}), and cannot "
    "go on with what is left.",
    "To start over with more memory, run: {up} --set mysql.resources.limits.memory={more}. With as much as before, "
    "run: {kubectl} delete pod {pod}",
)
OUT_OF_MEMORY_BEFORE = Cause(
    "KFM0227",
    "{container} of {pod} was killed {for} and runs again: its limit is {limit}, restarts: {count}.",
    "If it happens again, raise the limit, run: {up} --set {settings}.resources.limits.memory={more}",
    math.inf,
    Rank.OVER,
)
PROBE_FAILS = Cause(
    "KFM0228",
    "{container} of {pod} fails its {probe} probe: {answer}",
    "For its log, run: {kubectl} logs {pod} -c {container}",
)

# Scheduling.
_ROOM = "Free {what} on a node, add a node, or request less, run: {up} --set {less}"
UNSCHEDULABLE = Cause(
    "KFM0205", "{pod} is unschedulable: {message}", "For details, run: {kubectl} describe pod {pod}", 120.0
)
NO_CPU = Cause("KFM0214", "{pod} is unschedulable: no node has enough free {what}.", _ROOM, 120.0)
NO_MEMORY = Cause("KFM0215", "{pod} is unschedulable: no node has enough free {what}.", _ROOM, 120.0)
TAINTED = Cause(
    "KFM0216",
    "{pod} is unschedulable: no node without a taint that it does not tolerate.",
    "To remove the taint, run: kubectl{context} taint nodes NODE {taint}-. To tolerate it, set scheduling.tolerations.",
    120.0,
)
NO_MATCHING_NODE = Cause(
    "KFM0217",
    "{pod} is unschedulable: no node matches its node selector or affinity.",
    "Label a node, or change scheduling.nodeSelector or scheduling.affinity, then run: {up}",
    120.0,
)
NODES_FULL = Cause(
    "KFM0218", "{pod} is unschedulable: the nodes run as many pods as they may.", "Add a node, or remove pods.", 120.0
)
CORDONED = Cause(
    "KFM0219",
    "{pod} is unschedulable: the nodes are cordoned.",
    "To admit pods again, run: kubectl{context} uncordon {node}",
    120.0,
)

NODES_UNFIT = Cause(
    "KFM0260",
    "{pod} is unschedulable: the nodes are not ready, or under pressure.",
    "For the state of the nodes, run: kubectl{context} describe nodes",
    120.0,
    Rank.LINK,
)

# Claims.
_CLASS = "Set an existing one, run: {up} --set mysql.storage.storageClass={example}"
NO_CLASS = Cause(
    "KFM0230",
    "PersistentVolumeClaim {claim} names no StorageClass, and the cluster has no default one.",
    _CLASS,
    10.0,
)
CLASS_MISSING = Cause(
    "KFM0231",
    "The StorageClass {name} of PersistentVolumeClaim {claim} does not exist.",
    _CLASS,
    5.0,
)
NOT_PROVISIONED = Cause(
    "KFM0232",
    "No volume is provisioned for PersistentVolumeClaim {claim}: {message}",
    "Check the provisioner of StorageClass {name} and its capacity, or select another class, run: {up} "
    "--set mysql.storage.storageClass=...",
    60.0,
)
VOLUME_ELSEWHERE = Cause(
    "KFM0234",
    "{pod} cannot use the volume of PersistentVolumeClaim {claim}: {message}",
    "The volume is bound to {where}. Make a node there available. If the node is gone for good, restore a backup into "
    "a new claim.",
    120.0,
)
CLAIM_TERMINATING = Cause(
    "KFM0235",
    "PersistentVolumeClaim {claim} is terminating, and is deleted with its data when nothing holds it any longer "
    "({finalizers}).",
    "Back up its data first. To let it go, run: {kubectl} delete pod {users}",
    30.0,
)
CLAIM_MISSING = Cause("KFM0236", "PersistentVolumeClaim {claim} does not exist.", "To create it, run: {up}", 10.0)
CLAIM_LOST = Cause(
    "KFM0237",
    "PersistentVolumeClaim {claim} has lost its volume: PersistentVolume {volume} does not exist.",
    "Restore the volume, or a backup into a new claim.",
)

# Admission: the cluster rejects the pods.
PODS_REJECTED = Cause(
    "KFM0212",
    "The cluster rejects the pods of {workload}: {message}",
    "For details, run: {kubectl} describe {kind} {workload}",
    10.0,
)
QUOTA = Cause(
    "KFM0238",
    "ResourceQuota {name} has no room for the pods of {workload}.",
    "Raise the quota{less}",
    20.0,
)
QUOTA_NEEDS_AMOUNTS = Cause(
    "KFM0257",
    "ResourceQuota {name} rejects the pods of {workload}: they must specify {amounts}.",
    "Set the missing amounts, or change the quota. To see it, run: {kubectl} describe resourcequota {name}",
    10.0,
)
LIMIT_RANGE = Cause(
    "KFM0239",
    "LimitRange {name} rejects the pods of {workload}: {message}.",
    "Change the LimitRange, or {settings}.resources, then run: {up}",
    10.0,
)
POD_SECURITY = Cause(
    "KFM0240",
    "Pod Security level {level} of namespace {namespace} rejects the pods of {workload}: {message}",
    "Remove the settings that violate it, or change the label pod-security.kubernetes.io/enforce of the namespace.",
    10.0,
)
WEBHOOK_DENIES = Cause(
    "KFM0241",
    "{webhook} rejects the pods of {workload}: {message}",
    "Comply with it, or ask who administers it for an exception for namespace {namespace}.",
    10.0,
)
WEBHOOK_AWAY = Cause(
    "KFM0242",
    "The pods of {workload} cannot be created: admission webhook {webhook} does not respond: {message}",
    "Repair the webhook's server, or ask who administers it. Pods are created when it responds.",
    45.0,
)
ACCOUNT_MISSING = Cause(
    "KFM0243", "ServiceAccount {name} of the pods of {workload} does not exist.", "To create it, run: {up}", 10.0
)

# Configuration.
MOUNT = Cause("KFM0209", "{pod} cannot mount its volumes: {message}", _DESCRIBE, 40.0)
SECRET_MISSING = Cause(
    "KFM0244",
    "There is no Secret {name}{while_running}.",
    "To create it, run: {kubectl} create secret generic {name} {literals}",
    40.0,
)
DATABASE_SECRET_MISSING = Cause(
    "KFM0261",
    "There is no Secret {name} for MySQL's initContainer to fill.",
    "It is part of the installation. To create it, run: {up}",
    40.0,
)
SECRET_INCOMPLETE = Cause(
    "KFM0245",
    "Secret {name} has no {missing}{while_running}.",
    "Add the missing keys, or name other ones in the settings. To see which it has, run: {kubectl} describe secret "
    "{name}",
    40.0,
)
CONFIG_MAP_MISSING = Cause("KFM0246", "There is no ConfigMap {name}{while_running}.", "{remedy}", 40.0)
CONFIG_MAP_INCOMPLETE = Cause(
    "KFM0247",
    "ConfigMap {name} has no {missing}{while_running}.",
    "To add the missing keys, run: {kubectl} edit configmap {name}",
    40.0,
)
SECRET_LOST = Cause(
    "KFM0248",
    "Secret {name} with MySQL's passwords is {state}, but MySQL's volume holds data that needs them.",
    "{remedy}",
    20.0,
)

# Nodes.
NODE_GONE = Cause(
    "KFM0249",
    "Node {node} is {state}{message}.",
    "Repair the node. If it is gone for good, run: kubectl{context} delete node {node}",
    120.0,
)
NODE_PRESSURE = Cause(
    "KFM0250",
    "Node {node} is under pressure ({pressures}): {message}",
    "Free {what} on the node. For what uses it, run: kubectl{context} describe node {node}",
    120.0,
)
EVICTED = Cause(
    "KFM0251",
    "{pod} was evicted: {message}",
    "Free the resource on the node, or request more of it, run: {up} --set {settings}.resources.requests.memory=...",
    120.0,
    Rank.LINK,
)
EVICTED_BEFORE = Cause(
    "KFM0253",
    "{pod} was evicted, and another pod runs in its place: {message}",
    "To remove what is left of it, run: {kubectl} delete pod {pod}",
    math.inf,
    Rank.OVER,
)
STUCK_TERMINATION = Cause(
    "KFM0252",
    "{pod} does not terminate: {message}",
    "{remedy}",
    60.0,
    Rank.LINK,
)

# The cluster itself.
CLUSTER_AWAY = Cause(
    "KFM0254",
    "The cluster does not respond: {message}",
    "Check that it is running, or select another one with --context.",
    math.inf,
)
UNSEEN = Cause(
    "KFM0255",
    "Permission denied: {message}",
    "Ask for a Role that may list workloads and pods, to see more.",
    math.inf,
)


def all_causes() -> tuple[Cause, ...]:
    """Returns the table."""
    return tuple(each for each in globals().values() if isinstance(each, Cause))


_ABOUT_NODES = {each.code for each in (NO_CPU, NO_MEMORY, TAINTED, NO_MATCHING_NODE, NODES_FULL, CORDONED, NODES_UNFIT)}
_RANKS = {each.code: each.rank for each in all_causes()}


def rank_of(finding: Finding) -> Rank:
    """Returns how much a finding says by itself; the causes of databases are links."""
    return _RANKS.get(finding.code, Rank.LINK)


def is_about_nodes(finding: Finding) -> bool:
    """Returns whether a finding tells of the nodes, so that pods of several parts have it together."""
    return finding.code in _ABOUT_NODES
