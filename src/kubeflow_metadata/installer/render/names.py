"""Names in the manifests that belong to no part."""

from __future__ import annotations

DEFAULT_NAMESPACE = "kubeflow"
SMOKE_JOB = "metadata-smoke"
CLAIM = "metadata-mysql"
DATABASE_SECRET = "metadata-db-secrets"  # noqa: S105 - its name
# The directory of the credentials in the pod of the gRPC server.
DATABASE_FILES = "/etc/kubeflow-metadata"
