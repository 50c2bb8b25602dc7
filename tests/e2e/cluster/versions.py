"""Every version that the end-to-end tests pin, in one place."""

from __future__ import annotations

KUBERNETES = "v1.34.4"
COREDNS = "v1.14.2"
LOCAL_PATH_PROVISIONER = "v0.0.30"  # also named in stand_ins/node/files/kind/manifests/default-storage.yaml

KIND = "v0.33.0"
HELM_3 = "v3.22.0"
HELM_4 = "v4.3.1"
KUSTOMIZE = "v5.8.2"
KUSTOMIZE_OLDEST = "v5.0.0"  # that the manifests are for
KUBECONFORM = "v0.8.0"
KUBE_SCORE = "v1.20.0"
REGISTRY = "v0.22.1"
ACTIONLINT = "v1.7.12"

# The stock node image of that kind release (its release notes name the digest).
NODE_IMAGE = "docker.io/kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"

# Images that the tests name as a user would.
MYSQL_IMAGE = "mysql:9.7"
PYTHON_IMAGE = "python:3.13-slim"
