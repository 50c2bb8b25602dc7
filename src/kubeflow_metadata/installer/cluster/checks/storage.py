"""Checks of the storage: whether the claim of the bundled MySQL can be bound."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.checks.workloads import number
from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import ForbiddenError, Object

_CLASSES = "storage.k8s.io/v1"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
# PersistentVolumes of such a class are made by hand.
_BY_HAND = "kubernetes.io/no-provisioner"


def claim(subject: Subject) -> Iterator[Result]:
    """Looks at the claim if it is there, else at what would bind it."""
    if name := subject.settings.mysql.storage.existing_claim:
        if _uses_claim(subject, name):
            yield _existing(subject, name)
        return
    wanted = next((each for each in subject.objects if each["kind"] == "PersistentVolumeClaim"), None)
    if wanted is None:
        return
    identity = Identity.of(wanted)
    present = subject.present.get(identity)
    if present is not None and present.get("status", {}).get("phase") == "Bound":
        class_name = present.get("spec", {}).get("storageClassName") or "(none)"
        yield codes.STORAGE_CLASS.ok(f"The claim {identity.name} has the StorageClass {class_name}.")
        yield codes.VOLUME.ok(f"The claim {identity.name} is bound.")
        return
    classes = subject.readable(_CLASSES, "StorageClass")
    if classes is None:
        yield codes.STORAGE_CLASS.unknown("StorageClasses may not be read.", _ADMINISTRATOR)
        return
    asked = wanted["spec"].get("storageClassName")
    if asked is None and present is not None:
        asked = present.get("spec", {}).get("storageClassName")
    chosen = _named(classes, asked) if asked else _default(classes)
    yield _class_result(subject, classes, asked, chosen)
    if chosen is not None:
        yield _bindable(subject, wanted, chosen)


_ADMINISTRATOR = "An administrator of the cluster can run this check."


def _class_result(subject: Subject, classes: list[Object], asked: str | None, chosen: Object | None) -> Result:
    names = ", ".join(sorted(each["metadata"]["name"] for each in classes)) or "none"
    command = program.command(f"up {subject.cluster.options} --set mysql.storage.storageClass=NAME")
    if chosen is None and asked:
        return codes.STORAGE_CLASS.failed(
            f"There is no StorageClass {asked}; there is: {names}.", f"Choose one of those. Run: {command}"
        )
    if chosen is None:
        return codes.STORAGE_CLASS.failed(
            f"The cluster has no default StorageClass; there is: {names}.",
            f"Choose one. Run: {command}" if classes else "Install a storage provisioner, or use an external MySQL.",
        )
    name = chosen["metadata"]["name"]
    if not asked and sum(_is_default(each) for each in classes) > 1:
        return codes.STORAGE_CLASS.warning(
            f"Several StorageClasses are the default; the newest, {name}, is used.", f"Choose one. Run: {command}"
        )
    kind = "" if asked else ", the default"
    return codes.STORAGE_CLASS.ok(
        f"StorageClass {name}{kind}, by {chosen.get('provisioner', 'an unknown provisioner')}."
    )


def _bindable(subject: Subject, wanted: Object, chosen: Object) -> Result:
    name, size = chosen["metadata"]["name"], wanted["spec"]["resources"]["requests"]["storage"]
    if chosen.get("provisioner") != _BY_HAND:
        when = "once its pod is scheduled" if chosen.get("volumeBindingMode") == "WaitForFirstConsumer" else "at once"
        return codes.VOLUME.ok(f"A volume of {size} will be provisioned {when}.")
    volumes = subject.readable("v1", "PersistentVolume")
    if volumes is None:
        return codes.VOLUME.unknown(f"The volumes of {name} are made by hand, and may not be read.", _ADMINISTRATOR)
    mode = wanted["spec"]["accessModes"][0]
    fitting = [
        each["metadata"]["name"]
        for each in volumes
        if each["spec"].get("storageClassName") == name
        and each.get("status", {}).get("phase") == "Available"
        and mode in (each["spec"].get("accessModes") or [])
        and number(each["spec"]["capacity"]["storage"]) >= number(size)
    ]
    if fitting:
        return codes.VOLUME.ok(f"The volume {fitting[0]} of {name} is available.")
    return codes.VOLUME.failed(
        f"No volume of {name} with {size} or more and {mode} is available, and nothing provisions any.",
        "Have a PersistentVolume created, or choose another StorageClass or size (mysql.storage).",
    )


def _existing(subject: Subject, name: str) -> Result:
    try:
        present = None if subject.lacks_namespace else subject.cluster.get("v1", "PersistentVolumeClaim", name)
    except ForbiddenError as error:
        return codes.VOLUME.unknown(f"The claim {name} may not be read.", error.hint)
    if present is None:
        return codes.VOLUME.failed(
            f"There is no claim {name}, which mysql.storage.existingClaim names.",
            f"Create it, or leave the setting empty. Those that exist: {subject.cluster.kubectl} get pvc",
        )
    phase = present.get("status", {}).get("phase", "Pending")
    if phase == "Bound":
        return codes.VOLUME.ok(f"The claim {name} is bound.")
    if phase == "Pending":
        return codes.VOLUME.warning(
            f"The claim {name} is not bound yet, which is right if it waits for its first pod.",
            f"For details, run: {subject.cluster.kubectl} describe pvc {name}",
        )
    return codes.VOLUME.failed(
        f"The claim {name} is {phase}: its volume is gone.", f"Run: {subject.cluster.kubectl} describe pvc {name}"
    )


def _uses_claim(subject: Subject, name: str) -> bool:
    volumes = (
        [
            volume
            for each in subject.objects
            for volume in each.get("spec", {}).get("template", {}).get("spec", {}).get("volumes") or []
        ]
        if subject.objects
        else []
    )
    return any(volume.get("persistentVolumeClaim", {}).get("claimName") == name for volume in volumes)


def _named(classes: list[Object], name: str) -> Object | None:
    return next((each for each in classes if each["metadata"]["name"] == name), None)


def _default(classes: list[Object]) -> Object | None:
    """Returns the default class; of several the newest, as Kubernetes does."""
    defaults = [each for each in classes if _is_default(each)]
    return max(defaults, key=lambda each: each["metadata"].get("creationTimestamp") or "", default=None)


def _is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
