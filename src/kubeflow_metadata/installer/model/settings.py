"""The settings themselves: names, defaults, what they do, and what each may be."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from kubeflow_metadata.installer.catalog import MYSQL, SERVER_NAME
from kubeflow_metadata.installer.model import fields as f
from kubeflow_metadata.installer.model.fields import Section, section, setting

_MYSQL_REPOSITORY, _, _MYSQL_TAG = MYSQL.rpartition(":")
Replicas = Annotated[StrictInt, Field(ge=1, le=100)]


class ServerImage(Section):
    repository: f.Repository = setting(f"docker.io/library/{SERVER_NAME}", "The image, without tag.")
    tag: f.Tag = setting(version(SERVER_NAME), "Its tag.")
    digest: f.DigestOrNothing = setting("", "Its digest (`sha256:...`); where it is set, the tag is left out.")


class MySQLImage(Section):
    repository: f.Repository = setting(_MYSQL_REPOSITORY, "The image, without tag.")
    tag: f.Tag = setting(_MYSQL_TAG, "Its tag.")
    digest: f.DigestOrNothing = setting("", "Its digest (`sha256:...`); where it is set, the tag is left out.")


class Images(Section):
    server: ServerImage = section(ServerImage, "The image of our three servers.")
    mysql: MySQLImage = section(MySQLImage, "The image of MySQL.")
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = setting("IfNotPresent", "When nodes pull images.")
    pull_secrets: tuple[f.Name, ...] = setting((), "Names of Secrets that hold credentials of registries.")


class Amounts(Section):
    cpu: f.Cpu | None = setting(None, "CPU, as `500m` or `2`.")
    memory: f.Memory | None = setting(None, "Memory, as `512Mi`.")


class Resources(Section):
    requests: Amounts = section(Amounts, "What the scheduler sets aside.")
    limits: Amounts = section(Amounts, "What may be used at most.")


class Storage(Section):
    size: f.Memory = setting("10Gi", "Size of the PersistentVolumeClaim. It can grow later where the class allows it.")
    storage_class: f.NameOrNothing = setting(
        "", "StorageClass of the claim; empty: the cluster's default. It cannot change later."
    )


_RESOURCES = "CPU and memory; what is not set comes from the size of the installation."


class MySQL(Section):
    storage: Storage = section(Storage, "Where the data is.")
    resources: Resources = section(Resources, _RESOURCES)
    buffer_pool: f.ServerSize = setting(
        "", "InnoDB's cache, in MySQL's units (`128M`); empty: from the size of the installation."
    )
    max_connections: Annotated[StrictInt, Field(ge=10, le=100_000)] = setting(151, "Connections at the same time.")
    extra_args: tuple[f.MysqldArgument, ...] = setting((), "More arguments of mysqld, as `--name=value`.")
    beside_upstream_data: StrictBool = setting(
        False,
        "Start with an empty database although the claim holds data of upstream's MySQL. "
        "That data stays untouched beside ours.",
    )


_ENVIRONMENT = "More environment variables; every flag of the server is one: {}."


class Grpc(Section):
    replicas: Replicas = setting(1, "Pods. With more than one, a PodDisruptionBudget and a spread come along.")
    resources: Resources = section(Resources, _RESOURCES)
    worker_processes: Annotated[StrictInt, Field(ge=1, le=64)] | None = setting(
        None, "Processes in each pod; not set: from the size of the installation."
    )
    worker_threads: Annotated[StrictInt, Field(ge=1, le=256)] = setting(8, "Calls at the same time in each process.")
    max_connection_age: Annotated[StrictInt, Field(ge=30, le=86_400)] = setting(
        300, "Seconds after which a client has to connect anew, so that calls spread over all pods."
    )
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_MLMD_<FLAG>`"))


class Rest(Section):
    replicas: Replicas = setting(1, "Pods. With more than one, a PodDisruptionBudget and a spread come along.")
    resources: Resources = section(Resources, _RESOURCES)
    schemas: f.NameOrNothing = setting(
        "", "A ConfigMap with JSON schemas of your own types, one a key ending in `.json`, to register at start."
    )
    grpc_web_allowed_origins: tuple[f.Origin, ...] = setting(
        (), "Web origins whose pages may call gRPC-web directly; the gateway's own pages need none."
    )
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_REST_<FLAG>`"))


class Ui(Section):
    replicas: Replicas = setting(1, "Pods. With more than one, a PodDisruptionBudget and a spread come along.")
    resources: Resources = section(Resources, _RESOURCES)
    extra_env: f.Environment = setting({}, _ENVIRONMENT.format("`KFM_UI_<FLAG>`"))


class Toleration(Section):
    key: f.LabelKey | None = setting(None, "The taint's key.")
    operator: Literal["Exists", "Equal"] = setting("Equal", "How the value is compared.")
    value: StrictStr | None = setting(None, "The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = setting(None, "The taint's effect.")


class Scheduling(Section):
    node_selector: f.Labels = setting({}, "Labels of the nodes that all pods go to.")
    tolerations: tuple[Toleration, ...] = setting((), "Taints that all pods tolerate.")
    priority_class: f.NameOrNothing = setting("", "PriorityClass of all pods.")


class NetworkPolicy(Section):
    gateway_namespace: f.NamespaceName = setting("istio-system", "Where the ingress gateway runs.")
    client_namespaces: tuple[f.NamespaceName, ...] = setting(
        (),
        "Namespaces whose pods may use gRPC, REST, gRPC-web and the UI, beside our own, "
        "the gateway's and those with the label `app.kubernetes.io/part-of: kubeflow-profile`.",
    )
    api_server_cidrs: tuple[f.Network, ...] = setting(
        (), "Addresses of the API server, which the pod of MySQL asks for its Secret; none: any, on its ports."
    )
    api_server_ports: tuple[Annotated[StrictInt, Field(ge=1, le=65535)], ...] = setting(
        (443, 6443), "Ports of the API server, as the Service and as its pods have them.", min_length=1
    )


class MySQLTls(Section):
    mode: Literal["verify", "require", "off"] = setting(
        "verify",
        "`verify`: encrypt, and check the certificate against the CA; `require`: encrypt; `off`: do not ask for it.",
    )
    ca_secret: f.NameOrNothing = setting("", "Secret with the CA that signed the database's certificate.")
    ca_key: f.SecretKey = setting("ca.crt", "Its key.")
    client_secret: f.NameOrNothing = setting(
        "", "Secret with a client certificate (`tls.crt` and `tls.key`), where the database asks for one."
    )


class ExternalMySQL(Section):
    enabled: StrictBool = setting(False, "Use a MySQL of your own; none is installed.")
    host: f.HostOrNothing = setting("", "Where it is.")
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = setting(3306, "Its port.")
    database: f.DatabaseName = setting("metadb", "The database in it; the user needs all rights on it.")
    secret: f.Name = setting("metadata-db-secrets", "An existing Secret with user and password.")
    user_key: f.SecretKey = setting("MYSQL_USERNAME", "Key of the user's name.")
    password_key: f.SecretKey = setting("MYSQL_PASSWORD", "Key of the password.")
    cidrs: tuple[f.Network, ...] = setting((), "Addresses of the database; none: any, on its port.")
    tls: MySQLTls = section(MySQLTls, "How the connection is protected.")


class Istio(Section):
    enabled: StrictBool = setting(False, "Run in an Istio mesh: sidecars, routes at the gateway, authorization.")
    gateway: f.GatewayName = setting("kubeflow/kubeflow-gateway", "The gateway that brings browsers.")
    hosts: tuple[f.Host, ...] = setting(("*",), "Hosts under which the gateway answers.", min_length=1)


class Monitoring(Section):
    enabled: StrictBool = setting(
        False, "Add ServiceMonitors, a PrometheusRule and a Grafana dashboard (needs the Prometheus operator)."
    )
    namespace: f.NamespaceName = setting("monitoring", "Where Prometheus runs.")
    interval: f.Duration = setting("30s", "How often it asks.")
    labels: f.Labels = setting(
        {}, "Labels by which your Prometheus finds ServiceMonitors and PrometheusRules, as `release: prometheus`."
    )


class HighAvailability(Section):
    enabled: StrictBool = setting(
        False, "Run each of our servers in several pods: autoscaled, spread over nodes, never all evicted at once."
    )
    min_replicas: Annotated[StrictInt, Field(ge=2, le=100)] = setting(2, "Pods of each server at least.")
    max_replicas: Annotated[StrictInt, Field(ge=2, le=100)] = setting(4, "Pods of each server at most.")
    target_cpu: Annotated[StrictInt, Field(ge=1, le=1000)] = setting(
        80, "CPU that a pod should use, in percent of its request."
    )

    @model_validator(mode="after")
    def _range(self) -> HighAvailability:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"maxReplicas ({self.max_replicas}) is less than minReplicas ({self.min_replicas})")
        return self


class BesideKfp(Section):
    enabled: StrictBool = setting(
        False,
        "Kubeflow Pipelines runs in this namespace and owns the metadata store: "
        "use its gRPC server, add only REST backend and UI.",
    )


class Small(Section):
    enabled: StrictBool = setting(False, "A cluster on a laptop: less CPU and memory, one process in each pod.")


class Settings(Section):
    """All settings."""

    images: Images = section(Images, "Where the images come from.")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "What our servers log at least.")
    mysql: MySQL = section(MySQL, "The MySQL that comes along.")
    grpc: Grpc = section(Grpc, "The MLMD gRPC server.")
    rest: Rest = section(Rest, "The REST backend, which also serves gRPC-web.")
    ui: Ui = section(Ui, "The Artifact Store.")
    scheduling: Scheduling = section(Scheduling, "Where pods run.")
    network_policy: NetworkPolicy = section(NetworkPolicy, "Who may talk to whom.")
    external_mysql: ExternalMySQL = section(ExternalMySQL, "A MySQL of your own, in the cluster or outside.")
    istio: Istio = section(Istio, "Istio.")
    monitoring: Monitoring = section(Monitoring, "Prometheus and Grafana.")
    high_availability: HighAvailability = section(HighAvailability, "More than one pod of each server.")
    beside_kfp: BesideKfp = section(BesideKfp, "Beside Kubeflow Pipelines.")
    small: Small = section(Small, "A small cluster.")

    @model_validator(mode="after")
    def _rules(self) -> Settings:
        from kubeflow_metadata.installer.model.rules import problem_with

        if problem := problem_with(self):
            raise ValueError(problem)
        return self
