"""The connection to a cluster: a kubeconfig, a context, and the few calls that the verbs need."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program

Object = dict[str, Any]

FIELD_MANAGER = "kubeflow-metadata-installer"
_TIMEOUT: dict[str, Any] = {"_request_timeout": 30}


class UnknownKindError(UserError):
    """The cluster lacks a kind: its operator or CRD is not installed."""


class UnreachableError(UserError):
    """The cluster does not respond."""


class ConflictError(UserError):
    """Another field manager owns fields that are to be set."""


@dataclass
class Cluster:
    """One context of the kubeconfig, and a namespace in it."""

    context: str
    namespace: str
    client: Any

    @property
    def options(self) -> str:
        """How commands in hints are pointed at this namespace: ours, kubectl's."""
        return shlex.join(["--context", self.context, "-n", self.namespace])

    @property
    def kubectl(self) -> str:
        """How hints call kubectl on this namespace."""
        return f"kubectl {self.options}"

    def version(self) -> str:
        """Returns the version of the API server, such as ``v1.34.0``."""
        from kubernetes.client import VersionApi

        with _explained("read", "the version of the cluster"):
            return str(VersionApi(self.client.client).get_code(**_TIMEOUT).git_version)

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        """Returns an object, or None if it does not exist."""
        with _explained("get", f"{kind} {name}"):
            return self._call(
                lambda: self._resource(api_version, kind).get(name=name, namespace=self.namespace, **_TIMEOUT)
            )

    def list(self, api_version: str, kind: str, selector: str = "", field_selector: str = "") -> list[Object]:
        """Returns the objects of a kind that match a label and a field selector."""
        with _explained("list", f"{kind} objects"):
            listed = self._call(
                lambda: self._resource(api_version, kind).get(
                    namespace=self.namespace, label_selector=selector, field_selector=field_selector, **_TIMEOUT
                )
            )
        return list(listed.get("items", [])) if listed else []

    def apply(self, wanted: Object, *, force: bool = False) -> Object:
        """Applies an object on the server's side.

        Raises:
            ConflictError: without ``force``, where another manager has set a field to another value.
        """
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        with _explained("apply", f"{kind} {name}"):
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
        """Creates an object."""
        with _explained("create", f"{wanted['kind']} {wanted['metadata']['name']}"):
            self._resource(wanted["apiVersion"], wanted["kind"]).create(
                body=wanted, namespace=wanted["metadata"].get("namespace"), **_TIMEOUT
            )

    def delete(self, api_version: str, kind: str, name: str) -> bool:
        """Deletes an object, its pods before itself; returns whether there was one."""
        with _explained("delete", f"{kind} {name}"):
            deleted = self._call(
                lambda: self._resource(api_version, kind).delete(
                    name=name,
                    namespace=self.namespace,
                    body={"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"},
                    **_TIMEOUT,
                )
            )
        return deleted is not None

    def logs(self, pod: str, container: str, *, lines: int, previous: bool = False) -> str:
        """Returns the last lines of a container's log; empty where there is none."""
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
                f"The cluster has no kind {kind} ({api_version}).", hint=_what_provides(api_version)
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
    """Connects to the cluster of a context, or of the current one.

    Raises:
        UserError: there is no such context, or the cluster does not respond.
    """
    from kubernetes import client, dynamic
    from kubernetes import config as untyped_config

    config: Any = untyped_config
    connect_to: Any = dynamic.DynamicClient
    file = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        contexts, current = config.list_kube_config_contexts(config_file=file)
    except config.ConfigException as error:
        raise UserError(
            f"No usable kubeconfig: {error}",
            hint=f"Set KUBECONFIG, or, without a cluster, run: {program.command('up --local')}",
        ) from error
    names = [each["name"] for each in contexts]
    chosen = str(context or (current or {}).get("name") or "")
    if chosen not in names:
        raise UserError(
            f"The kubeconfig has no context {chosen!r}." if chosen else "The kubeconfig has no current context.",
            hint=f"Select one with --context: {', '.join(names) or '(the kubeconfig has none)'}",
        )
    configuration = client.Configuration()
    try:
        config.load_kube_config(config_file=file, context=chosen, client_configuration=configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        raise UserError(f"The context {chosen} cannot be used: {error}") from error
    if "@" in urlsplit(str(configuration.host)).netloc:
        # The client would neither use them nor keep them out of its errors.
        raise UserError(
            f"The server's address of context {chosen} contains a user name or password, which is not supported.",
            hint=f"Remove it from {file}, and log in with a token or a certificate.",
        )
    if _is_this_machine(str(configuration.host)) and configuration.proxy in getproxies().values():
        configuration.proxy = None  # as kubectl: a proxy on the way out does not know this machine's ports
    configuration.retries = 3
    with _explained("use", f"the API server of context {chosen}"):
        return Cluster(chosen, namespace, connect_to(client.ApiClient(configuration)))


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _explained(verb: str, what: str) -> Iterator[None]:
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
            raise UserError(
                f"Permission denied: cannot {verb} {what}.",
                details=message,
                hint="Ask an administrator of the cluster for this permission.",
            ) from error
        if error.status == 409:
            raise ConflictError(f"{what} has fields that another manager owns.", details=message) from error
        raise UserError(f"The cluster rejected {what}.", details=message, hint=_after_rejection(message)) from error
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


def _what_provides(api_version: str) -> str:
    if api_version.startswith("monitoring.coreos.com/"):
        return "Install the Prometheus Operator first, or set monitoring.enabled to false."
    if api_version.startswith("gateway.networking.k8s.io/"):
        return "Install the Gateway API's CRDs first, or set gatewayApi.enabled to false."
    if "istio.io/" in api_version:
        return "Install Istio first, or set istio.enabled to false."
    return "Kubernetes 1.28 or newer is required."
