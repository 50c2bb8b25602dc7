"""The way to the cluster: a kubeconfig and a context, and the few calls that the verbs need."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError

Object = dict[str, Any]

FIELD_MANAGER = "kubeflow-metadata-installer"
_TIMEOUT: dict[str, Any] = {"_request_timeout": 30}


class UnknownKindError(UserError):
    """The cluster does not know a kind; what brings it is not installed."""


class UnreachableError(UserError):
    """The cluster does not answer."""


class ConflictError(UserError):
    """Others own fields that are to be set."""


@dataclass(frozen=True)
class Cluster:
    """One context of the kubeconfig, and a namespace in it."""

    context: str
    namespace: str
    client: Any

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        with _spoken(f"{kind} {name}"):
            return self._call(
                lambda: self._resource(api_version, kind).get(name=name, namespace=self.namespace, **_TIMEOUT)
            )

    def list(self, api_version: str, kind: str, selector: str = "", field_selector: str = "") -> list[Object]:
        with _spoken(f"{kind}s"):
            found = self._call(
                lambda: self._resource(api_version, kind).get(
                    namespace=self.namespace, label_selector=selector, field_selector=field_selector, **_TIMEOUT
                )
            )
        return list(found.get("items", [])) if found else []

    def apply(self, wanted: Object, *, force: bool = False) -> Object:
        """Server-side apply.

        Raises:
            ConflictError: without ``force``, where another manager has set a field otherwise.
        """
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        with _spoken(f"{kind} {name}"):
            made = self.client.server_side_apply(
                self._resource(wanted["apiVersion"], kind),
                body=wanted,
                name=name,
                namespace=wanted["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=force,
                **_TIMEOUT,
            )
        return dict(made.to_dict())

    def create(self, wanted: Object) -> None:
        with _spoken(f"{wanted['kind']} {wanted['metadata']['name']}"):
            self._resource(wanted["apiVersion"], wanted["kind"]).create(
                body=wanted, namespace=wanted["metadata"].get("namespace"), **_TIMEOUT
            )

    def delete(self, api_version: str, kind: str, name: str) -> bool:
        """Deletes an object, its pods before itself; False where there was none."""
        with _spoken(f"{kind} {name}"):
            found = self._call(
                lambda: self._resource(api_version, kind).delete(
                    name=name,
                    namespace=self.namespace,
                    body={"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"},
                    **_TIMEOUT,
                )
            )
        return found is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        """The last lines of a container's log; empty where there is none."""
        from kubernetes.client import CoreV1Api
        from kubernetes.client.exceptions import ApiException

        try:
            answer: Any = CoreV1Api(self.client.client).read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                tail_lines=lines,
                previous=previous,
                _preload_content=False,
                **_TIMEOUT,
            )
            return str(answer.data.decode(errors="replace"))
        except ApiException:
            return ""

    def _resource(self, api_version: str, kind: str) -> Any:
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        try:
            return self.client.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            raise UnknownKindError(
                f"The cluster does not know {kind} ({api_version}).", hint=_what_brings(api_version)
            ) from error

    def _call(self, call: Any) -> Object | None:
        from kubernetes.dynamic.exceptions import NotFoundError

        try:
            return dict(call().to_dict())
        except NotFoundError:
            return None
        except UnknownKindError:
            return None


def connect(context: str | None, namespace: str) -> Cluster:
    """Reaches the cluster of a context, or of the current one.

    Raises:
        UserError: there is no such context, or nobody answers.
    """
    try:
        from kubernetes import client, dynamic
        from kubernetes import config as untyped_config
    except ModuleNotFoundError as error:
        raise UserError(
            f"Clusters need the package {error.name}, which is not installed here.",
            hint='Type: pip install "kubeflow-metadata-server[cluster]"',
        ) from error
    config: Any = untyped_config
    connect_to: Any = dynamic.DynamicClient
    file = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        contexts, current = config.list_kube_config_contexts(config_file=file)
    except config.ConfigException as error:
        raise UserError(
            f"There is no usable kubeconfig: {error}",
            hint="Set KUBECONFIG, or type: python -m installer up --local   (no cluster is needed)",
        ) from error
    names = [each["name"] for each in contexts]
    chosen = str(context or (current or {}).get("name") or "")
    if chosen not in names:
        raise UserError(
            f"The kubeconfig has no context {chosen!r}." if chosen else "The kubeconfig has no current context.",
            hint=f"Choose one with --context: {', '.join(names) or 'there are none'}",
        )
    configuration = client.Configuration()
    try:
        config.load_kube_config(config_file=file, context=chosen, client_configuration=configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        raise UserError(f"The context {chosen} cannot be used: {error}") from error
    configuration.retries = 3
    with _spoken(f"the cluster of context {chosen}"):
        return Cluster(chosen, namespace, connect_to(client.ApiClient(configuration)))


@contextmanager
def _spoken(what: str) -> Iterator[None]:
    """Turns what the client raises into sentences."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        message = _message(error)
        if error.status == 401:
            raise UserError("The cluster does not know you.", details=message, hint="Log in again.") from error
        if error.status == 403:
            raise UserError(
                f"You may not do that with {what}.", details=message, hint="Ask whoever runs the cluster for the right."
            ) from error
        if error.status == 409:
            raise ConflictError(f"{what} has fields of others.", details=message) from error
        raise UserError(f"The cluster refuses {what}.", details=message, hint=_for_refused(message)) from error
    except (HTTPError, OSError) as error:
        raise UnreachableError(
            "The cluster does not answer.",
            details=str(error),
            hint="Is it running? Choose another one with --context, or try: kubectl cluster-info",
        ) from error


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _for_refused(message: str) -> str:
    if "storage" in message and "less than" in message:
        return "A claim can only grow: set mysql.storage.size to what it has, or more."
    if "spec is immutable after creation" in message:
        return "The claim metadata-mysql is there already: leave mysql.storage as it was when it was made."
    return ""


def _what_brings(api_version: str) -> str:
    if api_version.startswith("monitoring.coreos.com/"):
        return "Install the Prometheus operator first, or set monitoring.enabled to false."
    if "istio.io/" in api_version:
        return "Install Istio first, or set istio.enabled to false."
    return "Kubernetes 1.28 or newer is needed."
