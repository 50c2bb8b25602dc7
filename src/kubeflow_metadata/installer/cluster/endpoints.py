"""Where clients in the cluster reach the servers."""

from __future__ import annotations

from collections.abc import Iterable

from kubeflow_metadata.installer.cluster.port import Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.parts import GRPC, REST, UI, Service

_HTTP_PORT = 80


def endpoints(namespace: str, settings: Settings) -> dict[str, str]:
    """Returns the address of each server by its name, and the path at Istio's gateway where there is one."""
    rest, grpc_web = REST.services
    addresses = {
        "ui": _url(UI.services[0], namespace),
        "rest": _url(rest, namespace),
        "grpc": _host(GRPC.services[0], namespace),
        "grpc_web": _url(grpc_web, namespace),
    }
    if settings.istio.enabled:
        addresses["gateway"] = f"/metadata/ at {settings.istio.gateway}"
    return addresses


def of_services(namespace: str, services: Iterable[Object]) -> dict[str, str]:
    """Returns the address of each server whose Service there is."""
    rest, grpc_web = REST.services
    present = {each["metadata"]["name"] for each in services}
    wanted = {"ui": (UI.services[0], _url), "rest": (rest, _url), "grpc": (GRPC.services[0], _host)}
    return {
        name: write(service, namespace)
        for name, (service, write) in {**wanted, "grpc_web": (grpc_web, _url)}.items()
        if service.name in present
    }


def _url(service: Service, namespace: str) -> str:
    return f"http://{_host(service, namespace)}"


def _host(service: Service, namespace: str) -> str:
    host = f"{service.name}.{namespace}"
    return host if service.port == _HTTP_PORT else f"{host}:{service.port}"
