"""What the patches of an overlay change: each setting that is not at its default, in the objects that it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.model.sizes import resources_of, size_of
from kubeflow_metadata.installer.render import networks, platform
from kubeflow_metadata.installer.render.names import (
    CLAIM,
    DATABASE_FILES,
    DATABASE_SECRET,
    DEFAULT_NAMESPACE,
    SMOKE_JOB,
)
from kubeflow_metadata.installer.render.operations import Operation, expect, replace, replace_known
from kubeflow_metadata.installer.render.patch import Patch, deleted, template
from kubeflow_metadata.installer.render.yaml_text import Mode
from kubeflow_metadata.parts import DB, GRPC, REST, SERVERS, UI, Part

_DEFAULT = Settings()
_HOST_VARIABLES = {"grpc": "GRPC_HOST", "rest": "HTTP_HOST", "ui": "HOST"}


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
    wanted += platform.patches(settings, smoke=smoke)
    if settings.network_policy.enabled:
        for name, operations in networks.changes(settings, smoke=smoke):
            wanted.append(Patch("NetworkPolicy", name, operations=operations))
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
    container |= _resources(settings, DB)
    if settings.mysql.beside_upstream_data:
        _container(pod, "secret", "initContainers")["env"] = _env({"KFM_SECRET_BESIDE_UPSTREAM_DATA": "true"})
    if container:
        _container(pod, DB.container).update(container)
    if secret := settings.mysql.existing_secret:
        environment = {"KFM_SECRET_NAME": secret, "KFM_SECRET_IS_THEIRS": "true"}
        _container(pod, "secret", "initContainers").setdefault("env", []).extend(_env(environment))
        yield deleted("Secret", DATABASE_SECRET)
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}
        yield Patch("Role", DB.workload, operations=[replace("/rules", [rule])])
    storage = settings.mysql.storage
    if storage.existing_claim:
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": storage.existing_claim}}
        pod.setdefault("volumes", []).append(claim)
        yield deleted("PersistentVolumeClaim", CLAIM)
    else:
        spec: dict[str, Any] = {"storageClassName": storage.storage_class} if storage.storage_class else {}
        if storage.size != _DEFAULT.mysql.storage.size:
            spec["resources"] = {"requests": {"storage": storage.size}}
        yield Patch("PersistentVolumeClaim", CLAIM, merge={"spec": spec} if spec else {})
    yield Patch(DB.workload_kind, DB.workload, merge=template(pod))


def _server_pod(settings: Settings, server: Part) -> dict[str, Any]:
    asked = getattr(settings, server.settings)
    pod = {**_pod(settings, [server.container]), **_scheduling(settings)}
    environment: dict[str, Any] = {}
    if settings.network.has_ipv6:
        environment[f"{server.environment}_{_HOST_VARIABLES[server.name]}"] = "::"
    if settings.log_level != _DEFAULT.log_level:
        environment[f"{server.environment}_LOG_LEVEL"] = settings.log_level
    if server == GRPC:
        environment |= _grpc_environment(settings)
        if settings.external_mysql.enabled:
            _mount_external_credentials(settings, pod)
        elif secret := settings.mysql.existing_secret:
            pod.setdefault("volumes", []).append({"name": "database", "secret": {"secretName": secret}})
    if server == REST and settings.rest.schemas:
        environment[f"{REST.environment}_SCHEMA_ROOT_DIR"] = f"{DATABASE_FILES}/schemas"
        _mount(pod, REST.container, "schemas", {"configMap": {"name": settings.rest.schemas}})
    if asked.max_call_seconds is not None:
        environment[f"{server.environment}_MAX_CALL_SECONDS"] = str(asked.max_call_seconds)
    for name in ("allowed_origins", "allowed_hosts") if server != GRPC else ():
        if listed := getattr(settings, name):
            environment[f"{server.environment}_{name.upper()}"] = ",".join(listed)
    environment |= asked.extra_env
    container: dict[str, Any] = {"env": _env(environment)} if environment else {}
    container |= _resources(settings, server)
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
    asked = settings.scheduling
    pod: dict[str, Any] = {}
    if asked.node_selector:
        pod["nodeSelector"] = dict(asked.node_selector)
    if asked.tolerations:
        pod["tolerations"] = list(asked.tolerations)
    if asked.priority_class:
        pod["priorityClassName"] = asked.priority_class
    return pod


def _resources(settings: Settings, part: Part) -> dict[str, Any]:
    usual = resources_of(Settings(small=settings.small), part)
    changed = {
        kind: {name: amount for name, amount in amounts.items() if amount != usual[kind][name]}
        for kind, amounts in resources_of(settings, part).items()
    }
    changed = {kind: amounts for kind, amounts in changed.items() if amounts}
    return {"resources": changed} if changed else {}


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


def _env(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    # A source takes the place of a value that the base may have.
    return [
        {"name": name, "value": None, **value} if isinstance(value, dict) else {"name": name, "value": value}
        for name, value in sorted(values.items())
    ]


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
