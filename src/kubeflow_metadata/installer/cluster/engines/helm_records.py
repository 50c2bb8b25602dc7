"""The records of a release that Helm keeps as Secrets in the namespace."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.installer.cluster.engines.commands import documents
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.cluster.state.helm_releases import SELECTOR, decoded

_PENDING = "pending-"
UNINSTALLED = "uninstalled"


@dataclass(frozen=True)
class Record:
    """One revision of the release.

    Attributes:
        secret: the name of the Secret that holds it.
        revision: counted from 1.
        status: in Helm's words, such as ``deployed`` or ``pending-upgrade``.
        manifest: the objects, as YAML; empty where the record cannot be read.
    """

    secret: str
    revision: int
    status: str
    manifest: str

    @property
    def is_pending(self) -> bool:
        """Whether Helm did not end, by which it rejects every further upgrade."""
        return self.status.startswith(_PENDING)

    @property
    def identities(self) -> set[Identity]:
        """The objects that it installed."""
        return {Identity.of(each) for each in documents(self.manifest)}


def read(cluster: Cluster) -> list[Record]:
    """Returns the revisions of the release, the newest first."""
    records = [_record(each) for each in cluster.list("v1", "Secret", SELECTOR)]
    return sorted(records, key=lambda each: each.revision, reverse=True)


def delete(cluster: Cluster, record: Record) -> None:
    """Deletes the record of a revision."""
    cluster.delete("v1", "Secret", record.secret)


def _record(secret: Object) -> Record:
    labels = secret["metadata"].get("labels") or {}
    try:
        document = decoded(secret)
    except ValueError:
        document = {}
    revision = labels.get("version", "0")
    return Record(
        secret["metadata"]["name"],
        int(revision) if revision.isdecimal() else 0,
        labels.get("status", ""),
        str(document.get("manifest", "")),
    )
