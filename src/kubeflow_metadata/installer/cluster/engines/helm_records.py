"""The records of a release that Helm keeps as Secrets in the namespace."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.installer.cluster.engines.commands import documents
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, Object

RELEASE = "metadata"
_OURS = f"owner=helm,name={RELEASE}"
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
    records = [_record(each) for each in cluster.list("v1", "Secret", _OURS)]
    return sorted(records, key=lambda each: each.revision, reverse=True)


def delete(cluster: Cluster, record: Record) -> None:
    """Deletes the record of a revision."""
    cluster.delete("v1", "Secret", record.secret)


def _record(secret: Object) -> Record:
    labels = secret["metadata"].get("labels") or {}
    text = (secret.get("data") or {}).get("release", "")
    document = _decoded(text)
    revision = labels.get("version", "0")
    return Record(
        secret["metadata"]["name"],
        int(revision) if revision.isdecimal() else 0,
        labels.get("status", ""),
        str(document.get("manifest", "")),
    )


def _decoded(text: str) -> dict[str, Any]:
    try:
        # Once for the Secret, once by Helm.
        packed = base64.b64decode(base64.b64decode(text))
        return dict(json.loads(gzip.decompress(packed)))
    except (ValueError, TypeError, OSError, EOFError, zlib.error, binascii.Error):
        return {}
