"""Which permissions are needed: computed from the objects to install and from what the verbs read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster.port import Object

_VOWELS = "aeiou"


@dataclass(frozen=True, order=True)
class Right:
    """A permission in the namespace.

    Attributes:
        api_version: of the kind.
        kind: what it is about.
        verb: what may be done, as RBAC calls it.
        name: the only object that it is about; empty for all of the kind.
        subresource: such as ``log``; empty for the object itself.
    """

    api_version: str
    kind: str
    verb: str
    name: str = ""
    subresource: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """The resource, as rules of a Role have it."""
        return plural(self.kind) + (f"/{self.subresource}" if self.subresource else "")

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{group}" + (f" {self.name}" if self.name else "")


def plural(kind: str) -> str:
    """Returns the resource of a kind, as RBAC names it."""
    name = kind.lower()
    if name.endswith(("s", "x")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in _VOWELS:
        return f"{name[:-1]}ies"
    return f"{name}s"


def _rights(api_version: str, kind: str, *verbs: str, subresource: str = "") -> tuple[Right, ...]:
    return tuple(Right(api_version, kind, verb, subresource=subresource) for verb in verbs)


# What status, logs, history and check read beside the objects of the installation.
READ = (
    *_rights("v1", "Pod", "get", "list"),
    *_rights("v1", "Pod", "get", subresource="log"),
    *_rights("v1", "Event", "list"),
    *_rights("v1", "Secret", "get", "list"),
    *_rights("v1", "ConfigMap", "get", "list"),
    *_rights("v1", "PersistentVolumeClaim", "get", "list"),
    *_rights("v1", "ResourceQuota", "list"),
    *_rights("v1", "LimitRange", "list"),
    *_rights("apps/v1", "ReplicaSet", "list"),
    *_rights("discovery.k8s.io/v1", "EndpointSlice", "list"),
    *_rights("coordination.k8s.io/v1", "Lease", "get"),
)
# What open, and the reads of check, do besides: by a WebSocket, which older API servers take for a get.
FORWARD = _rights("v1", "Pod", "get", "create", subresource="portforward")
# What up and down keep beside the objects: a Lease, revisions, an inventory; and what ends with the smoke test.
RECORDS = (
    *_rights("coordination.k8s.io/v1", "Lease", "get", "create", "update", "delete"),
    *_rights("v1", "Secret", "get", "list", "create", "update", "delete"),
    *_rights("v1", "ConfigMap", "get", "create", "patch", "delete"),
)
# Server-side apply is a patch, and creates what is missing.
_WRITE = ("get", "list", "create", "patch", "delete")


def to_install(objects: Iterable[Object]) -> list[Right]:
    """Returns what installing, upgrading and uninstalling these objects takes, and what reading them does."""
    wanted = {(each["apiVersion"], each["kind"]) for each in objects}
    own = {Right(api_version, kind, verb) for api_version, kind in wanted for verb in _WRITE}
    return sorted({*own, *RECORDS, *to_read(objects)})


def to_read(objects: Iterable[Object]) -> list[Right]:
    """Returns what it takes to look at an installation of these objects."""
    wanted = {(each["apiVersion"], each["kind"]) for each in objects}
    return sorted({*(Right(*each, verb) for each in wanted for verb in ("get", "list")), *READ, *FORWARD})


def handed_out(objects: Iterable[Object]) -> list[Right]:
    """Returns what the Roles among the objects grant: Kubernetes lets nobody grant what he may not do himself."""
    granted = set()
    for role in objects:
        for rule in role.get("rules") or [] if role["kind"] == "Role" else []:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    name, _, subresource = resource.partition("/")
                    api_version, kind = _kind_of(group, name)
                    granted |= {
                        Right(api_version, kind, verb, only, subresource)
                        for verb in rule["verbs"]
                        for only in rule.get("resourceNames") or [""]
                    }
    return sorted(granted)


def _kind_of(group: str, resource: str) -> tuple[str, str]:
    known = {(each.api_version, each.name) for each in kinds.KINDS}
    known |= {(each.api_version, each.kind) for each in (*READ, *RECORDS)}
    for api_version, kind in sorted(known):
        if plural(kind) == resource and api_version.rpartition("/")[0] == group:
            return api_version, kind
    raise ValueError(f"no kind is known for {resource} of group {group!r}")
