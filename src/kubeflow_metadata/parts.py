"""The parts of an installation, in one table that whatever names, sizes, starts, applies or asks them reads.

A part is called for its place (``db``, ``grpc``, ``rest``, ``ui``); its package and the prefix of its environment
variables for what it serves (``mlmd``, ``KFM_MLMD_``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# requests and limits, each CPU and memory as Kubernetes writes them.
Resources = Mapping[str, Mapping[str, str]]


def _resources(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> Resources:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu_limit, "memory": memory_limit}}


@dataclass(frozen=True)
class Service:
    """A Service of a part.

    Attributes:
        name: its name in Kubernetes, on which clients rely.
        port: the port that clients use.
        target_port: the port in the pod.
        port_name: the name of both.
        part: the value of its label ``metadata.kubeflow.org/part``, where that is not the part's name.
    """

    name: str
    port: int
    target_port: int
    port_name: str
    part: str = ""


@dataclass(frozen=True)
class Port:
    """A port of a pod: its name and its number."""

    name: str
    number: int


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        name: what users type, and the value of its label ``metadata.kubeflow.org/part``.
        title: what it is, in messages.
        component: the value of its label ``app.kubernetes.io/component``.
        workload_kind: ``StatefulSet`` or ``Deployment``.
        workload: the name of that object.
        container: the name of its container.
        services: its Services.
        standard: requests and limits in an installation of standard size.
        small: the same in a small one.
        settings: the key of its settings.
        module: what ``python -m`` runs, if it is one of our servers.
        environment: the prefix of its environment variables.
        local_port: where it listens on a laptop unless asked otherwise.
        needs: the parts that must answer before it can.
        least_memory_mib: memory without which it cannot run, in MiB; beside MySQL's buffer pool, and beside the worker
            processes of the gRPC server.
        metrics: where Prometheus scrapes it.
    """

    name: str
    title: str
    component: str
    workload_kind: str
    workload: str
    container: str
    services: tuple[Service, ...]
    standard: Resources
    small: Resources
    settings: str
    module: str = ""
    environment: str = ""
    local_port: int = 0
    needs: tuple[str, ...] = ()
    metrics: Port | None = None
    least_memory_mib: int = 0

    @property
    def object_name(self) -> str:
        """Returns the name of its NetworkPolicy, ServiceAccount and other objects without a fixed name."""
        return f"metadata-{self.name}"


DB = Part(
    name="db",
    title="MySQL",
    component="database",
    workload_kind="StatefulSet",
    workload="metadata-db",
    container="mysql",
    services=(Service("metadata-db", 3306, 3306, "tcp-mysql"),),
    standard=_resources("100m", "384Mi", "2", "768Mi"),
    small=_resources("50m", "256Mi", "1", "512Mi"),
    settings="mysql",
    least_memory_mib=192,
)
GRPC = Part(
    name="grpc",
    title="MLMD gRPC server",
    component="grpc-server",
    workload_kind="Deployment",
    workload="metadata-grpc-deployment",
    container="grpc",
    services=(Service("metadata-grpc-service", 8080, 8080, "grpc"),),
    standard=_resources("100m", "256Mi", "2", "512Mi"),
    small=_resources("50m", "160Mi", "1", "384Mi"),
    settings="grpc",
    module="kubeflow_metadata.mlmd",
    environment="KFM_MLMD",
    local_port=9090,
    needs=("db",),
    metrics=Port("http-metrics", 9091),
    least_memory_mib=48,
)
REST = Part(
    name="rest",
    title="REST backend",
    component="rest-backend",
    workload_kind="Deployment",
    workload="metadata-deployment",
    container="rest",
    services=(
        Service("metadata-service", 8080, 8080, "http"),
        Service("metadata-envoy-service", 9090, 9090, "grpc-web", part="grpc-web"),
    ),
    standard=_resources("50m", "128Mi", "1", "384Mi"),
    small=_resources("25m", "112Mi", "1", "256Mi"),
    settings="rest",
    module="kubeflow_metadata.rest",
    environment="KFM_REST",
    local_port=8080,
    needs=("grpc",),
    metrics=Port("http", 8080),
    least_memory_mib=64,
)
UI = Part(
    name="ui",
    title="Artifact Store UI",
    component="ui",
    workload_kind="Deployment",
    workload="metadata-ui",
    container="ui",
    services=(Service("metadata-ui", 80, 3000, "http"),),
    standard=_resources("25m", "96Mi", "500m", "192Mi"),
    small=_resources("10m", "80Mi", "500m", "160Mi"),
    settings="ui",
    module="kubeflow_metadata.ui",
    environment="KFM_UI",
    local_port=3000,
    needs=("rest",),
    metrics=Port("http", 3000),
    least_memory_mib=80,
)

# In the order in which they start.
PARTS = (DB, GRPC, REST, UI)
SERVERS = tuple(part for part in PARTS if part.module)
BY_NAME = {part.name: part for part in PARTS}
