"""Who may talk to whom: each line of the table against the NetworkPolicies as they are rendered."""

from __future__ import annotations

import pytest

from tests.support.packaging import rendering
from tests.support.packaging.configurations import COMPONENTS, Configuration, merged
from tests.support.packaging.networks import Peer, allowed, pod

PART = "metadata.kubeflow.org/part"


def ours(part: str, namespace: str = "kubeflow") -> Peer:
    return pod(namespace, **{PART: part})


DB, GRPC, REST, UI, SMOKE = (ours(part) for part in ("db", "grpc", "rest", "ui", "smoke"))
NEIGHBOUR = pod("kubeflow", app="ml-pipeline")
KFP_GRPC = pod("kubeflow", component="metadata-grpc-server")
NOTEBOOK = Peer("alice", {"app": "notebook"}, {"app.kubernetes.io/part-of": "kubeflow-profile"})
GATEWAY = pod("istio-system", app="istio-ingressgateway")
ISTIOD = pod("istio-system", app="istiod")
STRANGER = pod("elsewhere", app="shell")
PROMETHEUS = pod("monitoring", app="prometheus")
DNS = pod("kube-system", **{"k8s-app": "kube-dns"})
NODE_DNS = Peer(address="169.254.20.10")
API_SERVER = Peer(address="10.0.0.1")
DATABASE = Peer(address="192.0.2.7")
INTERNET = Peer(address="198.51.100.1")

TABLE = [
    # who                whom               port   allowed
    *(
        (client, server, port, True)
        for client in (NEIGHBOUR, NOTEBOOK, GATEWAY, SMOKE)
        for server, port in ((GRPC, 8080), (REST, 8080), (UI, 3000))
    ),
    *((client, REST, 9090, True) for client in (NEIGHBOUR, NOTEBOOK, GATEWAY)),
    *(
        (STRANGER, server, port, False)
        for server, port in ((DB, 3306), (GRPC, 8080), (REST, 8080), (REST, 9090), (UI, 3000))
    ),
    *((client, DB, 3306, False) for client in (NEIGHBOUR, NOTEBOOK, GATEWAY, REST, UI, SMOKE)),
    (GRPC, DB, 3306, True),
    (REST, GRPC, 8080, True),
    (UI, REST, 8080, True),
    (UI, GRPC, 8080, False),
    (UI, REST, 9090, False),
    (DB, GRPC, 8080, False),
    (GRPC, REST, 8080, False),
    *((part, DNS, 53, True) for part in (DB, GRPC, REST, UI, SMOKE)),
    *((part, NODE_DNS, 53, True) for part in (DB, GRPC, REST, UI, SMOKE)),
    (DB, API_SERVER, 6443, True),
    (DB, API_SERVER, 443, True),
    (DB, INTERNET, 80, False),
    *((part, API_SERVER, port, False) for part in (GRPC, REST, UI, SMOKE) for port in (443, 6443)),
    *((part, INTERNET, 443, False) for part in (GRPC, REST, UI)),
    *((PROMETHEUS, part, port, False) for part, port in ((GRPC, 9091), (REST, 8080), (UI, 3000))),
    *((NOTEBOOK, GRPC, 9091, False), (NOTEBOOK, SMOKE, 8080, False)),
    # Pods that are not ours stay as free as they were.
    (STRANGER, NEIGHBOUR, 8888, True),
    (NEIGHBOUR, STRANGER, 8888, True),
    (NEIGHBOUR, INTERNET, 443, True),
]


def policies(tmp_path, values=None, namespace="kubeflow"):
    objects = rendering.kustomize(Configuration("networks", values or {}, namespace), tmp_path)
    return [each for each in objects if each["kind"] == "NetworkPolicy"]


@pytest.fixture(scope="module")
def of_the_base(built_tools, tmp_path_factory):
    return policies(tmp_path_factory.mktemp("networks"))


@pytest.mark.parametrize(("source", "target", "port", "is_allowed"), TABLE)
def test_in_the_base(of_the_base, source, target, port, is_allowed):
    assert allowed(of_the_base, source, target, port) is is_allowed


def test_dns_goes_over_udp_and_nothing_else_does(of_the_base):
    assert allowed(of_the_base, GRPC, DNS, 53, "UDP")
    assert not allowed(of_the_base, GRPC, DB, 3306, "UDP")


def test_every_pod_of_ours_is_selected_in_every_configuration(rendered):
    for each in rendered:
        found = [made for made in each.kustomize if made["kind"] == "NetworkPolicy"]
        if not each.configuration.values.get("networkPolicy", {}).get("enabled", True):
            assert found == []
            continue
        selected = [policy["spec"]["podSelector"]["matchLabels"] for policy in found]
        for made in each.kustomize:
            if rendering.pod_spec(made):
                labels = made["spec"]["template"]["metadata"]["labels"]
                matching = [wanted for wanted in selected if wanted.items() <= labels.items()]
                assert len(matching) == 1, made["metadata"]["name"]
        assert all(set(wanted) == {PART} for wanted in selected), "policies select only our pods"


