"""Revisions: what each ``up`` asked for, applied, and how it ended.

What kustomize installs keeps one Secret a revision, because settings may hold what is not for everybody's eyes. Of
what Helm installs, the release's own Secrets are the truth; what failed later is marked on them (``helm_releases``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version as version_of

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, Object, UnreachableError
from kubeflow_metadata.installer.cluster.state import helm_releases
from kubeflow_metadata.installer.cluster.state.revision import (
    DEPLOYED,
    FAILED,
    IN_PROGRESS,
    SUPERSEDED,
    UNINSTALLED,
    UNREADABLE,
    Revision,
    SettingsDocument,
)
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

__all__ = [
    "DEPLOYED",
    "FAILED",
    "IN_PROGRESS",
    "SUPERSEDED",
    "UNINSTALLED",
    "UNREADABLE",
    "Revision",
    "SettingsDocument",
    "begin",
    "finish",
    "forget",
    "history",
    "last",
    "reason_of",
    "recorded",
    "uninstalled",
]

PREFIX = "metadata-revision-"
SECRET_TYPE = "kubeflow-metadata/revision"  # noqa: S105 - the type of a Secret
# The label that revisions are found by; its value is their number.
REVISION = "metadata.kubeflow.org/revision"
KEPT = 10
# Without the labels by which the objects of an installation are found, and GitOps tools track what they prune.
_LABELS = {"app.kubernetes.io/name": "kubeflow-metadata", "app.kubernetes.io/part-of": "kubeflow"}


def history(cluster: Cluster) -> list[Revision]:
    """Returns the revisions that are known, of both engines, the newest first."""
    known = [*_ours(cluster), *helm_releases.revisions(cluster)]
    return sorted(known, key=lambda each: (each.created, each.number), reverse=True)


def last(cluster: Cluster) -> Revision | None:
    """Returns the newest revision, however it ended; None where none is known."""
    return next(iter(history(cluster)), None)


def begin(
    cluster: Cluster,
    engine: str,
    settings: SettingsDocument,
    objects: Iterable[Identity],
    images: Mapping[str, str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Revision:
    """Records what is about to be applied; earlier revisions that never ended count as failed.

    Args:
        cluster: where; the caller holds the Lease.
        engine: that applies it, and keeps no record of its own.
        settings: as given.
        objects: what will be applied.
        images: by container.
        clock: tells the time.
    """
    known = _ours(cluster)
    for each in known:
        if each.outcome == IN_PROGRESS:
            finish(cluster, each, FAILED, "it was interrupted")
    revision = Revision(
        number=max((each.number for each in known), default=0) + 1,
        engine=engine,
        version=version_of(SERVER_NAME),
        settings=settings,
        objects=tuple(sorted(objects)),
        images=dict(images or {}),
        created=clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    cluster.create(_secret(cluster, revision))
    for each in known[KEPT - 1 :]:
        _delete(cluster, each)
    return revision


def finish(cluster: Cluster, revision: Revision, outcome: str, reason: str = "") -> Revision:
    """Records how a revision ended; what was deployed before a deployed one is superseded."""
    ended = replace(revision, outcome=outcome, reason=reason)
    try:
        _write(cluster, ended)
    except (ConflictError, UnreachableError):
        # The response was lost, or somebody labelled it meanwhile.
        _write(cluster, ended)
    if outcome == DEPLOYED:
        for each in _ours(cluster):
            if each.outcome == DEPLOYED and each.number != revision.number:
                finish(cluster, each, SUPERSEDED)
    return ended


@contextmanager
def recorded(
    cluster: Cluster,
    engine: str,
    settings: SettingsDocument,
    objects: Iterable[Identity],
    images: Mapping[str, str] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Revision]:
    """Begins a revision, and records how the block ended; the arguments are those of ``begin``."""
    revision = begin(cluster, engine, settings, objects, images, clock)
    try:
        yield revision
    except BaseException as error:
        # What ended the block says more than that it could not be recorded.
        with suppress(UserError):
            finish(cluster, revision, FAILED, reason_of(error))
        raise
    finish(cluster, revision, DEPLOYED)


def reason_of(error: BaseException) -> str:
    """Returns why a revision failed, from what ended its ``up``."""
    return "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)


def uninstalled(cluster: Cluster) -> None:
    """Keeps the last revision alone, as uninstalled, so that its settings hold for the next ``up``."""
    known = _ours(cluster)
    for each in known[:1]:
        if each.outcome != UNREADABLE:
            finish(cluster, each, UNINSTALLED)
    for each in known[1:]:
        _delete(cluster, each)


def forget(cluster: Cluster) -> None:
    """Deletes all revisions that this program wrote."""
    for each in _ours(cluster):
        _delete(cluster, each)


def _ours(cluster: Cluster) -> list[Revision]:
    """Returns those that are kept in Secrets of ours, the newest first."""
    secrets = cluster.list("v1", "Secret", REVISION)
    read = [_read(secret) for secret in secrets if secret["metadata"]["name"].startswith(PREFIX)]
    return sorted((each for each in read if each), key=lambda each: each.number, reverse=True)


def _write(cluster: Cluster, revision: Revision) -> None:
    """Writes a revision over the one of its number, where it differs."""
    secret = cluster.get("v1", "Secret", _name(revision))
    if secret is None:
        cluster.create(_secret(cluster, revision))
    elif secret.get("data") != _data(revision):
        cluster.replace({**secret, "apiVersion": "v1", "kind": "Secret", "data": _data(revision)})


def _name(revision: Revision) -> str:
    return f"{PREFIX}{revision.number}"


def _delete(cluster: Cluster, revision: Revision) -> None:
    with suppress(ConflictError):
        cluster.delete("v1", "Secret", _name(revision))


def _secret(cluster: Cluster, revision: Revision) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": SECRET_TYPE,
        "metadata": {
            "name": _name(revision),
            "namespace": cluster.namespace,
            "labels": {**_LABELS, REVISION: str(revision.number)},
        },
        "data": _data(revision),
    }


def _data(revision: Revision) -> dict[str, str]:
    texts = {
        "settings": json.dumps(revision.settings),
        "objects": json.dumps([[each.api_version, each.kind, each.name] for each in revision.objects]),
        "images": json.dumps(revision.images or {}),
        "engine": revision.engine,
        "version": revision.version,
        "outcome": revision.outcome,
        "reason": revision.reason,
        "created": revision.created,
    }
    return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def _read(secret: Object) -> Revision | None:
    """Returns the revision in a Secret; None where its name has no number."""
    name = secret["metadata"]["name"]
    number = name.removeprefix(PREFIX)
    if not number.isdecimal():
        return None
    try:
        data = {key: base64.b64decode(value, validate=True).decode() for key, value in secret["data"].items()}
        settings, images = json.loads(data["settings"]), json.loads(data["images"])
        if not isinstance(settings, dict) or not isinstance(images, dict):
            raise TypeError("a mapping is expected")  # noqa: TRY301
        return Revision(
            number=int(number),
            engine=data["engine"],
            version=data["version"],
            settings=settings,
            objects=tuple(Identity(*each) for each in json.loads(data["objects"])),
            images=images,
            outcome=data["outcome"],
            created=data["created"],
            reason=data["reason"],
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        created = str(secret["metadata"].get("creationTimestamp") or "")
        return Revision(
            int(number), "kustomize", "unknown", {}, outcome=UNREADABLE, created=created, reason=f"Secret {name}"
        )
