"""The command-line tools of the tests: pinned, built by Go, kept in the user's cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import versions
from tests.e2e.cluster.keys import content_key
from tests.e2e.cluster.paths import STAND_INS, TOOL_LINKS, TOOLS
from tests.e2e.cluster.shell import ClusterError, run_visibly, step

GO_MODULE = STAND_INS / "go"


@dataclass(frozen=True)
class Tool:
    """A program and where Go finds it.

    Without a version it is built inside our own module, whose go.mod and go.sum pin it: `go install` refuses
    modules that replace others, as Kubernetes does.
    """

    name: str
    package: str
    version: str = ""
    ldflags: str = "-s -w"

    @property
    def key(self) -> str:
        if self.version:
            return self.version
        sources = [GO_MODULE / "go.mod", GO_MODULE / "go.sum"]
        if self.package.startswith("./"):
            sources = sorted((GO_MODULE / self.package).rglob("*.go"))
        return content_key(sources, self.package, self.ldflags)

    @property
    def path(self) -> Path:
        return TOOLS / f"{self.name}-{self.key}" / self.name


def _kubernetes(name: str) -> Tool:
    # Kubernetes' own build scripts stamp these; without them the API server refuses its own version.
    major, minor, _ = versions.KUBERNETES.removeprefix("v").split(".")
    base = "k8s.io/component-base/version"
    stamps = {
        f"{base}.gitVersion": versions.KUBERNETES,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": versions.KUBERNETES,
    }
    ldflags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])
    return Tool(name, f"k8s.io/kubernetes/cmd/{name}", ldflags=ldflags)


KUBECTL = _kubernetes("kubectl")
KIND = Tool("kind", "sigs.k8s.io/kind", versions.KIND)
HELM_3 = Tool("helm3", "helm.sh/helm/v3/cmd/helm", versions.HELM_3)
HELM_4 = Tool("helm4", "helm.sh/helm/v4/cmd/helm", versions.HELM_4)
KUSTOMIZE = Tool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", versions.KUSTOMIZE)
KUSTOMIZE_OLDEST = Tool("kustomize-oldest", "sigs.k8s.io/kustomize/kustomize/v5", versions.KUSTOMIZE_OLDEST)
KUBECONFORM = Tool("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", versions.KUBECONFORM)
KUBE_SCORE = Tool("kube-score", "github.com/zegl/kube-score/cmd/kube-score", versions.KUBE_SCORE)
ACTIONLINT = Tool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", versions.ACTIONLINT)

# Keeps images in memory, for tests of `images push`.
REGISTRY = Tool("registry", "github.com/google/go-containerregistry/cmd/registry", versions.REGISTRY)

# What the tests of this folder use.
NEEDED = (KIND, KUBECTL, REGISTRY, KUSTOMIZE, HELM_4, HELM_3)

# What people type. The rest is what a node is made of.
COMMANDS = (KIND, KUBECTL, KUSTOMIZE, HELM_4, HELM_3, KUBECONFORM, KUBE_SCORE, ACTIONLINT)

KUBERNETES_SERVERS = tuple(
    _kubernetes(name)
    for name in (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "kubeadm",
        "kubelet",
    )
)
ETCD = Tool("etcd", "go.etcd.io/etcd/server/v3")
PAUSE = Tool("pause", "./pause")
RUNC_WITHIN_BOUNDS = Tool("runc-within-bounds", "./runc-within-bounds")
COREDNS = Tool("coredns", "github.com/coredns/coredns", versions.COREDNS)
LOCAL_PATH_PROVISIONER = Tool(
    "local-path-provisioner", "github.com/rancher/local-path-provisioner", versions.LOCAL_PATH_PROVISIONER
)


def build(tools: Iterable[Tool]) -> None:
    """Builds those that the cache lacks, and links the commands into the project's folder of tools."""
    wanted = list(tools)
    for tool in wanted:
        if not tool.path.exists():
            with step(f"Building {tool.name} {tool.version or 'as go.mod pins it'}"):
                _build(tool)
    TOOL_LINKS.mkdir(parents=True, exist_ok=True)
    for tool in wanted:
        if tool in COMMANDS:
            link = TOOL_LINKS / tool.name
            link.unlink(missing_ok=True)
            link.symlink_to(tool.path)


def _build(tool: Tool) -> None:
    if shutil.which("go") is None:
        raise ClusterError(
            f"{tool.name} is built with Go, and `go` is not on the PATH.",
            "Install Go 1.24 or newer (https://go.dev/doc/install), then type the same again.",
        )
    partial = tool.path.parent.with_name(f"{tool.path.parent.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    static = {"CGO_ENABLED": "0"}
    flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", tool.ldflags]
    try:
        if tool.version:
            command: list[str | Path] = ["go", "install", *flags, f"{tool.package}@{tool.version}"]
            run_visibly(command, env={**static, "GOBIN": str(partial)}, cwd=partial)
            next(partial.iterdir()).rename(partial / tool.name)
        else:
            command = ["go", "build", *flags, "-o", partial / tool.name, tool.package]
            run_visibly(command, env=static, cwd=GO_MODULE)
        if not tool.path.exists():  # else another run was faster
            partial.rename(tool.path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
