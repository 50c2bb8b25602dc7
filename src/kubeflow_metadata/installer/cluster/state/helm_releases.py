"""The revisions of a Helm release, read from its Secrets without running Helm.

All that is written here is a mark on the Secret of a revision that Helm deployed and that failed afterwards: Helm does
not wait for it, and knows no smoke test. What Helm itself keeps is left as it is.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
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
# A label, whose value is the revision that failed: Helm hands labels on to the Secrets of later revisions.
_FAILED_REVISION = "metadata.kubeflow.org/failed-revision"
# An annotation, which Helm drops when the revision is superseded.
_REASON = "metadata.kubeflow.org/failure"
_NO_REASON = "it was deployed, but did not become ready or failed the smoke test"
SELECTOR = f"owner=helm,name={RELEASE}"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[-+]\d\d:\d\d)")
_OUTCOMES = {"deployed": DEPLOYED, "failed": FAILED, "superseded": SUPERSEDED, "uninstalled": UNINSTALLED}


def revisions(cluster: Cluster) -> list[Revision]:
    """Returns the revisions of the release, in no order."""
    return [_read(secret) for secret in cluster.list("v1", "Secret", SELECTOR)]


def newest_number(cluster: Cluster) -> int:
    """Returns the number of the newest revision; 0 if there is none."""
    return max(map(_number, cluster.list("v1", "Secret", SELECTOR)), default=0)


def mark_failed(cluster: Cluster, after: int, reason: str) -> None:
    """Marks the newest revision as failed, if it came after this one and Helm says that it is deployed."""
    newest = max(cluster.list("v1", "Secret", SELECTOR), key=_number, default=None)
    if newest is None or _number(newest) <= after or _labels(newest).get("status") != "deployed":
        return
    metadata = newest["metadata"]
    labels = {**_labels(newest), _FAILED_REVISION: str(_number(newest))}
    annotations = {**(metadata.get("annotations") or {}), _REASON: reason}
    marked = {**metadata, "labels": labels, "annotations": annotations}
    cluster.replace({**newest, "apiVersion": "v1", "kind": "Secret", "metadata": marked})


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
    try:
        revision = _revision(decoded(secret), _number(secret))
    except (ValueError, AttributeError, TypeError) as error:
        created = str(secret["metadata"].get("creationTimestamp") or "")
        return Revision(_number(secret), "helm", "unknown", {}, outcome=UNREADABLE, created=created, reason=str(error))
    if revision.outcome in (DEPLOYED, SUPERSEDED) and _labels(secret).get(_FAILED_REVISION) == str(revision.number):
        reason = (secret["metadata"].get("annotations") or {}).get(_REASON)
        return replace(revision, outcome=FAILED, reason=str(reason or _NO_REASON))
    return revision


def _labels(secret: Object) -> Mapping[str, str]:
    return secret["metadata"].get("labels") or {}


def _number(secret: Object) -> int:
    """Returns the number of the revision in a Secret; 0 if it has none."""
    number = str(_labels(secret).get("version") or secret["metadata"]["name"].rpartition(".v")[2])
    return int(number) if number.isdecimal() else 0


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
