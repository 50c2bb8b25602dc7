"""What settings of the platform change in many objects: all pods, all Services, all ServiceAccounts, the routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.operations import Operation, add, escaped
from kubeflow_metadata.installer.render.patch import Patch, deleted
from kubeflow_metadata.parts import GRPC, SERVERS, UI

_POD = "/spec/template/spec"
_POD_LABELS = "/spec/template/metadata/labels"
_POD_ANNOTATIONS = "/spec/template/metadata/annotations"


def patches(settings: Settings, *, smoke: bool) -> Iterator[Patch]:
    """Yields all patches; those without content change nothing."""
    servers = "Deployment|Job" if smoke else "Deployment"
    has_database = not (settings.external_mysql.enabled or settings.beside_kfp.enabled)
    everything = f"StatefulSet|{servers}" if has_database else servers
    yield Patch(everything, operations=list(_pod(settings)))
    yield from _annotations(settings, everything, smoke=smoke)
    if has_database and settings.pods.container_security_context:
        security = add(f"{_POD}/initContainers/0/securityContext", settings.pods.container_security_context)
        yield Patch("StatefulSet", operations=[security])
    if settings.istio.enabled:
        yield Patch(servers, operations=list(_mesh(settings)))
    accounts = _without_empty(settings.service_accounts.model_dump())
    yield Patch("ServiceAccount", merge={"metadata": accounts} if accounts else {})
    yield Patch("Service", operations=list(_families(settings)))
    yield from _services(settings)
    if not settings.network_policy.enabled:
        yield deleted("NetworkPolicy")
    if settings.ingress.enabled:
        yield Patch("Ingress", UI.workload, operations=list(_ingress(settings)))
    if settings.gateway_api.enabled:
        yield Patch("HTTPRoute", UI.workload, operations=list(_route(settings)))


def _annotations(settings: Settings, everything: str, *, smoke: bool) -> Iterator[Patch]:
    asked = dict(settings.pods.annotations)
    if not asked:
        return
    whole = [add(_POD_ANNOTATIONS, asked)]
    if smoke and settings.istio.enabled:
        # The component gives the smoke test an annotation, which stays.
        yield Patch("Job", operations=[add(f"{_POD_ANNOTATIONS}/{escaped(k)}", v) for k, v in asked.items()])
        everything = everything.removesuffix("|Job")
    yield Patch(everything, operations=whole)


def _pod(settings: Settings) -> Iterator[Operation]:
    scheduling, pods = settings.scheduling, settings.pods
    for name, value in pods.labels.items():
        yield add(f"{_POD_LABELS}/{escaped(name)}", value)
    # Replaced whole: a merge would leave ours beside them.
    if scheduling.affinity:
        yield add(f"{_POD}/affinity", scheduling.affinity)
    if scheduling.topology_spread_constraints:
        yield add(f"{_POD}/topologySpreadConstraints", list(scheduling.topology_spread_constraints))
    if pods.security_context:
        yield add(f"{_POD}/securityContext", pods.security_context)
    if pods.container_security_context:
        yield add(f"{_POD}/containers/0/securityContext", pods.container_security_context)


def _mesh(settings: Settings) -> Iterator[Operation]:
    if settings.istio.mode == "ambient":
        yield add(f"{_POD_LABELS}/{escaped('sidecar.istio.io/inject')}", "false")
        yield add(f"{_POD_LABELS}/{escaped('istio.io/dataplane-mode')}", "ambient")
    if settings.istio.revision:
        yield add(f"{_POD_LABELS}/{escaped('istio.io/rev')}", settings.istio.revision)


def _families(settings: Settings) -> Iterator[Operation]:
    if settings.network.ip_family_policy:
        yield add("/spec/ipFamilyPolicy", settings.network.ip_family_policy)
    if settings.network.ip_families:
        yield add("/spec/ipFamilies", list(settings.network.ip_families))


def _services(settings: Settings) -> Iterator[Patch]:
    for server in SERVERS:
        if server == GRPC and settings.beside_kfp.enabled:
            continue
        asked = getattr(settings, server.settings).service
        change: dict[str, Any] = {}
        if asked.annotations:
            change["metadata"] = {"annotations": dict(asked.annotations)}
        if asked.type != "ClusterIP":
            change["spec"] = {"type": asked.type}
        for service in server.services:
            if service.part == "grpc-web" and settings.beside_kfp.enabled:
                continue
            yield Patch("Service", service.name, merge=change)


def _ingress(settings: Settings) -> Iterator[Operation]:
    asked = settings.ingress
    if asked.annotations:
        yield add("/metadata/annotations", dict(asked.annotations))
    if asked.class_name:
        yield add("/spec/ingressClassName", asked.class_name)
    if asked.tls_secret:
        hosts = {"hosts": [asked.host]} if asked.host else {}
        yield add("/spec/tls", [{"secretName": asked.tls_secret, **hosts}])
    if asked.host:
        yield add("/spec/rules/0/host", asked.host)


def _route(settings: Settings) -> Iterator[Operation]:
    asked, default = settings.gateway_api, Settings().gateway_api
    if asked.gateway != default.gateway:
        namespace, _, name = asked.gateway.rpartition("/")
        yield add("/spec/parentRefs", [{"name": name, **({"namespace": namespace} if namespace else {})}])
    if asked.hosts:
        yield add("/spec/hostnames", list(asked.hosts))


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
