"""The settings themselves: names, defaults, what they do, and what each may be."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from kubeflow_metadata.installer.catalog import MYSQL, SERVER_NAME
from kubeflow_metadata.installer.model import fields as f
from kubeflow_metadata.installer.model.fields import Section, section, setting
from kubeflow_metadata.installer.model.rules import problems_with

_MYSQL_REPOSITORY, _, _MYSQL_TAG = MYSQL.rpartition(":")
Replicas = Annotated[StrictInt, Field(ge=1, le=100)]


class ServerImage(Section):
    repository: f.Repository = setting(f"docker.io/library/{SERVER_NAME}", "Image repository, without a tag.")
    tag: f.Tag = setting(version(SERVER_NAME), "Image tag.")
    digest: f.DigestOrNothing = setting("", "Image digest (`sha256:...`). Overrides the tag.")


class MySQLImage(Section):
    repository: f.Repository = setting(_MYSQL_REPOSITORY, "Image repository, without a tag.")
    tag: f.Tag = setting(_MYSQL_TAG, "Image tag.")
    digest: f.DigestOrNothing = setting("", "Image digest (`sha256:...`). Overrides the tag.")


class Images(Section):
    server: ServerImage = section(ServerImage, "Image of the gRPC server, the REST backend and the UI.")
    mysql: MySQLImage = section(MySQLImage, "Image of the bundled MySQL.")
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = setting("IfNotPresent", "Image pull policy.")
    pull_secrets: tuple[f.Name, ...] = setting((), "Names of image pull Secrets.")


class Amounts(Section):
    cpu: f.Cpu | None = setting(None, "CPU, for example `500m` or `2`.")
    memory: f.Memory | None = setting(None, "Memory, for example `512Mi`.")


class Resources(Section):
    requests: Amounts = section(Amounts, "Resource requests.")
    limits: Amounts = section(Amounts, "Resource limits.")


class Storage(Section):
    size: f.Memory = setting(
        "10Gi", "Size of the PersistentVolumeClaim. Can be increased later if the StorageClass allows expansion."
    )
    storage_class: f.NameOrNothing = setting(
        "", "StorageClass of the PersistentVolumeClaim. Empty: the cluster's default. Cannot be changed later."
    )
    existing_claim: f.NameOrNothing = setting(
        "", "Existing PersistentVolumeClaim to use instead. Its size and StorageClass are not changed."
    )


_RESOURCES = "Resource requests and limits. Default: by installation size, see `small.enabled`."


class MySQL(Section):
    storage: Storage = section(Storage, "Storage of the database.")
    existing_secret: f.NameOrNothing = setting(
        "",
        "Existing Secret with `MYSQL_ROOT_PASSWORD`, `MYSQL_USERNAME` and `MYSQL_PASSWORD`, which is never changed. "
        "Empty: passwords are generated into the Secret `metadata-db-secrets`.",
    )
    resources: Resources = section(Resources, _RESOURCES)
    buffer_pool: f.ServerSize = setting(
        "", "Size of the InnoDB buffer pool, for example `128M`. Empty: by installation size."
    )
    max_connections: Annotated[StrictInt, Field(ge=10, le=100_000)] = setting(
        151, "Maximum number of concurrent connections."
    )
    extra_args: tuple[f.MysqldArgument, ...] = setting((), "Additional mysqld arguments, each as `--name=value`.")
    beside_upstream_data: StrictBool = setting(
        False,
        "Start with an empty database even if the volume holds data of upstream's MySQL. That data is left untouched.",
    )


_REPLICAS = "Number of replicas. Above 1, adds a PodDisruptionBudget and topology spread constraints."
_ENVIRONMENT = "Additional environment variables. Every flag of the server can be set as {}."


class Grpc(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    worker_processes: Annotated[StrictInt, Field(ge=1, le=64)] | None = setting(
        None, "Number of worker processes per pod. Default: by installation size."
    )
    worker_threads: Annotated[StrictInt, Field(ge=1, le=256)] = setting(8, "Number of concurrent calls per process.")
    max_connection_age: Annotated[StrictInt, Field(ge=30, le=86_400)] = setting(
        300, "Seconds after which clients must reconnect, so that calls are balanced over all pods."
    )
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_MLMD_<FLAG>`"))


class Rest(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    schemas: f.NameOrNothing = setting(
        "",
        "ConfigMap with JSON schemas of custom types to register at startup, one per key ending in `.json`.",
    )
    grpc_web_allowed_origins: tuple[f.Origin, ...] = setting(
        (), "Origins allowed to call gRPC-web from a browser (CORS). Not needed for pages served by the gateway."
    )
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_REST_<FLAG>`"))


class Ui(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_UI_<FLAG>`"))


class Toleration(Section):
    key: f.LabelKey | None = setting(None, "Key of the taint.")
    operator: Literal["Exists", "Equal"] = setting("Equal", "Operator that compares the value.")
    value: StrictStr | None = setting(None, "Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = setting(None, "Effect of the taint.")


class Scheduling(Section):
    node_selector: f.Labels = setting({}, "Node labels required by all pods.")
    tolerations: tuple[Toleration, ...] = setting((), "Tolerations of all pods.")
    priority_class: f.NameOrNothing = setting("", "PriorityClass of all pods.")


class NetworkPolicy(Section):
    gateway_namespace: f.NamespaceName = setting("istio-system", "Namespace of the ingress gateway.")
    client_namespaces: tuple[f.NamespaceName, ...] = setting(
        (),
        "Additional namespaces allowed to reach gRPC, REST, gRPC-web and the UI. Always allowed: the namespace of "
        "the installation, the gateway's, and those labelled `app.kubernetes.io/part-of: kubeflow-profile`.",
    )
    api_server_cidrs: tuple[f.Network, ...] = setting(
        (), "CIDRs of the Kubernetes API server, which the MySQL pod calls for its Secret. Empty: any address."
    )
    api_server_ports: tuple[Annotated[StrictInt, Field(ge=1, le=65535)], ...] = setting(
        (443, 6443), "Ports of the Kubernetes API server: of its Service and of its endpoints.", min_length=1
    )


class MySQLTls(Section):
    mode: Literal["verify", "require", "off"] = setting(
        "verify",
        "`verify`: encrypt and verify the certificate; `require`: encrypt only; `off`: do not require TLS.",
    )
    ca_secret: f.NameOrNothing = setting("", "Secret with the CA certificate of the database.")
    ca_key: f.SecretKey = setting("ca.crt", "Key of the CA certificate in the Secret.")
    client_secret: f.NameOrNothing = setting(
        "", "Secret with a client certificate (`tls.crt` and `tls.key`), if the database requires one."
    )


class ExternalMySQL(Section):
    enabled: StrictBool = setting(False, "Use an existing MySQL database instead of the bundled one.")
    host: f.HostOrNothing = setting("", "Host of the database.")
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = setting(3306, "Port of the database.")
    database: f.DatabaseName = setting("metadb", "Name of the database. The user needs all privileges on it.")
    secret: f.Name = setting("metadata-db-secrets", "Existing Secret with the user name and the password.")
    user_key: f.SecretKey = setting("MYSQL_USERNAME", "Key of the user name in the Secret.")
    password_key: f.SecretKey = setting("MYSQL_PASSWORD", "Key of the password in the Secret.")
    cidrs: tuple[f.Network, ...] = setting((), "CIDRs of the database, for the NetworkPolicy. Empty: any address.")
    tls: MySQLTls = section(MySQLTls, "TLS of the connection.")


class Istio(Section):
    enabled: StrictBool = setting(
        False, "Run in an Istio mesh: adds sidecars, routes at the gateway and AuthorizationPolicies."
    )
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


class HighAvailability(Section):
    enabled: StrictBool = setting(
        False, "Run several replicas of each server: autoscaled, spread over nodes, protected by PodDisruptionBudgets."
    )
    min_replicas: Annotated[StrictInt, Field(ge=2, le=100)] = setting(2, "Minimum number of replicas of each server.")
    max_replicas: Annotated[StrictInt, Field(ge=2, le=100)] = setting(4, "Maximum number of replicas of each server.")
    target_cpu: Annotated[StrictInt, Field(ge=1, le=1000)] = setting(
        80, "Target CPU utilization, in percent of the request."
    )


class BesideKfp(Section):
    enabled: StrictBool = setting(
        False,
        "Use the metadata store of Kubeflow Pipelines in the same namespace: "
        "installs only the REST backend and the UI.",
    )


class Small(Section):
    enabled: StrictBool = setting(
        False, "Use less CPU and memory, and one worker process per pod; for example on a laptop."
    )


class Settings(Section):
    """All settings."""

    images: Images = section(Images, "Container images.")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Log level of the servers.")
    mysql: MySQL = section(MySQL, "The bundled MySQL.")
    grpc: Grpc = section(Grpc, "The MLMD gRPC server.")
    rest: Rest = section(Rest, "The REST backend, which also serves gRPC-web.")
    ui: Ui = section(Ui, "The Artifact Store.")
    scheduling: Scheduling = section(Scheduling, "Scheduling of all pods.")
    network_policy: NetworkPolicy = section(NetworkPolicy, "Network access.")
    external_mysql: ExternalMySQL = section(ExternalMySQL, "An existing MySQL database, inside or outside the cluster.")
    istio: Istio = section(Istio, "Istio service mesh.")
    monitoring: Monitoring = section(Monitoring, "Monitoring with Prometheus and Grafana.")
    high_availability: HighAvailability = section(HighAvailability, "High availability of the servers.")
    beside_kfp: BesideKfp = section(BesideKfp, "Coexistence with Kubeflow Pipelines.")
    small: Small = section(Small, "Small installations.")

    @model_validator(mode="after")
    def _rules(self) -> Settings:
        if problems := problems_with(self):
            raise ValueError("\n".join(problems))
        return self
