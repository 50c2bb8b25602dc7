"""A cluster in memory: enough of an API server for the installer's verbs."""

import copy
import json

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import ConflictError

_READY = {"type": "Ready", "status": "True"}


class FakeCluster:
    """Objects by kind and name. Workloads run as soon as they are applied, unless their name is in ``broken``."""

    def __init__(self, namespace="kubeflow"):
        self.context = "fake"
        self.namespace = namespace
        self.objects = {}
        self.applied = []  # kind and name, in order
        self.conflicts = set()  # names that another manager has fields of
        self.pods = {}  # by name, as the API has them
        self.log_of = {}  # by pod and container
        self.warnings = []
        self.refused = {}  # message by name

    def add(self, made):
        self.objects[made["kind"], made["metadata"]["name"]] = made

    def get(self, _api_version, kind, name):
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(self, _api_version, kind, selector="", field_selector=""):
        if kind == "Event":
            return [event for event in self.warnings if f"name={event['involvedObject']['name']}," in field_selector]
        found = list(self.pods.values()) if kind == "Pod" else [o for (k, _), o in self.objects.items() if k == kind]
        return [copy.deepcopy(each) for each in found if _selected(each["metadata"].get("labels", {}), selector)]

    def apply(self, wanted, *, force=False):
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        if name in self.refused:
            raise UserError(f"The cluster refuses {kind} {name}.", details=self.refused[name])
        if name in self.conflicts and not force:
            raise ConflictError(f"{kind} {name} has fields of others.", details='conflict with "kubectl": .spec.x')
        self.applied.append((kind, name))
        made = json.loads(json.dumps(wanted))
        if kind in {"Deployment", "StatefulSet"}:
            count = made["spec"].setdefault("replicas", 1)
            made["metadata"]["generation"] = 1
            made["status"] = {
                **dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), count),
                "observedGeneration": 1,
            }
        self.add(made)
        return made

    def create(self, wanted):
        self.add(wanted)

    def delete(self, _api_version, kind, name):
        return self.objects.pop((kind, name), None) is not None

    def logs(self, pod, container, *, lines, previous=False):
        del lines
        return self.log_of.get((pod, container, previous), "")

    def names(self, kind):
        return {name for found, name in self.objects if found == kind}


def workload(name, part, *, ready=0, kind="Deployment"):
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "generation": 1, "labels": {"metadata.kubeflow.org/part": part}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"metadata.kubeflow.org/part": part}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready},
    }


def pod(name, part, *, created="2020-01-01T00:00:00Z", **status):
    return {
        "metadata": {"name": name, "labels": {"metadata.kubeflow.org/part": part}, "creationTimestamp": created},
        "spec": {"containers": [{"name": part}]},
        "status": status,
    }


def container(name, *, waiting=None, terminated=None, last=None, restarts=0):
    state = {"waiting": waiting} if waiting else {"terminated": terminated} if terminated else {"running": {}}
    return {
        "name": name,
        "state": state,
        "lastState": {"terminated": last} if last else {},
        "restartCount": restarts,
        "image": "registry/none:1",
    }


def _selected(labels, selector):
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in wanted)
