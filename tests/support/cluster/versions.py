"""The versions that the end-to-end tests pin; those of most programs are in commands/go.mod and stand_ins/go/go.mod."""

from __future__ import annotations

# Both are also in stand_ins/go/go.mod, the second in stand_ins/node/files/kind/manifests/default-storage.yaml too.
KUBERNETES = "v1.34.4"
LOCAL_PATH_PROVISIONER = "v0.0.30"

KUSTOMIZE_OLDEST = "v5.0.0"  # that the manifests are for
KUBE_SCORE = "v1.20.0"

# The stock node image of the kind release in commands/go.mod (its release notes name the digest).
NODE_IMAGE = "docker.io/kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"

# Images that the tests name as a user would.
MYSQL_IMAGE = "mysql:9.7"
PYTHON_IMAGE = "python:3.13-slim"
