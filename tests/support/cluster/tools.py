"""The programs of the tests: pinned, built by Go, kept in the user's cache."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.cluster import versions
from tests.support.cluster.keys import content_key
from tests.support.cluster.locks import alone
from tests.support.cluster.paths import COMMANDS_MODULE, STAND_INS, TOOL_LINKS, TOOLS
from tests.support.cluster.shell import ClusterError, run, run_visibly, step

# One setting for all programs of a module: what they share is then compiled once.
SMALL = "-s -w"


@dataclass(frozen=True)
class Module:
    """A Go module of ours whose go.mod and go.sum pin programs, so that these share what they are built from."""

    folder: Path
    ldflags: str = SMALL


@dataclass(frozen=True)
class Tool:
    """A program, and where Go finds it: in a module of ours, else in its own at a version.

    `apart` ones are built by a command of their own: their file has the name of another one's, or their imports
    collide with another one's. Of those with an `oldest` version, one that is on the PATH does as well.
    """

    name: str
    package: str
    module: Module | None = None
    version: str = ""
    apart: bool = False
    oldest: tuple[int, int] | None = None

    @cached_property
    def key(self) -> str:
        if self.module is None:
            return self.version
        sources = [self.module.folder / "go.mod", self.module.folder / "go.sum"]
        if self.package.startswith("./"):
            sources += sorted((self.module.folder / self.package).rglob("*.go"))
        return content_key(sources, self.package, self.module.ldflags)

    @property
    def path(self) -> Path:
        return TOOLS / f"{self.name}-{self.key}" / self.name


def _kubernetes_ldflags() -> str:
    # Kubernetes' own build scripts stamp these; without them the API server refuses its own version.
    major, minor, _ = versions.KUBERNETES.removeprefix("v").split(".")
    base = "k8s.io/component-base/version"
    stamps = {
        f"{base}.gitVersion": versions.KUBERNETES,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": versions.KUBERNETES,
    }
    return " ".join([SMALL, *(f"-X {name}={value}" for name, value in stamps.items())])


# What a node is made of, and kubectl of the same version. It is a module of ours also because `go install` refuses
# modules that replace others, as Kubernetes does.
KUBERNETES_MODULE = Module(STAND_INS / "go", _kubernetes_ldflags())
KUBERNETES_SERVERS = tuple(
    Tool(name, f"k8s.io/kubernetes/cmd/{name}", KUBERNETES_MODULE)
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
)
KUBEADM = Tool("kubeadm", "k8s.io/kubernetes/cmd/kubeadm", KUBERNETES_MODULE)
KUBELET = Tool("kubelet", "k8s.io/kubernetes/cmd/kubelet", KUBERNETES_MODULE)
KUBECTL = Tool("kubectl", "k8s.io/kubernetes/cmd/kubectl", KUBERNETES_MODULE, oldest=(1, 30))
ETCD = Tool("etcd", "go.etcd.io/etcd/server/v3", KUBERNETES_MODULE)
COREDNS = Tool("coredns", "./coredns", KUBERNETES_MODULE)
PAUSE = Tool("pause", "./pause", KUBERNETES_MODULE)
RUNC_WITHIN_BOUNDS = Tool("runc-within-bounds", "./runc-within-bounds", KUBERNETES_MODULE)
LOCAL_PATH_PROVISIONER = Tool(
    "local-path-provisioner", "github.com/rancher/local-path-provisioner", KUBERNETES_MODULE, apart=True
)

_COMMANDS = Module(COMMANDS_MODULE)
KIND = Tool("kind", "sigs.k8s.io/kind", _COMMANDS, oldest=(0, 27))
HELM_3 = Tool("helm3", "helm.sh/helm/v3/cmd/helm", _COMMANDS, apart=True)
HELM_4 = Tool("helm4", "helm.sh/helm/v4/cmd/helm", _COMMANDS)
KUSTOMIZE = Tool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", _COMMANDS)
KUBECONFORM = Tool("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", _COMMANDS)
ACTIONLINT = Tool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", _COMMANDS)
# Keeps images in memory, for tests of `images push`.
REGISTRY = Tool("registry", "github.com/google/go-containerregistry/cmd/registry", _COMMANDS)

# Neither can be built from what the other commands are built from.
KUSTOMIZE_OLDEST = Tool("kustomize-oldest", "sigs.k8s.io/kustomize/kustomize/v5", version=versions.KUSTOMIZE_OLDEST)
KUBE_SCORE = Tool("kube-score", "github.com/zegl/kube-score/cmd/kube-score", version=versions.KUBE_SCORE)

# What the tests of this folder use.
NEEDED = (KIND, KUBECTL, REGISTRY, KUSTOMIZE, HELM_4, HELM_3)

# What people type.
COMMANDS = (KIND, KUBECTL, KUSTOMIZE, HELM_4, HELM_3, KUBECONFORM, KUBE_SCORE, ACTIONLINT)


def build(tools: Iterable[Tool]) -> None:
    """Builds those that the cache lacks, and links the commands into the project's folder of tools."""
    wanted = list(tools)
    if not all(tool.path.exists() for tool in wanted):
        with alone("tools"):
            for batch in _batches(tool for tool in wanted if not tool.path.exists()):
                with step(f"Building {', '.join(tool.name for tool in batch)}"):
                    _build(batch)
    for tool in wanted:
        if tool in COMMANDS:
            link(tool, TOOL_LINKS / tool.name)


def on_path(tool: Tool) -> Path | None:
    """A program of this machine that does as well as the pinned one, if there is one."""
    found = shutil.which(tool.name)
    if found is None or tool.oldest is None or Path(found).is_relative_to(TOOL_LINKS):
        return None
    arguments = ["version", "--client"] if tool is KUBECTL else ["version"]
    said = run([found, *arguments], check=False, timeout=20).stdout
    version = re.search(r"v(\d+)\.(\d+)", said)
    return Path(found) if version and (int(version[1]), int(version[2])) >= tool.oldest else None


def link(tool: Tool, place: Path) -> None:
    """Links a program to where people and programs look for it, also while other processes do the same."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(tool.path)
    new.replace(place)


def _batches(tools: Iterable[Tool]) -> list[list[Tool]]:
    """The tools by the command that builds them: as few as can be, so that none waits for the others' links."""
    batches: dict[object, list[Tool]] = {}
    for tool in tools:
        batches.setdefault(tool if tool.apart or tool.module is None else tool.module, []).append(tool)
    return list(batches.values())


def _build(batch: Sequence[Tool]) -> None:
    require_go(batch[0].name)
    module = batch[0].module
    partial = TOOLS / f"{batch[0].name}.{os.getpid()}.partial"
    partial.mkdir(parents=True)
    environment = {"CGO_ENABLED": "0", "GOBIN": str(partial)}
    flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", module.ldflags if module else SMALL]
    packages = [f"{tool.package}@{tool.version}" if tool.version else tool.package for tool in batch]
    try:
        run_visibly(["go", "install", *flags, *packages], env=environment, cwd=module.folder if module else partial)
        for tool in batch:
            tool.path.parent.mkdir(parents=True, exist_ok=True)
            (partial / _file_name(tool.package)).rename(tool.path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_go(what: str) -> None:
    """Refuses to begin without Go."""
    if shutil.which("go") is None:
        raise ClusterError(
            f"Go is not on the PATH, and {what} must be built with it.",
            "Install Go 1.26 or newer (https://go.dev/doc/install), then type the same again.",
        )


def _file_name(package: str) -> str:
    """What `go install` calls the program: the last part of its path that is no version."""
    *_, before, last = package.split("/")
    return before if last[0] == "v" and last[1:].isdigit() else last
