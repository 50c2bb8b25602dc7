"""What the patches of an overlay change: each setting that is not at its default, in the objects that it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kubeflow_metadata.installer.model.settings import Amounts, Settings
from kubeflow_metadata.installer.model.sizes import size_of
from kubeflow_metadata.installer.render import networks
from kubeflow_metadata.installer.render.names import (
    CLAIM,
    DATABASE_FILES,
    DATABASE_SECRET,
    DEFAULT_NAMESPACE,
    SMOKE_JOB,
)
from kubeflow_metadata.installer.render.operations import Operation, expect, replace, replace_known
from kubeflow_metadata.installer.render.yaml_text import Mode
from kubeflow_metadata.parts import DB, GRPC, REST, SERVERS, UI, Part

_DEFAULT = Settings()

_API_VERSIONS = {
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "PersistentVolumeClaim": "v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "Secret": "v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "StatefulSet": "apps/v1",
}


@dataclass
class Patch:
    """Changes of one object, or of all of a kind: a strategic merge, or operations of RFC 6902."""

    kind: str
    name: str = ""
    merge: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def content(self) -> Any:
        """Returns the content of the overlay."""
        if not self.merge:
            return self.operations
        metadata = {"name": self.name or "any", **self.merge.get("metadata", {})}
        rest = {key: value for key, value in self.merge.items() if key != "metadata"}
        return {"apiVersion": _API_VERSIONS[self.kind], "kind": self.kind, "metadata": metadata, **rest}


def patches(settings: Settings, namespace: str, *, smoke: bool) -> list[Patch]:
    """Returns all patches; none where everything is at its default."""
    wanted: list[Patch] = []
    if not (settings.external_mysql.enabled or settings.beside_kfp.enabled):
        wanted += _database(settings)
    for server in SERVERS:
        if server != GRPC or not settings.beside_kfp.enabled:
            wanted.append(Patch(server.workload_kind, server.workload, merge=template(_server_pod(settings, server))))
    if smoke:
        pod = {**_pod(settings, ["smoke"]), **_scheduling(settings)}
        wanted.append(Patch("Job", SMOKE_JOB, merge=template(pod)))
    wanted += [Patch("NetworkPolicy", name, operations=operations) for name, operations in networks.changes(settings)]
    if settings.high_availability.enabled:
        wanted.append(Patch("HorizontalPodAutoscaler", operations=list(_autoscaling(settings))))
    if settings.istio.enabled:
        wanted += _istio(settings, namespace)
    if settings.monitoring.enabled:
        wanted += _monitoring(settings)
    return [patch for patch in wanted if patch.merge or patch.operations]


def mysqld_arguments(settings: Settings) -> list[str]:
    """Returns the arguments of mysqld."""
    mysql = settings.mysql
    return [
        f"--innodb-buffer-pool-size={mysql.buffer_pool or size_of(settings).buffer_pool}",
        f"--max-connections={mysql.max_connections}",
        "--max-allowed-packet=256M",
        "--temptable-max-ram=64M",
        "--performance-schema=OFF",
        "--mysqlx=OFF",
        "--skip-log-bin",
        *mysql.extra_args,
    ]


def _database(settings: Settings) -> Iterator[Patch]:
    pod = {**_pod(settings, [DB.container], init_containers=["secret"]), **_scheduling(settings)}
    container: dict[str, Any] = {}
    if mysqld_arguments(settings) != mysqld_arguments(Settings(small=settings.small)):
        container["args"] = mysqld_arguments(settings)
    container |= _resources(settings.mysql.resources.requests, settings.mysql.resources.limits)
    if settings.mysql.beside_upstream_data:
        _container(pod, "secret", "initContainers")["env"] = _env({"KFM_SECRET_BESIDE_UPSTREAM_DATA": "true"})
    if container:
        _container(pod, DB.container).update(container)
    if secret := settings.mysql.existing_secret:
        environment = {"KFM_SECRET_NAME": secret, "KFM_SECRET_IS_THEIRS": "true"}
        _container(pod, "secret", "initContainers").setdefault("env", []).extend(_env(environment))
        yield Patch("Secret", DATABASE_SECRET, merge={"$patch": "delete"})
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}
        yield Patch("Role", DB.workload, operations=[replace("/rules", [rule])])
    storage = settings.mysql.storage
    if storage.existing_claim:
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": storage.existing_claim}}
        pod.setdefault("volumes", []).append(claim)
        yield Patch("PersistentVolumeClaim", CLAIM, merge={"$patch": "delete"})
    else:
        spec: dict[str, Any] = {"storageClassName": storage.storage_class} if storage.storage_class else {}
        if storage.size != _DEFAULT.mysql.storage.size:
            spec["resources"] = {"requests": {"storage": storage.size}}
        yield Patch("PersistentVolumeClaim", CLAIM, merge={"spec": spec} if spec else {})
    yield Patch(DB.workload_kind, DB.workload, merge=template(pod))


def _server_pod(settings: Settings, server: Part) -> dict[str, Any]:
    asked = getattr(settings, server.settings)
    pod = {**_pod(settings, [server.container]), **_scheduling(settings)}
    environment: dict[str, str] = {}
    if settings.log_level != _DEFAULT.log_level:
        environment[f"{server.environment}_LOG_LEVEL"] = settings.log_level
    if server == GRPC:
        environment |= _grpc_environment(settings)
        if settings.external_mysql.enabled:
            _mount_external_credentials(settings, pod)
        elif secret := settings.mysql.existing_secret:
            pod.setdefault("volumes", []).append({"name": "database", "secret": {"secretName": secret}})
    if server == REST:
        if settings.rest.grpc_web_allowed_origins:
            environment[f"{REST.environment}_GRPC_WEB_ALLOWED_ORIGINS"] = ",".join(
                settings.rest.grpc_web_allowed_origins
            )
        if settings.rest.schemas:
            environment[f"{REST.environment}_SCHEMA_ROOT_DIR"] = f"{DATABASE_FILES}/schemas"
            _mount(pod, REST.container, "schemas", {"configMap": {"name": settings.rest.schemas}})
    environment |= asked.extra_env
    container: dict[str, Any] = {"env": _env(environment)} if environment else {}
    container |= _resources(asked.resources.requests, asked.resources.limits)
    if container:
        _container(pod, server.container).update(container)
    return pod


def _grpc_environment(settings: Settings) -> dict[str, str]:
    grpc, external = settings.grpc, settings.external_mysql
    environment: dict[str, str] = {}
    if grpc.worker_processes is not None:
        environment["WORKER_PROCESSES"] = str(grpc.worker_processes)
    for name in ("worker_threads", "max_connection_age"):
        if getattr(grpc, name) != getattr(_DEFAULT.grpc, name):
            environment[name.upper()] = str(getattr(grpc, name))
    if external.enabled:
        environment["MYSQL_CONFIG_HOST"] = external.host
        if external.port != _DEFAULT.external_mysql.port:
            environment["MYSQL_CONFIG_PORT"] = str(external.port)
        if external.database != _DEFAULT.external_mysql.database:
            environment["MYSQL_CONFIG_DATABASE"] = external.database
        if external.tls.mode != "off":
            environment["MYSQL_CONFIG_REQUIRE_TLS"] = "true"
        if external.tls.mode == "verify":
            environment["MYSQL_CONFIG_VERIFY_SERVER_CERT"] = "true"
            environment["MYSQL_CONFIG_SSLCA"] = f"{DATABASE_FILES}/database-ca/ca.crt"
        if external.tls.client_secret:
            environment["MYSQL_CONFIG_SSLCERT"] = f"{DATABASE_FILES}/database-client/tls.crt"
            environment["MYSQL_CONFIG_SSLKEY"] = f"{DATABASE_FILES}/database-client/tls.key"
    return {f"{GRPC.environment}_{name}": value for name, value in environment.items()}


def _mount_external_credentials(settings: Settings, pod: dict[str, Any]) -> None:
    external, default = settings.external_mysql, _DEFAULT.external_mysql
    keys = (external.secret, external.user_key, external.password_key)
    if keys != (default.secret, default.user_key, default.password_key):
        items = {external.user_key: "user", external.password_key: "password"}
        pod.setdefault("volumes", []).append({"name": "database", "secret": _secret(external.secret, items)})
    if external.tls.mode == "verify":
        _mount(
            pod,
            GRPC.container,
            "database-ca",
            {"secret": _secret(external.tls.ca_secret, {external.tls.ca_key: "ca.crt"})},
        )
    if external.tls.client_secret:
        items = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
        _mount(pod, GRPC.container, "database-client", {"secret": _secret(external.tls.client_secret, items)})


def _secret(name: str, items: dict[str, str]) -> dict[str, Any]:
    listed = [{"key": key, "path": path} for key, path in items.items()]
    return {"secretName": name, "defaultMode": Mode(0o440), "items": listed}


def _pod(settings: Settings, containers: list[str], init_containers: list[str] | None = None) -> dict[str, Any]:
    images = settings.images
    pod: dict[str, Any] = {}
    if images.pull_policy != _DEFAULT.images.pull_policy:
        for group, names in (("containers", containers), ("initContainers", init_containers or [])):
            if names:
                pod[group] = [{"name": name, "imagePullPolicy": images.pull_policy} for name in names]
    if images.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in images.pull_secrets]
    return pod


def _scheduling(settings: Settings) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    if settings.scheduling.node_selector:
        pod["nodeSelector"] = dict(settings.scheduling.node_selector)
    if settings.scheduling.tolerations:
        pod["tolerations"] = [each.model_dump(exclude_none=True) for each in settings.scheduling.tolerations]
    if settings.scheduling.priority_class:
        pod["priorityClassName"] = settings.scheduling.priority_class
    return pod


def _resources(requests: Amounts, limits: Amounts) -> dict[str, Any]:
    given = {"requests": requests.model_dump(exclude_none=True), "limits": limits.model_dump(exclude_none=True)}
    given = {kind: amounts for kind, amounts in given.items() if amounts}
    return {"resources": given} if given else {}


def _mount(pod: dict[str, Any], container: str, volume: str, source: dict[str, Any]) -> None:
    pod.setdefault("volumes", []).append({"name": volume, **source})
    mount = {"name": volume, "mountPath": f"{DATABASE_FILES}/{volume}", "readOnly": True}
    _container(pod, container).setdefault("volumeMounts", []).append(mount)


def _container(pod: dict[str, Any], name: str, group: str = "containers") -> dict[str, Any]:
    listed: list[dict[str, Any]] = pod.setdefault(group, [])
    container = next((each for each in listed if each["name"] == name), None)
    if container is None:
        container = {"name": name}
        listed.append(container)
    return container


def _env(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def template(pod: dict[str, Any]) -> dict[str, Any]:
    """Returns the change of a workload's pods."""
    return {"spec": {"template": {"spec": pod}}} if pod else {}


