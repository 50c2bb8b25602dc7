"""The settings themselves: names, defaults, what they do, and what each may be."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from kubeflow_metadata.installer.catalog import MYSQL, SERVER_NAME
from kubeflow_metadata.installer.model import fields as f
from kubeflow_metadata.installer.model.fields import Section, section, setting
from kubeflow_metadata.installer.model.platform import (
    GatewayApi,
    Ingress,
    Istio,
    Monitoring,
    Network,
    NetworkPolicy,
    Pods,
    Scheduling,
    ServiceAccounts,
)
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
    registry: f.RegistryOrNothing = setting(
        "",
        "Registry of all images, for example `registry.example.com/ml`. Replaces what stands before the last slash of "
        "each repository.",
    )
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
        "Start with an empty database even if the volume holds data from upstream's MySQL, which is left untouched.",
    )


_REPLICAS = "Number of replicas. Above 1, adds a PodDisruptionBudget and topology spread constraints."
_CALL_SECONDS = "Longest time of a call, in seconds; 0 for none. Not set: the server's default."
CallSeconds = Annotated[StrictInt, Field(ge=0, le=86_400)] | None
_ENVIRONMENT = (
    "Additional environment variables: a value, or `valueFrom` as Kubernetes has it. Every flag of the server can be "
    "set as {}."
)


class Service(Section):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = setting("ClusterIP", "Type of its Services.")
    annotations: f.Annotations = setting({}, "Annotations of its Services.")


_SERVICE = "Its Services."


class Grpc(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    worker_processes: Annotated[StrictInt, Field(ge=1, le=64)] | None = setting(
        None, "Number of worker processes per pod. Default: by installation size."
    )
    worker_threads: Annotated[StrictInt, Field(ge=1, le=256)] = setting(8, "Number of concurrent calls per process.")
    max_connection_age: Annotated[StrictInt, Field(ge=30, le=86_400)] = setting(
        300, "Seconds after which clients must reconnect, so that calls are balanced across all pods."
    )
    max_call_seconds: CallSeconds = setting(None, _CALL_SECONDS)
    service: Service = section(Service, _SERVICE)
    extra_env: f.GrpcEnvironment = setting({}, _ENVIRONMENT.format("`KFM_MLMD_<FLAG>`"))


class Rest(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    schemas: f.NameOrNothing = setting(
        "",
        "ConfigMap with JSON schemas of custom types to register at startup, one per key ending in `.json`.",
    )
    max_call_seconds: CallSeconds = setting(None, _CALL_SECONDS)
    service: Service = section(Service, _SERVICE)
    extra_env: f.RestEnvironment = setting({}, _ENVIRONMENT.format("`KFM_REST_<FLAG>`"))


class Ui(Section):
    replicas: Replicas = setting(1, _REPLICAS)
    resources: Resources = section(Resources, _RESOURCES)
    max_call_seconds: CallSeconds = setting(None, _CALL_SECONDS)
    service: Service = section(Service, _SERVICE)
    extra_env: f.UiEnvironment = setting({}, _ENVIRONMENT.format("`KFM_UI_<FLAG>`"))


class MySQLTls(Section):
    mode: f.TlsMode = setting(
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


class HighAvailability(Section):
    enabled: StrictBool = setting(
        False,
        "Run several replicas of each server: autoscaled, spread across nodes, protected by PodDisruptionBudgets.",
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
    allowed_origins: tuple[f.Origin, ...] = setting(
        (),
        "Other origins whose pages may change data through REST, gRPC-Web and the UI, and call gRPC-Web (CORS). Not "
        "needed for pages served by the gateway.",
    )
    allowed_hosts: tuple[f.ServedHost, ...] = setting(
        (),
        "Host names that REST, gRPC-Web and the UI serve, without port, besides addresses and the names that only a "
        "cluster resolves (metadata-service, *.svc, *.svc.cluster.local). Empty: any.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Log level of the servers.")
    mysql: MySQL = section(MySQL, "The bundled MySQL.")
    grpc: Grpc = section(Grpc, "The MLMD gRPC server.")
    rest: Rest = section(Rest, "The REST backend, which also serves gRPC-Web.")
    ui: Ui = section(Ui, "The Artifact Store.")
    scheduling: Scheduling = section(Scheduling, "Scheduling of all pods.")
    pods: Pods = section(Pods, "Metadata and security of all pods.")
    service_accounts: ServiceAccounts = section(ServiceAccounts, "Metadata of all ServiceAccounts.")
    network: Network = section(Network, "IP families.")
    network_policy: NetworkPolicy = section(NetworkPolicy, "Network access.")
    ingress: Ingress = section(Ingress, "Ingress of the Artifact Store.")
    gateway_api: GatewayApi = section(GatewayApi, "HTTPRoute of the Artifact Store.")
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
