"""Connecting to a cluster: the one of a context of the kubeconfig, or the one that this process runs in."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster.connection import kubeconfig_files
from kubeflow_metadata.installer.cluster.connection.answers import Where
from kubeflow_metadata.installer.cluster.connection.api_server import ApiServer
from kubeflow_metadata.installer.cluster.connection.credentials import Credentials, Scratch, file_of
from kubeflow_metadata.installer.cluster.connection.kubeconfig_files import Access
from kubeflow_metadata.installer.cluster.connection.proxies import credentials_of, proxy_for, without_credentials
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

# Where a pod finds the token of its service account.
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def connect(
    context: str | None, namespace: str, clock: Clock = SYSTEM_CLOCK, note: Callable[[str], None] | None = None
) -> Cluster:
    """Connects to the cluster of a context, or of the current one.

    Args:
        context: of the kubeconfig; None for the current one, or, in a pod without a kubeconfig, its service account.
        namespace: of the installation.
        clock: tells the time.
        note: is told when an outage is waited for; by default shown as a note.

    Raises:
        UserError: there is no such context, its credentials cannot be used, or the cluster does not respond.
    """
    configuration = _configuration()
    config = kubeconfig_files.read()
    if config is None:
        if context is None and _is_in_a_pod():
            return _connect_from_inside(configuration, namespace, clock, note)
        raise UserError(
            f"No kubeconfig: {os.pathsep.join(map(str, kubeconfig_files.paths()))} does not exist.",
            hint=f"Set KUBECONFIG, or, without a cluster, run: {program.command('up --local')}",
        )
    access = kubeconfig_files.chosen(config, context)
    scratch = Scratch()
    server = _set_server(configuration, access, scratch)
    proxy = _set_proxy(configuration, str(access.cluster.content.get("proxy-url") or "") or proxy_for(server))
    credentials = Credentials(access, clock)
    headers = credentials.apply(configuration)
    where = Where(server, access.context, namespace, str(access.cluster.file), proxy)
    return ApiServer(where, _client(configuration, headers), credentials, scratch, clock, note)


def _connect_from_inside(
    configuration: Any, namespace: str, clock: Clock, note: Callable[[str], None] | None
) -> Cluster:
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.incluster_config import InClusterConfigLoader

    loader: Any = InClusterConfigLoader
    try:
        loader(str(SERVICE_ACCOUNT / "token"), str(SERVICE_ACCOUNT / "ca.crt")).load_and_set(configuration)
    except (ConfigException, OSError) as error:
        raise UserError(
            f"Cannot use the service account of this pod: {error}",
            hint="Set KUBECONFIG, or automountServiceAccountToken of the pod to true.",
        ) from error
    server = str(configuration.host)
    proxy = _set_proxy(configuration, proxy_for(server))
    where = Where(server, "", namespace, str(SERVICE_ACCOUNT), proxy)
    return ApiServer(where, _client(configuration, {}), Credentials(None, clock), Scratch(), clock, note)


def _is_in_a_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (SERVICE_ACCOUNT / "token").is_file()


def _configuration() -> Any:
    from kubernetes import client

    configuration: Any = client.Configuration()
    configuration.retries = False  # how often to ask again is decided per call
    return configuration


def _client(configuration: Any, headers: Mapping[str, str]) -> Any:
    from kubernetes import client

    made: Any = client.ApiClient(configuration)
    made.user_agent = f"kubeflow-metadata/{version(SERVER_NAME)}"
    for name, value in headers.items():
        made.set_default_header(name, value)
    return made


def _set_server(configuration: Any, access: Access, scratch: Scratch) -> str:
    cluster = access.cluster
    server = str(cluster.content.get("server") or "").rstrip("/")
    another = "Select another context with --context."
    if urlsplit(server).scheme not in {"http", "https"} or not urlsplit(server).hostname:
        raise UserError(
            f"Cluster {cluster.name} in {cluster.file} has no address of a server: {server!r}.", hint=another
        )
    if "@" in urlsplit(server).netloc:
        # The client would neither use them nor keep them out of its errors.
        raise UserError(
            f"The server's address of context {access.context} contains a user name or password, which is not "
            "supported.",
            hint=f"Remove it from {cluster.file}, and log in with a token or a certificate.",
        )
    configuration.host = server
    if name := cluster.content.get("tls-server-name"):
        configuration.tls_server_name = str(name)
    if cluster.content.get("insecure-skip-tls-verify"):
        configuration.verify_ssl = False
        configuration.assert_hostname = False
        _silence_warnings()
    elif authority := file_of(cluster, "certificate-authority", scratch):
        try:
            ssl.create_default_context(cafile=authority)
        except (ssl.SSLError, ValueError) as error:
            raise UserError(
                f"The CA certificate of cluster {cluster.name} in {cluster.file} is not valid PEM.", hint=another
            ) from error
        configuration.ssl_ca_cert = authority
    return server


def _set_proxy(configuration: Any, proxy: str | None) -> str:
    """Has the client use a proxy; returns its address as it may be shown."""
    configuration.no_proxy = ""  # it was decided already
    configuration.proxy = proxy
    if not proxy:
        return ""
    if urlsplit(proxy).scheme.startswith("socks"):
        if find_spec("socks") is None:
            raise UserError(
                f"The proxy {without_credentials(proxy)} speaks SOCKS, for which the Python module socks is missing.",
                hint="Run: pip install pysocks",
            )
    elif pair := credentials_of(proxy):
        import urllib3

        configuration.proxy = without_credentials(proxy)
        configuration.proxy_headers = urllib3.util.make_headers(proxy_basic_auth=pair)
    return without_credentials(proxy)


def _silence_warnings() -> None:
    """The user asked for it in the kubeconfig; a warning for each request would bury everything else."""
    import warnings

    import urllib3

    warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
