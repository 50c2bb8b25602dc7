"""What NetworkPolicies let through, by the rules of Kubernetes: no cluster at hand enforces them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.support.packaging.rendering import Object


@dataclass(frozen=True)
class Peer:
    """A pod with the labels of itself and of its namespace, or an address outside."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    namespace_labels: dict[str, str] = field(default_factory=dict)
    address: str = ""


def pod(namespace: str, **labels: str) -> Peer:
    """A pod in a namespace without labels of its own."""
    return Peer(namespace, labels, {"kubernetes.io/metadata.name": namespace})


def allowed(policies: list[Object], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection gets through: out of the source, and into the target."""
    leaving = _one_side(policies, source, target, "Egress", port, protocol)
    arriving = _one_side(policies, target, source, "Ingress", port, protocol)
    return leaving and arriving


def _one_side(policies: list[Object], own: Peer, other: Peer, direction: str, port: int, protocol: str) -> bool:
    selecting = [
        policy["spec"]
        for policy in policies
        if policy["metadata"]["namespace"] == own.namespace
        and _selects(policy["spec"]["podSelector"], own.labels)
        and direction in policy["spec"]["policyTypes"]
    ]
    if own.address or not selecting:
        return True
    key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        _has_port(rule.get("ports"), port, protocol) and _has_peer(rule.get(peers), other, own.namespace)
        for spec in selecting
        for rule in spec.get(key, [])
    )


def _has_port(ports: Iterable[Any] | None, port: int, protocol: str) -> bool:
    return not ports or any((each["port"], each.get("protocol", "TCP")) == (port, protocol) for each in ports)


def _has_peer(peers: Iterable[Any] | None, other: Peer, own_namespace: str) -> bool:
    return not peers or any(_is_peer(peer, other, own_namespace) for peer in peers)


def _is_peer(peer: Any, other: Peer, own_namespace: str) -> bool:
    if "ipBlock" in peer:
        block = ip_network(peer["ipBlock"]["cidr"])
        return bool(other.address) and ip_address(other.address) in block
    if other.address:
        return False
    if "namespaceSelector" in peer:
        in_namespace = _selects(peer["namespaceSelector"], other.namespace_labels)
    else:
        in_namespace = other.namespace == own_namespace
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: Any, labels: dict[str, str]) -> bool:
    assert not selector.get("matchExpressions"), "not evaluated here"
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
