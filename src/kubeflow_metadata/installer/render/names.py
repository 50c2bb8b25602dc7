"""What the objects are called in the manifests, where patches have to find them."""

from __future__ import annotations

from typing import Literal

Server = Literal["grpc", "rest", "ui"]
SERVERS: tuple[Server, ...] = ("grpc", "rest", "ui")
DEPLOYMENTS: dict[Server, str] = {
    "grpc": "metadata-grpc-deployment",
    "rest": "metadata-deployment",
    "ui": "metadata-ui",
}
DEFAULT_NAMESPACE = "kubeflow"
SMOKE_JOB = "metadata-smoke"
# The directory of the credentials in the pod of the gRPC server.
DATABASE_FILES = "/etc/kubeflow-metadata"
