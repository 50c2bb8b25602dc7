"""What of an installation is in the cluster: a list for each kind, not a call for each object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster.objects import PART, Identity
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, Object
from kubeflow_metadata.installer.kinds import Kind

T = TypeVar("T")
R = TypeVar("R")
_THREADS = 8


@dataclass(frozen=True)
class Live:
    """Objects of the cluster.

    Attributes:
        objects: those that have our label or were asked for, by identity.
        unread: those that were asked for and may not be read, with the reason.
        unlisted: the kinds of which there may be more, because they may not be listed.
    """

    objects: dict[Identity, Object] = field(default_factory=dict)
    unread: dict[Identity, ForbiddenError] = field(default_factory=dict)
    unlisted: list[str] = field(default_factory=list)

    @property
    def versions(self) -> dict[Identity, str]:
        """The resourceVersion of each object."""
        return {each: str(made["metadata"].get("resourceVersion", "")) for each, made in self.objects.items()}


def read(cluster: Cluster, identities: Iterable[Identity]) -> Live:
    """Returns the objects with our label, and those with these identities."""
    wanted = list(identities)
    live = Live()
    for kind_of, listed in zip(kinds.OURS, in_parallel(lambda each: _listed(cluster, each), kinds.OURS), strict=True):
        if listed is None:
            live.unlisted.append(kind_of.name)
        for made in listed or []:
            # Items of a list have no kind of their own everywhere.
            whole = {**made, "apiVersion": kind_of.api_version, "kind": kind_of.name}
            live.objects[Identity.of(whole)] = whole
    missing = [each for each in wanted if each not in live.objects]
    for identity, answer in zip(missing, in_parallel(lambda each: _got(cluster, each), missing), strict=True):
        if isinstance(answer, ForbiddenError):
            live.unread[identity] = answer
        elif answer is not None:
            live.objects[identity] = answer
    return live


def in_parallel(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Returns what a call returns for each item, in order; some calls run at once."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(call, items))


def _listed(cluster: Cluster, kind: Kind) -> list[Object] | None:
    try:
        return cluster.list(kind.api_version, kind.name, PART)
    except ForbiddenError:
        return None  # each is asked for by its name then


def _got(cluster: Cluster, identity: Identity) -> Object | ForbiddenError | None:
    try:
        return cluster.get(identity.api_version, identity.kind, identity.name)
    except ForbiddenError as error:
        return error
