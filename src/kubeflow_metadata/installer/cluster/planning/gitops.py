"""Objects that Argo CD or Flux manages: it would put back what anybody else changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.port import Cluster, Object

_ARGO_CD, _FLUX = "Argo CD", "Flux"
_ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_INSTALLATION = "argocd.argoproj.io/installation-id"
_ARGO_LABEL = "argocd.argoproj.io/instance"
# Others set this label, too, such as Helm's charts; it is Argo CD's where that has been at the object.
_SHARED_LABEL = "app.kubernetes.io/instance"
_ARGO_MANAGERS = {"argocd-controller", "argocd-application-controller"}
_FLUX_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_MARKS = {
    _ARGO_TRACKING,
    _ARGO_INSTALLATION,
    _ARGO_LABEL,
    *_FLUX_LABELS,
    "kustomize.toolkit.fluxcd.io/namespace",
    "helm.toolkit.fluxcd.io/namespace",
}


def manager_of(made: Object) -> str:
    """Returns who manages an object, such as ``Argo CD (application metadata)``; empty where nobody does."""
    labels, annotations = _of(made, "labels"), _of(made, "annotations")
    if tracked := annotations.get(_ARGO_TRACKING):
        return f"{_ARGO_CD} (application {tracked.partition(':')[0]})"
    if application := labels.get(_ARGO_LABEL):
        return f"{_ARGO_CD} (application {application})"
    if _SHARED_LABEL in labels and (_ARGO_INSTALLATION in annotations or _ARGO_MANAGERS & _managers(made)):
        return f"{_ARGO_CD} (application {labels[_SHARED_LABEL]})"
    return next((f"{_FLUX} ({labels[label]})" for label in _FLUX_LABELS if label in labels), "")


def without_marks(made: Object) -> Object:
    """Returns an object without what Argo CD and Flux know it by."""
    metadata = {**made["metadata"]}
    for group in ("labels", "annotations"):
        if group in metadata:
            metadata[group] = {name: value for name, value in _of(made, group).items() if name not in _MARKS}
    return {**made, "metadata": metadata}


def managed(objects: Iterable[Object]) -> dict[str, str]:
    """Returns who manages objects, by their kind and name, where somebody does."""
    return {f"{each['kind']} {each['metadata']['name']}": who for each in objects if (who := manager_of(each))}


def refusal(cluster: Cluster, managers: Mapping[str, str], verb: str) -> UserError:
    """Returns the error for objects that others manage."""
    who = ", ".join(sorted(set(managers.values())))
    return UserError(
        f"{who} manages this installation, and would undo what `{verb}` changes.",
        details="\n".join(f"{name}: {manager}" for name, manager in sorted(managers.items())),
        hint="Make the change there. To manage it from here, remove it there first, and run: "
        f"{program.command(verb)} {cluster.options} --take-over",
    )


def _of(made: Object, group: str) -> dict[str, str]:
    return dict(made.get("metadata", {}).get(group) or {})


def _managers(made: Object) -> set[str]:
    return {str(entry.get("manager")) for entry in made.get("metadata", {}).get("managedFields") or []}
