"""What an API server answers when it refuses, as a sentence with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.port import ConflictError, ForbiddenError, RejectedError, UnreachableError


@contextmanager
def explained(verb: str, what: str) -> Iterator[None]:
    """Turns what the client raises into sentences."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        message = _message(error)
        if error.status == 401:
            raise UserError(
                "Not authenticated to the cluster (401).",
                details=message,
                hint="Log in again, or select another context with --context.",
            ) from error
        if error.status == 403:
            raise ForbiddenError(
                f"Permission denied: cannot {verb} {what}.",
                details=message,
                hint="Ask an administrator of the cluster for this permission.",
            ) from error
        if error.status == 409:
            raise ConflictError(f"{what} has fields that another manager owns.", details=message) from error
        raise RejectedError(f"The cluster rejected {what}.", details=message, hint=_after_rejection(message)) from error
    except (HTTPError, OSError) as error:
        raise UnreachableError(
            "The cluster does not respond.",
            details=str(error),
            hint="Check that it is running, or select another one with --context.",
        ) from error


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _after_rejection(message: str) -> str:
    if "storage" in message and "less than" in message:
        return "A PersistentVolumeClaim can only grow: set mysql.storage.size to its current size or more."
    if "spec is immutable after creation" in message:
        return (
            "PersistentVolumeClaim metadata-mysql is immutable: restore the mysql.storage settings it was created with."
        )
    return ""


def what_provides(api_version: str) -> str:
    """Returns what has to be installed for a kind that the cluster lacks."""
    if api_version.startswith("monitoring.coreos.com/"):
        return "Install the Prometheus Operator first, or set monitoring.enabled to false."
    if api_version.startswith("gateway.networking.k8s.io/"):
        return "Install the Gateway API's CRDs first, or set gatewayApi.enabled to false."
    if "istio.io/" in api_version:
        return "Install Istio first, or set istio.enabled to false."
    return "Kubernetes 1.28 or newer is required."
