"""Checks of the namespace: whether it is there, and whether it admits our pods."""

from __future__ import annotations

from collections.abc import Iterator

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.checks import codes, workloads
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject, is_about_permissions, is_about_room
from kubeflow_metadata.installer.cluster.port import ForbiddenError, RejectedError

_LEVEL = "pod-security.kubernetes.io/enforce"


def state(subject: Subject) -> Iterator[Result]:
    """Looks whether the namespace is there, is terminating, or can be created."""
    cluster, namespace = subject.cluster, subject.namespace
    name = cluster.namespace
    if isinstance(namespace, ForbiddenError):
        yield codes.NAMESPACE_STATE.unknown(f"The namespace {name} may not be read.", namespace.hint)
    elif namespace is None:
        if cluster.allows("create", "v1", "Namespace"):
            yield codes.NAMESPACE_STATE.ok(f"The namespace {name} does not exist; up creates it.")
            return
        yield codes.NAMESPACE_STATE.failed(
            f"The namespace {name} does not exist, and the identity in use may not create it.",
            f"Ask an administrator to run: {cluster.kubectl} create namespace {name}",
        )
    elif namespace.get("status", {}).get("phase") == "Terminating":
        conditions = namespace["status"].get("conditions") or []
        remaining = [each.get("message", "") for each in conditions if each.get("status") == "True"]
        yield codes.NAMESPACE_STATE.failed(
            f"The namespace {name} is terminating.",
            f"Wait until it is gone. For what remains in it, run: {cluster.kubectl} get namespace {name} -o yaml",
            "\n".join(remaining),
        )
    else:
        yield codes.NAMESPACE_STATE.ok(f"The namespace {name} exists.")


def pod_security(subject: Subject) -> Iterator[Result]:
    """Has a pod of each workload admitted in a dry run: by Pod Security, webhooks and whatever else there is."""
    if not subject.all_objects:
        return
    name = subject.cluster.namespace
    if subject.lacks_namespace:
        yield codes.POD_SECURITY.warning(
            f"Not checked: the namespace {name} does not exist yet.",
            f"To check it before anything is installed, run: {subject.cluster.kubectl} create namespace {name}",
        )
        return
    asks = workloads.asks(subject.all_objects)

    def admit(ask: workloads.Ask) -> tuple[str, bool] | None:
        pod = ask.pod
        # Its own account may not exist yet, and Kubernetes rejects pods without theirs.
        pod["metadata"]["namespace"] = name
        pod["spec"].pop("serviceAccountName", None)
        pod["spec"]["automountServiceAccountToken"] = False
        try:
            subject.cluster.create(pod, dry_run=True)
        except ForbiddenError as error:
            return None if is_about_room(error) else (_words(ask, error), is_about_permissions(error))
        except RejectedError as error:
            return None if is_about_room(error) else (_words(ask, error), False)
        return None

    answers = [answer for answer in subject.together(admit, asks) if answer is not None]
    refused = [sentence for sentence, about_permissions in answers if not about_permissions]
    if refused:
        yield codes.POD_SECURITY.failed(
            f"The namespace {name} does not admit the pods.",
            "Change what they ask for with the settings pods.securityContext, pods.containerSecurityContext and "
            "resources, or have the rule that rejects them changed. For the level of the namespace, run: "
            f"{subject.cluster.kubectl} get namespace {name} --show-labels",
            "\n".join(refused),
        )
    elif answers:
        yield _by_label(subject)
    else:
        yield codes.POD_SECURITY.ok(f"The namespace admits the pods{_level(subject)}, as a dry run shows.")


def _words(ask: workloads.Ask, error: UserError) -> str:
    return f"{ask.name}: {error.details or error}"


def _by_label(subject: Subject) -> Result:
    """Returns what the label of the namespace tells, for those who may not create pods even in a dry run."""
    namespace = subject.namespace if isinstance(subject.namespace, dict) else {}
    level = (namespace.get("metadata", {}).get("labels") or {}).get(_LEVEL, "privileged")
    pods = subject.settings.pods
    replaced = bool(pods.security_context or pods.container_security_context)
    if namespace and (level == "privileged" or not replaced):
        return codes.POD_SECURITY.ok(f"The pods comply with the Pod Security level of the namespace ({level}).")
    return codes.POD_SECURITY.unknown(
        "Not checked: it takes the permission to create pods, of which a dry run creates none.",
    )


def _level(subject: Subject) -> str:
    if not isinstance(subject.namespace, dict):
        return ""
    level = (subject.namespace.get("metadata", {}).get("labels") or {}).get(_LEVEL)
    return f" (Pod Security level {level})" if level else ""
