"""Checks of the way to the cluster: the API server, its certificate and version, proxies, local programs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.checks import codes
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject

_OLDEST_KUBERNETES = (1, 28)
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_PROGRAM_SECONDS = 20
# Of each engine: the command lines that tell the version of a program that it can use, and the oldest that will do.
_PROGRAMS: dict[str, tuple[tuple[tuple[str, ...], tuple[int, int], str], ...]] = {
    "kustomize": (
        (("kustomize", "version"), (5, 0), "kustomize 5.0"),
        (("kubectl", "version", "--client"), (1, 27), "kubectl 1.27"),
    ),
    "helm": ((("helm", "version", "--template", "{{.Version}}"), (3, 18), "Helm 3.18"),),
}


def api_server(subject: Subject) -> Iterator[Result]:
    """Asks for the version: a server that answers has been reached, trusted, and knows the identity."""
    cluster = subject.cluster
    version = cluster.version()
    where = f" at {cluster.address}" if cluster.address else ""
    yield codes.API_SERVER.ok(f"The API server{where} responds.")
    if cluster.address.startswith("http://"):
        yield codes.CERTIFICATE.warning(
            "The connection to the API server is not encrypted.", "Use an https address in the kubeconfig."
        )
    elif cluster.verifies_certificate:
        yield codes.CERTIFICATE.ok("Its certificate is verified.")
    else:
        yield codes.CERTIFICATE.warning(
            "The certificate of the API server is not verified: passwords could be read on the way.",
            f"Remove insecure-skip-tls-verify from context {cluster.context}, and add certificate-authority-data.",
        )
    oldest = ".".join(map(str, _OLDEST_KUBERNETES))
    if _numbers(version) >= _OLDEST_KUBERNETES:
        yield codes.VERSION.ok(f"Kubernetes {version}; {oldest} or newer is required.")
    else:
        yield codes.VERSION.failed(
            f"Kubernetes {version} is too old: {oldest} or newer is required.", "Upgrade the cluster."
        )


def proxy(subject: Subject) -> Iterator[Result]:
    """Tells which proxy is used, and warns where it is probably in the way."""
    cluster = subject.cluster
    host = urlsplit(cluster.address).hostname or ""
    if not cluster.proxy:
        named = next((name for name in _PROXIES if os.environ.get(name)), "")
        yield codes.PROXY.ok(f"{named} is set, but not used for this cluster." if named else "No proxy is set.")
    elif _is_private(host):
        yield codes.PROXY.warning(
            f"The private address {host} is reached through the proxy {without_password(cluster.proxy)}.",
            f"If the cluster is in your own network, run: export NO_PROXY={host}",
        )
    else:
        yield codes.PROXY.ok(f"The API server is reached through the proxy {without_password(cluster.proxy)}.")


def programs(subject: Subject) -> Iterator[Result]:
    """Looks for the engine's program, and makes the objects with it."""
    engine = subject.engine.name
    seen = ""
    for command, oldest, title in _PROGRAMS.get(engine, ()):
        version = version_of(command)
        if version is None:
            continue
        seen = f"{command[0]} {version}"
        if version and _numbers(version) < oldest:
            yield codes.PROGRAMS.failed(f"{seen} is too old for --engine {engine}.", f"Install {title} or newer.")
            return
        break
    if isinstance(subject.made, UserError):
        yield codes.PROGRAMS.failed(str(subject.made), subject.made.hint, subject.made.details)
        return
    made = f"{len(subject.objects)} objects from these settings"
    yield codes.PROGRAMS.ok(f"{seen} makes {made}." if seen else f"{engine} makes {made}.")


def proxy_hint() -> str:
    """Returns what to try where the cluster does not respond and the environment names a proxy."""
    named = next((name for name in _PROXIES if os.environ.get(name)), "")
    return f"{named} is set: if this cluster is not behind it, add its host to NO_PROXY." if named else ""


def without_password(url: str) -> str:
    """Returns a URL without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def version_of(command: tuple[str, ...]) -> str | None:
    """Returns the version that a program prints; None if it is not installed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PROGRAM_SECONDS)
    except FileNotFoundError:
        return None
    except (OSError, subprocess.TimeoutExpired):
        return ""
    matched = re.search(r"v\d+\.\d+(?:\.\d+)?", done.stdout)
    return matched[0] if matched else ""


def _numbers(version: str) -> tuple[int, ...]:
    matched = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(matched[1]), int(matched[2])) if matched else ()


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host.endswith((".local", ".internal", ".lan"))
