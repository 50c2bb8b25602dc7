"""The revisions of a Helm release, read from its Secrets without running Helm. They are never written here."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.cluster.state.revision import (
    DEPLOYED,
    FAILED,
    IN_PROGRESS,
    SUPERSEDED,
    UNINSTALLED,
    UNREADABLE,
    Revision,
)

RELEASE = "metadata"
SELECTOR = f"owner=helm,name={RELEASE}"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[-+]\d\d:\d\d)")
_OUTCOMES = {"deployed": DEPLOYED, "failed": FAILED, "superseded": SUPERSEDED, "uninstalled": UNINSTALLED}


def revisions(cluster: Cluster) -> list[Revision]:
    """Returns the revisions of the release, in no order."""
    return [_read(secret) for secret in cluster.list("v1", "Secret", SELECTOR)]


def decoded(secret: Object) -> dict[str, Any]:
    """Returns the release in a Secret of Helm's.

    Raises:
        ValueError: it is none.
    """
    try:
        # Once by Helm, once because it is in a Secret.
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        release = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"Secret {secret['metadata']['name']} is not a release of Helm") from error
    if not isinstance(release, dict):
        raise ValueError(f"Secret {secret['metadata']['name']} is not a release of Helm")  # noqa: TRY004
    return release


def _read(secret: Object) -> Revision:
    labels = secret["metadata"].get("labels") or {}
    number = str(labels.get("version") or secret["metadata"]["name"].rpartition(".v")[2])
    try:
        release = decoded(secret)
        return _revision(release, int(number))
    except (ValueError, AttributeError, TypeError) as error:
        created = str(secret["metadata"].get("creationTimestamp") or "")
        count = int(number) if number.isdecimal() else 0
        return Revision(count, "helm", "unknown", {}, outcome=UNREADABLE, created=created, reason=str(error))


def _revision(release: Mapping[str, Any], number: int) -> Revision:
    info = release.get("info") or {}
    chart = (release.get("chart") or {}).get("metadata") or {}
    outcome = _OUTCOMES.get(str(info.get("status")), IN_PROGRESS)
    return Revision(
        number=number,
        engine="helm",
        version=str(chart.get("appVersion") or chart.get("version") or "unknown"),
        settings=dict(release.get("config") or {}),
        outcome=outcome,
        created=_timestamp(str(info.get("last_deployed") or "")),
        reason=str(info.get("description") or "") if outcome == FAILED else "",
    )


def _timestamp(text: str) -> str:
    """Returns a time of Helm's, such as ``2026-01-02T03:04:05.678901234+01:00``, as Kubernetes writes it."""
    matched = _TIME.fullmatch(text)
    if matched is None:
        return ""
    time = datetime.fromisoformat(matched[1] + matched[2].replace("Z", "+00:00"))
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
