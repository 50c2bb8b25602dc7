"""Fields that Kubernetes does not let change: the object is made again, unless that could lose data."""

from __future__ import annotations

import re

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, Object, RejectedError
from kubeflow_metadata.installer.polling import Clock

_SECONDS = 300.0
_PAUSE = 0.5
_IMMUTABLE = re.compile(
    r"immutable|updates to statefulset spec for fields other than|cannot change roleRef|may not change once set",
    re.IGNORECASE,
)


def is_immutable(error: RejectedError) -> bool:
    """Returns whether a rejection is about a field that cannot change."""
    return bool(_IMMUTABLE.search(error.details))


def reason(present: Object) -> str:
    """Returns why an object can be made again; empty where it holds data, which would be lost."""
    identity = Identity.of(present)
    if not identity.holds_data:
        return "a field that cannot change in place changes"
    if identity.kind == "PersistentVolumeClaim" and _never_bound(present):
        return "it was never bound to a volume, so it holds no data and is made again"
    return ""


def remove(cluster: Cluster, identity: Identity, uid: str, clock: Clock) -> None:
    """Deletes an object that is made again, and waits until it is gone.

    Raises:
        UserError: it does not go, or holds data by now.
    """
    present = cluster.get(identity.api_version, identity.kind, identity.name)
    if present is None:
        return
    if not reason(present):
        raise UserError(
            f"{identity} has been bound to a volume since it was planned, and is kept.",
            hint="Restore the mysql.storage settings that it was created with.",
        )
    cluster.delete(identity.api_version, identity.kind, identity.name, uid=uid)

    def is_gone() -> bool | None:
        left = cluster.get(identity.api_version, identity.kind, identity.name)
        return None if left is not None and left["metadata"].get("uid") == present["metadata"].get("uid") else True

    if not polling.until(is_gone, _SECONDS, pause=_PAUSE, clock=clock):
        raise UserError(
            f"Timeout: {identity} is still terminating after {_SECONDS:.0f} s.",
            hint=f"For details, run: {cluster.kubectl} describe {identity.kind.lower()} {identity.name}",
        )


def _never_bound(claim: Object) -> bool:
    is_pending = claim.get("status", {}).get("phase", "Pending") == "Pending"
    return is_pending and not claim.get("spec", {}).get("volumeName")
