"""What the settings change in the NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import SERVERS

_DEFAULT = Settings()

# Where the manifests have what is changed here.
_GATEWAY = "/spec/ingress/0/from/2/namespaceSelector/matchLabels/kubernetes.io~1metadata.name"
_CLIENTS = "/spec/ingress/0/from/-"
_SECOND_EGRESS = "/spec/egress/1"
_PROMETHEUS = "/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name"


def changes(settings: Settings) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The operations for each policy, by its name."""
    if not (settings.external_mysql.enabled or settings.beside_kfp.enabled):
        yield "metadata-db", list(_api_server(settings))
    for server in SERVERS:
        if server == "grpc" and settings.beside_kfp.enabled:
            continue
        made = list(_clients(settings))
        if server == "grpc" and settings.external_mysql.enabled:
            made += _external_database(settings)
        yield f"metadata-{server}", made


def _clients(settings: Settings) -> Iterator[dict[str, Any]]:
    asked = settings.network_policy
    if asked.gateway_namespace != _DEFAULT.network_policy.gateway_namespace:
        yield {"op": "replace", "path": _GATEWAY, "value": asked.gateway_namespace}
    for namespace in asked.client_namespaces:
        yield {"op": "add", "path": _CLIENTS, "value": _namespace(namespace)}
    if settings.monitoring.enabled and settings.monitoring.namespace != _DEFAULT.monitoring.namespace:
        yield {"op": "replace", "path": _PROMETHEUS, "value": settings.monitoring.namespace}


def _api_server(settings: Settings) -> Iterator[dict[str, Any]]:
    asked, default = settings.network_policy, _DEFAULT.network_policy
    if (asked.api_server_ports, asked.api_server_cidrs) != (default.api_server_ports, default.api_server_cidrs):
        rule = _egress(asked.api_server_ports, asked.api_server_cidrs)
        yield {"op": "replace", "path": _SECOND_EGRESS, "value": rule}


def _external_database(settings: Settings) -> Iterator[dict[str, Any]]:
    asked, default = settings.external_mysql, _DEFAULT.external_mysql
    if (asked.port, asked.cidrs) != (default.port, default.cidrs):
        yield {"op": "replace", "path": _SECOND_EGRESS, "value": _egress((asked.port,), asked.cidrs)}


def _egress(ports: tuple[int, ...], cidrs: tuple[str, ...]) -> dict[str, Any]:
    rule: dict[str, Any] = {"ports": [{"port": port, "protocol": "TCP"} for port in ports]}
    if cidrs:
        rule["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return rule


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
