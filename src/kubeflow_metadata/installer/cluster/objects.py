"""Objects by their identity: in the order of applying, found by our label, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubeflow_metadata.installer import kinds
from kubeflow_metadata.installer.cluster.port import Cluster, Object

# The label that every object of an installation has; its value is the part that it belongs to.
PART = "metadata.kubeflow.org/part"


@dataclass(frozen=True, order=True)
class Identity:
    """What identifies an object within a namespace."""

    api_version: str
    kind: str
    name: str

    @classmethod
    def of(cls, made: Object) -> Identity:
        """Returns the identity of an object."""
        return cls(made["apiVersion"], made["kind"], made["metadata"]["name"])

    @property
    def holds_data(self) -> bool:
        """Whether it is kept unless the user asks for the deletion of the data."""
        return kinds.holds_data(self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Returns objects in the order in which they are applied."""
    return sorted(objects, key=lambda each: _place(Identity.of(each)))


def part_of(made: Object) -> str:
    """Returns the part that an object belongs to; empty where it has no such label."""
    return str((made["metadata"].get("labels") or {}).get(PART, ""))


def deletion_order(identities: Iterable[Identity]) -> list[Identity]:
    """Returns identities in the order in which they are deleted: those that depend on others first."""
    return sorted(identities, key=_place, reverse=True)


def delete(
    cluster: Cluster,
    identities: Iterable[Identity],
    say: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Deletes objects, those that depend on others first; ``check`` raises an error where it is to stop."""
    for each in deletion_order(identities):
        check()
        say(str(each))
        cluster.delete(each.api_version, each.kind, each.name)


def _place(identity: Identity) -> tuple[int, str, str]:
    return kinds.place(identity.kind), identity.kind, identity.name
