"""PersistentVolumeClaims that have no volume, or not where their pod is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeflow_metadata.installer.cluster.diagnosis import causes, shapes
from kubeflow_metadata.installer.cluster.diagnosis.finding import Finding
from kubeflow_metadata.installer.cluster.diagnosis.snapshot import Snapshot
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Object

_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_NO_CLASS = re.compile(r"no storage class is set")
_MISSING_CLASS = re.compile(r'storageclass\S* "(?P<name>[^"]+)" not found')
_NOT_ATTACHED = re.compile(r"Multi-Attach|already (?:exclusively )?attached|volume attachment is being deleted")


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields what is wrong with the claims that current pods need."""
    for name, users in _needed(snapshot).items():
        part = next((part_of(each) for each in users), "")
        if snapshot.claims is not None:
            claim = shapes.named(snapshot.claims, name)
            if claim is None:
                yield causes.CLAIM_MISSING.found(snapshot, f"PersistentVolumeClaim {name}", part, {"claim": name})
            else:
                yield from _of_claim(snapshot, claim, part, users)
    yield from _not_attached(snapshot)


def _needed(snapshot: Snapshot) -> dict[str, list[Object]]:
    """Returns the pods by the claim that they need; of workloads without pods, those that they would make."""
    needed: dict[str, list[Object]] = {}
    waiting = [each for each in shapes.current_pods(snapshot) if not shapes.is_ready(each)]
    unfinished = [shapes.template_of(each) for each in snapshot.workloads if not shapes.is_done(each)]
    for pod in [*waiting, *unfinished]:
        for name in shapes.claims_of(pod):
            needed.setdefault(name, []).append(pod)
    return needed


def _of_claim(snapshot: Snapshot, claim: Object, part: str, users: list[Object]) -> Iterator[Finding]:
    name, status = shapes.name_of(claim), claim.get("status") or {}
    subject = f"PersistentVolumeClaim {name}"
    pods = [shapes.name_of(each) for each in users if each["metadata"].get("name")]
    if shapes.is_terminating(claim):
        yield causes.CLAIM_TERMINATING.found(
            snapshot,
            subject,
            part,
            {
                "claim": name,
                "finalizers": ", ".join(claim["metadata"].get("finalizers") or []) or "no finalizers",
                "users": " ".join(pods) or "POD",
            },
            seconds=shapes.seconds_since(claim["metadata"]["deletionTimestamp"], snapshot),
        )
    elif status.get("phase") == "Lost":
        volume = (claim.get("spec") or {}).get("volumeName", "?")
        yield causes.CLAIM_LOST.found(snapshot, subject, part, {"claim": name, "volume": volume})
    elif status.get("phase") != "Bound":
        yield from _pending(snapshot, claim, part)


def _pending(snapshot: Snapshot, claim: Object, part: str) -> Iterator[Finding]:
    name, wanted = shapes.name_of(claim), (claim.get("spec") or {}).get("storageClassName")
    subject, seconds = f"PersistentVolumeClaim {name}", shapes.age(claim, snapshot)
    failed = shapes.standing(
        snapshot, claim, ("ProvisioningFailed", "FailedBinding"), ("Provisioning", "ProvisioningSucceeded")
    )
    said = (failed or {}).get("message", "")
    words = {"claim": name, "example": _example(snapshot), "name": wanted or "?"}
    if _lacks_class(snapshot, wanted, said):
        yield causes.NO_CLASS.found(
            snapshot,
            subject,
            part,
            words,
            asked="the default StorageClass",
            available=_classes(snapshot),
            seconds=seconds,
        )
        return
    missing = _missing_class(snapshot, wanted, said)
    if missing:
        yield causes.CLASS_MISSING.found(
            snapshot,
            f"StorageClass {missing}",
            part,
            {**words, "name": missing},
            asked=missing,
            available=_classes(snapshot),
            seconds=seconds,
        )
        return
    # What is said of a class that is there by now is over.
    if said and not _MISSING_CLASS.search(said) and not _NO_CLASS.search(said):
        since = shapes.seconds_since(shapes.first_seen(failed or {}), snapshot)
        yield causes.NOT_PROVISIONED.found(
            snapshot,
            subject,
            part,
            {**words, "message": said},
            asked=_size(claim),
            seconds=seconds if since is None else since,
        )
        return
    storage_class = shapes.named(snapshot.storage_classes, wanted or _default(snapshot))
    waits_for_pod = (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
    if waits_for_pod and _SELECTED_NODE not in (claim["metadata"].get("annotations") or {}):
        return  # no fault: it is bound when its pod is scheduled, of which other rules tell
    provisioner = (storage_class or {}).get("provisioner", "")
    waits = f"provisioner {provisioner} has not made a volume yet" if provisioner else "no volume is bound to it yet"
    yield causes.CLAIM_PENDING.found(
        snapshot, subject, part, {**words, "waits": waits}, asked=_size(claim), seconds=seconds
    )


def _lacks_class(snapshot: Snapshot, wanted: str | None, said: str) -> bool:
    if wanted is not None:
        return False
    if snapshot.storage_classes is None:
        return bool(_NO_CLASS.search(said))
    return not _default(snapshot)


def _missing_class(snapshot: Snapshot, wanted: str | None, said: str) -> str:
    """Returns the class that does not exist; a volume made by hand may have a class of which there is no object."""
    match = _MISSING_CLASS.search(said)
    if snapshot.storage_classes is None:
        return match["name"] if match else ""
    is_there = shapes.named(snapshot.storage_classes, wanted or "") is not None
    return "" if not wanted or is_there else wanted


def _default(snapshot: Snapshot) -> str:
    for each in snapshot.storage_classes or ():
        annotations = each["metadata"].get("annotations") or {}
        if any(annotations.get(name) == "true" for name in _DEFAULTS):
            return shapes.name_of(each)
    return ""


def _classes(snapshot: Snapshot) -> str:
    if snapshot.storage_classes is None:
        return ""
    default = _default(snapshot)
    names = [shapes.name_of(each) for each in snapshot.storage_classes]
    return ", ".join(f"{name} (default)" if name == default else name for name in names) or "no StorageClass at all"


def _example(snapshot: Snapshot) -> str:
    names = [shapes.name_of(each) for each in snapshot.storage_classes or ()]
    return _default(snapshot) or (names[0] if names else "NAME")


def _size(claim: Object) -> str:
    return str((((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage", ""))


def _not_attached(snapshot: Snapshot) -> Iterator[Finding]:
    """Yields volumes that another node still holds; the pod waits for them as long as no container has started."""
    for pod in shapes.current_pods(snapshot):
        if shapes.has_started(pod):
            continue
        failed = shapes.standing(
            snapshot, pod, ("FailedAttachVolume",), ("SuccessfulAttachVolume", "Pulling", "Pulled")
        )
        if failed is None:
            continue
        claims = shapes.claims_of(pod)
        message = failed.get("message", "")
        where = "another node" if _NOT_ATTACHED.search(message) else "a node that does not attach it"
        yield causes.VOLUME_ELSEWHERE.found(
            snapshot,
            f"Pod {shapes.name_of(pod)}",
            part_of(pod),
            {"pod": shapes.name_of(pod), "claim": claims[0] if claims else "?", "message": message, "where": where},
            seconds=shapes.seconds_since(shapes.first_seen(failed), snapshot),
        )
