"""Which cluster: the kubeconfig, and a context in it."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.api_server import ApiServer
from kubeflow_metadata.installer.cluster.port import Cluster


def connect(context: str | None, namespace: str) -> Cluster:
    """Connects to the cluster of a context, or of the current one.

    Raises:
        UserError: there is no such context, or the cluster does not respond.
    """
    from kubernetes import client
    from kubernetes import config as untyped_config

    config: Any = untyped_config
    file = _file()
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
    return ApiServer(chosen, namespace, client.ApiClient(configuration))


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _file() -> str:
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def current_context() -> str:
    """Returns the current context of the kubeconfig; empty if there is none, or no usable file."""
    from kubernetes import config as untyped_config

    config: Any = untyped_config
    try:
        _, current = config.list_kube_config_contexts(config_file=_file())
    except (config.ConfigException, OSError, ValueError, AttributeError, TypeError):
        return ""
    return str((current or {}).get("name") or "")