def _autoscaling(settings: Settings) -> Iterator[Operation]:
    asked, default = settings.high_availability, _DEFAULT.high_availability
    if asked.min_replicas != default.min_replicas:
        yield replace("/spec/minReplicas", asked.min_replicas)
    if asked.max_replicas != default.max_replicas:
        yield replace("/spec/maxReplicas", asked.max_replicas)
    if asked.target_cpu != default.target_cpu:
        yield expect("/spec/metrics/0/resource/name", "cpu")
        yield replace("/spec/metrics/0/resource/target/averageUtilization", asked.target_cpu)


def _istio(settings: Settings, namespace: str) -> Iterator[Patch]:
    routes = []
    if settings.istio.hosts != _DEFAULT.istio.hosts:
        routes.append(replace("/spec/hosts", list(settings.istio.hosts)))
    if settings.istio.gateway != _DEFAULT.istio.gateway:
        routes.append(replace("/spec/gateways", [settings.istio.gateway]))
    yield Patch("VirtualService", operations=routes)
    callers = [settings.network_policy.gateway_namespace, namespace]
    usual = [_DEFAULT.network_policy.gateway_namespace, DEFAULT_NAMESPACE]
    if callers != usual:
        for server, rule in ((REST, 1), (UI, 0)):
            path = f"/spec/rules/{rule}/from/0/source/namespaces"
            yield Patch("AuthorizationPolicy", server.object_name, operations=replace_known(path, usual, callers))


def _monitoring(settings: Settings) -> Iterator[Patch]:
    asked = settings.monitoring
    labels = {"metadata": {"labels": dict(asked.labels)}} if asked.labels else {}
    usual = _DEFAULT.monitoring.interval
    if asked.interval != usual:
        yield Patch("ServiceMonitor", operations=replace_known("/spec/endpoints/0/interval", usual, asked.interval))
    yield Patch("ServiceMonitor", merge=labels)
    yield Patch("PrometheusRule", merge=labels)