def test_in_another_namespace_the_own_one_is_let_in(tmp_path):
    found = policies(tmp_path, namespace="team-a")
    assert allowed(found, pod("team-a", app="shell"), ours("rest", "team-a"), 8080)
    assert not allowed(found, pod("kubeflow", app="shell"), ours("rest", "team-a"), 8080)


def test_namespaces_that_the_settings_name_are_let_in(tmp_path):
    values = {"networkPolicy": {"clientNamespaces": ["elsewhere"], "gatewayNamespace": "ingress"}}
    found = policies(tmp_path, values)
    for server, port in ((GRPC, 8080), (REST, 8080), (REST, 9090), (UI, 3000)):
        assert allowed(found, STRANGER, server, port)
        assert allowed(found, pod("ingress", app="gateway"), server, port)
        assert not allowed(found, GATEWAY, server, port)
    assert not allowed(found, STRANGER, DB, 3306)


def test_clients_outside_the_cluster_are_let_in_by_their_addresses(tmp_path):
    found = policies(tmp_path, {"networkPolicy": {"clientCidrs": ["198.51.100.0/24"]}})
    for server, port in ((GRPC, 8080), (REST, 8080), (REST, 9090), (UI, 3000)):
        assert allowed(found, INTERNET, server, port)
        assert not allowed(found, DATABASE, server, port)
    assert not allowed(found, INTERNET, DB, 3306)


def test_in_an_ambient_mesh_the_tunnel_and_probes_are_let_in(tmp_path):
    found = policies(tmp_path, {"istio": {"enabled": True, "mode": "ambient"}})
    probes = Peer(address="169.254.7.127")
    for source, target in ((REST, GRPC), (UI, REST), (SMOKE, UI), (SMOKE, GRPC), (NOTEBOOK, REST)):
        assert allowed(found, source, target, 15008)
    assert all(allowed(found, probes, server, port) for server, port in ((GRPC, 8080), (REST, 8080), (UI, 3000)))
    assert not allowed(found, STRANGER, REST, 15008)
    assert not allowed(found, UI, GRPC, 15008)


def test_with_monitoring_prometheus_reaches_the_metrics(tmp_path):
    found = policies(tmp_path, COMPONENTS["monitoring"])
    for server, port in ((GRPC, 9091), (REST, 8080), (UI, 3000)):
        assert allowed(found, PROMETHEUS, server, port)
    assert not allowed(found, PROMETHEUS, GRPC, 8080)
    assert not allowed(found, PROMETHEUS, DB, 3306)


def test_with_istio_servers_reach_istiod(tmp_path):
    found = policies(tmp_path, COMPONENTS["istio"])
    assert all(allowed(found, server, ISTIOD, 15012) for server in (GRPC, REST, UI, SMOKE))
    assert not allowed(found, DB, ISTIOD, 15012)
    assert not allowed(found, GRPC, GATEWAY, 15012)


def test_an_external_database_is_reached_on_its_port_at_its_addresses(tmp_path):
    anywhere = policies(tmp_path / "a", COMPONENTS["external-mysql"])
    assert allowed(anywhere, GRPC, DATABASE, 3306)
    assert allowed(anywhere, GRPC, pod("databases", app="mysql"), 3306)
    assert not allowed(anywhere, GRPC, DATABASE, 443)
    assert not allowed(anywhere, REST, DATABASE, 3306)

    narrowed = {**COMPONENTS["external-mysql"]["externalMysql"], "port": 3307, "cidrs": ["192.0.2.0/24"]}
    somewhere = policies(tmp_path / "b", {"externalMysql": narrowed})
    assert allowed(somewhere, GRPC, DATABASE, 3307)
    assert not allowed(somewhere, GRPC, DATABASE, 3306)
    assert not allowed(somewhere, GRPC, INTERNET, 3307)


def test_the_api_server_can_be_narrowed(tmp_path):
    found = policies(tmp_path, {"networkPolicy": {"apiServerCidrs": ["10.0.0.1/32"], "apiServerPorts": [443]}})
    assert allowed(found, DB, API_SERVER, 443)
    assert not allowed(found, DB, API_SERVER, 6443)
    assert not allowed(found, DB, INTERNET, 443)


def test_beside_kubeflow_pipelines_rest_reaches_their_server(tmp_path):
    found = policies(tmp_path, merged(COMPONENTS["beside-kfp"], COMPONENTS["istio"]))
    assert allowed(found, REST, KFP_GRPC, 8080)
    assert allowed(found, SMOKE, KFP_GRPC, 8080)
    assert not allowed(found, UI, KFP_GRPC, 8080)
    assert allowed(found, NEIGHBOUR, KFP_GRPC, 8080), "their pods stay as they are"
