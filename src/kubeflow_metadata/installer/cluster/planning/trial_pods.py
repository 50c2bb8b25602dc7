"""Whether the cluster would admit the pods of a workload: it admits the workload itself without looking at them."""

from __future__ import annotations

from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.planning.live import Live
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, ForbiddenError, Object, RejectedError

_SUFFIX = "-trial"
# Of a namespace that was made just now.
_NOT_YET = "looking up service account"


def rejection(cluster: Cluster, present: Live, workload: Object) -> RejectedError | ForbiddenError | None:
    """Returns why a pod of a workload would be rejected, such as by Pod Security, a LimitRange or a webhook.

    Creates one in a dry run; without the permission for that, the answer is a ``ForbiddenError``.
    """
    try:
        cluster.create(_pod(cluster, present, workload), dry_run=True)
    except ConflictError:
        return None
    except (RejectedError, ForbiddenError) as error:
        unsure = _NOT_YET in error.details or "does not support dry run" in error.details
        return None if unsure else error
    return None


def _pod(cluster: Cluster, present: Live, workload: Object) -> Object:
    template = workload["spec"].get("template") or {}
    spec = {**template.get("spec", {})}
    account = Identity("v1", "ServiceAccount", str(spec.get("serviceAccountName", "")))
    if account not in present.objects:
        spec.pop("serviceAccountName", None)  # it comes with the workload
    metadata = {key: value for key, value in template.get("metadata", {}).items() if key in {"labels", "annotations"}}
    metadata |= {"name": workload["metadata"]["name"] + _SUFFIX, "namespace": cluster.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
