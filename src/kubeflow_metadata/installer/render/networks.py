"""What the settings change in the NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.names import SMOKE_JOB
from kubeflow_metadata.installer.render.operations import Operation, append, expect, replace, replace_known
from kubeflow_metadata.parts import DB, GRPC, SERVERS, Part

_DEFAULT = Settings()

# Where the manifests have what is changed here.
_CLIENTS = "/spec/ingress/0/from"
_GATEWAY = f"{_CLIENTS}/2/namespaceSelector/matchLabels/kubernetes.io~1metadata.name"
_PROMETHEUS = "/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name"
_SECOND_EGRESS = "/spec/egress/1"

# Of an ambient mesh: the port of its tunnel, and the address that probes of the kubelet come from.
_TUNNEL = {"port": 15008, "protocol": "TCP"}
_PROBES = "169.254.7.127/32"


def changes(settings: Settings, *, smoke: bool) -> Iterator[tuple[str, list[Operation]]]:
    """Yields the operations for each policy, with its name; that of the smoke test only where it is installed."""
    if not (settings.external_mysql.enabled or settings.beside_kfp.enabled):
        yield DB.object_name, list(_api_server(settings))
    for server in SERVERS:
        if server == GRPC and settings.beside_kfp.enabled:
            continue
        operations = list(_clients(settings))
        if server == GRPC and settings.external_mysql.enabled:
            operations += _external_database(settings)
        if _is_ambient(settings):
            operations += _tunnel(settings, server)
        yield server.object_name, operations
    if smoke and _is_ambient(settings):
        yield SMOKE_JOB, [append(f"/spec/egress/{number}/ports", _TUNNEL) for number in range(1, 4)]


def _clients(settings: Settings) -> Iterator[Operation]:
    asked, default = settings.network_policy, _DEFAULT.network_policy
    if asked.gateway_namespace != default.gateway_namespace:
        yield from replace_known(_GATEWAY, default.gateway_namespace, asked.gateway_namespace)
    for namespace in asked.client_namespaces:
        yield append(_CLIENTS, _namespace(namespace))
    for cidr in asked.client_cidrs:
        yield append(_CLIENTS, {"ipBlock": {"cidr": cidr}})
    prometheus = settings.monitoring.namespace
    if settings.monitoring.enabled and prometheus != _DEFAULT.monitoring.namespace:
        yield from replace_known(_PROMETHEUS, _DEFAULT.monitoring.namespace, prometheus)


def _is_ambient(settings: Settings) -> bool:
    return settings.istio.enabled and settings.istio.mode == "ambient"


def _tunnel(settings: Settings, server: Part) -> Iterator[Operation]:
    yield append("/spec/ingress/0/ports", _TUNNEL)
    # Before the rule for Prometheus, as the chart has it.
    yield {"op": "add", "path": "/spec/ingress/1", "value": {"from": [{"ipBlock": {"cidr": _PROBES}}]}}
    if server != GRPC:
        yield append(f"{_SECOND_EGRESS}/ports", _TUNNEL)


def _api_server(settings: Settings) -> Iterator[Operation]:
    asked, default = settings.network_policy, _DEFAULT.network_policy
    if (asked.api_server_ports, asked.api_server_cidrs) != (default.api_server_ports, default.api_server_cidrs):
        yield expect(f"{_SECOND_EGRESS}/ports", _ports(default.api_server_ports))
        yield replace(_SECOND_EGRESS, _egress(asked.api_server_ports, asked.api_server_cidrs))


def _external_database(settings: Settings) -> Iterator[Operation]:
    asked, default = settings.external_mysql, _DEFAULT.external_mysql
    if (asked.port, asked.cidrs) != (default.port, default.cidrs):
        yield expect(f"{_SECOND_EGRESS}/ports", _ports((default.port,)))
        yield replace(_SECOND_EGRESS, _egress((asked.port,), asked.cidrs))


def _egress(ports: tuple[int, ...], cidrs: tuple[str, ...]) -> dict[str, Any]:
    rule: dict[str, Any] = {"ports": _ports(ports)}
    if cidrs:
        rule["to"] = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return rule


def _ports(numbers: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"port": number, "protocol": "TCP"} for number in numbers]


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
