"""Settings of what surrounds the parts: scheduling, security, network access, routes, mesh, monitoring."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from kubeflow_metadata.installer.model import fields as f
from kubeflow_metadata.installer.model import kubernetes_types as k
from kubeflow_metadata.installer.model.fields import Section, setting


class Scheduling(Section):
    node_selector: f.Labels = setting({}, "Node labels required by all pods.")
    tolerations: k.Tolerations = setting((), "Tolerations of all pods.")
    affinity: k.Affinity = setting({}, "Affinity of all pods. Replaces the default, which spreads replicas over nodes.")
    topology_spread_constraints: k.TopologySpreadConstraints = setting(
        (), "Topology spread constraints of all pods. Replace the default, which spreads replicas over zones."
    )
    priority_class: f.NameOrNothing = setting("", "PriorityClass of all pods.")


class Pods(Section):
    labels: f.OwnLabels = setting({}, "Additional labels.")
    annotations: f.Annotations = setting({}, "Annotations.")
    security_context: k.PodSecurityContext = setting(
        {}, "Security context. Replaces the default, which sets uid and gid 65532; see docs for OpenShift."
    )
    container_security_context: k.SecurityContext = setting(
        {}, "Security context of each container. Replaces the default."
    )


class ServiceAccounts(Section):
    labels: f.OwnLabels = setting({}, "Additional labels.")
    annotations: f.Annotations = setting({}, "Annotations, for example for workload identity.")


class Network(Section):
    ip_family_policy: Literal["", "SingleStack", "PreferDualStack", "RequireDualStack"] = setting(
        "",
        "`ipFamilyPolicy` of all Services. Empty: the cluster's default. With dual stack, servers also listen on IPv6.",
    )
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = setting(
        (),
        "`ipFamilies` of all Services. Empty: the cluster's default. With IPv6, servers also listen on IPv6: required "
        "on IPv6-only clusters.",
        max_length=2,
    )

    @property
    def has_ipv6(self) -> bool:
        """Returns whether servers listen on IPv6, too."""
        return "IPv6" in self.ip_families or self.ip_family_policy.endswith("DualStack")


class NetworkPolicy(Section):
    enabled: StrictBool = setting(True, "Add NetworkPolicies. Without them, every pod of the cluster has access.")
    gateway_namespace: f.NamespaceName = setting("istio-system", "Namespace of the ingress gateway.")
    client_namespaces: tuple[f.NamespaceName, ...] = setting(
        (),
        "Additional namespaces allowed to reach gRPC, REST, gRPC-Web and the UI. Always allowed: the namespace of "
        "the installation, the gateway's, and those labelled `app.kubernetes.io/part-of: kubeflow-profile`.",
    )
    client_cidrs: tuple[f.Network, ...] = setting(
        (),
        "CIDRs outside the cluster allowed to reach gRPC, REST, gRPC-Web and the UI, for example of a load balancer.",
    )
    api_server_cidrs: tuple[f.Network, ...] = setting(
        (), "CIDRs of the Kubernetes API server, which the MySQL pod calls for its Secret. Empty: any address."
    )
    api_server_ports: tuple[Annotated[StrictInt, Field(ge=1, le=65535)], ...] = setting(
        (443, 6443), "Ports of the Kubernetes API server: of its Service and of its endpoints.", min_length=1
    )


class Ingress(Section):
    enabled: StrictBool = setting(
        False,
        "Add an Ingress for `/metadata/`. Set `networkPolicy.gatewayNamespace` to the namespace of its controller.",
    )
    host: f.NameOrNothing = setting("", "Host. Empty: any.")
    class_name: f.NameOrNothing = setting("", "IngressClass. Empty: the cluster's default.")
    tls_secret: f.NameOrNothing = setting("", "Secret with the certificate of the host. Empty: no TLS.")
    annotations: f.Annotations = setting({}, "Annotations.")


class GatewayApi(Section):
    enabled: StrictBool = setting(
        False,
        "Add an HTTPRoute (Gateway API) for `/metadata/`. Set `networkPolicy.gatewayNamespace` to the namespace of the "
        "Gateway's pods.",
    )
    gateway: f.GatewayName = setting("gateway", "Gateway: its name, or namespace/name.")
    hosts: tuple[f.Host, ...] = setting((), "Hosts. Empty: those of the Gateway.")


class Istio(Section):
    enabled: StrictBool = setting(
        False, "Run in an Istio mesh: adds sidecars, routes at the gateway and AuthorizationPolicies."
    )
    mode: Literal["sidecar", "ambient"] = setting(
        "sidecar", "Data plane: a sidecar in each pod of a server, or `ambient` (ztunnel on the nodes)."
    )
    revision: f.LabelValue = setting("", "Revision of Istio (`istio.io/rev`). Empty: the default revision.")
    gateway: f.GatewayName = setting("kubeflow/kubeflow-gateway", "Gateway through which browsers connect.")
    hosts: tuple[f.Host, ...] = setting(("*",), "Hosts served by the gateway.", min_length=1)


class Monitoring(Section):
    enabled: StrictBool = setting(
        False, "Add ServiceMonitors, a PrometheusRule and a Grafana dashboard. Requires the Prometheus Operator."
    )
    namespace: f.NamespaceName = setting("monitoring", "Namespace of Prometheus.")
    interval: f.Duration = setting("30s", "Scrape interval.")
    labels: f.Labels = setting(
        {}, "Labels by which Prometheus selects ServiceMonitors and PrometheusRules, for example `release: prometheus`."
    )
