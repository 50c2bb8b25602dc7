"""Where the cluster's images come from: a registry where one answers, else made here from packages."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.cluster import stand_ins, versions
from tests.support.cluster.engine import Engine
from tests.support.cluster.shell import ClusterError, console, step

CHOICE = "E2E_IMAGES"
ANSWER_SECONDS = 20


@dataclass(frozen=True)
class ImageSource:
    """A node image, and the archives that its node imports (none when nodes pull for themselves)."""

    node_image: str
    archives: tuple[Path, ...] = ()

    def kind_config(self, folder: Path) -> str:
        """kind's configuration (JSON is YAML). `folder` gets links to the archives, for the node to mount."""
        config: dict[str, object] = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "networking": {"apiServerAddress": "127.0.0.1"},
            # A machine with cgroup v1 is good enough for tests.
            "kubeadmConfigPatches": ["kind: KubeletConfiguration\nfailCgroupV1: false\n"],
        }
        if self.archives:
            mounted = folder / "images"
            mounted.mkdir(exist_ok=True)
            for archive in self.archives:
                os.link(archive, mounted / archive.name)
            config["networking"] = {"apiServerAddress": "127.0.0.1", "disableDefaultCNI": True}
            mount = {"hostPath": str(mounted), "containerPath": "/kind/images", "readOnly": True}
            config["nodes"] = [{"role": "control-plane", "extraMounts": [mount]}]
        return json.dumps(config, indent=2)


def from_registry(engine: Engine) -> bool:
    """Whether images come from a registry: as E2E_IMAGES says (`registry` or `packages`), else if one answers."""
    return _choice(engine)[0] == "registry"


def choose(engine: Engine) -> ImageSource:
    """The image source, with what it takes made."""
    choice, why = _choice(engine)
    if choice == "registry":
        console.print(f"  images: {_node_image()} and what it pulls ({why})")
        return ImageSource(_node_image())
    console.print(
        f"  images: made here from Go modules and Debian packages ({why}); {CHOICE}=registry forces the other"
    )
    with step("Preparing the images"):
        return ImageSource(stand_ins.node_image(engine), tuple(stand_ins.node_archives(engine)))


def _node_image() -> str:
    return os.environ.get("E2E_NODE_IMAGE", versions.NODE_IMAGE)


@cache
def _choice(engine: Engine) -> tuple[str, str]:
    """`registry` or `packages`, and why; asked once, for a registry that does not answer takes its time."""
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", "registry", "packages"):
        raise ClusterError(f"{CHOICE}={choice}: that is neither `registry` nor `packages`.", f"Run: unset {CHOICE}")
    if choice:
        return choice, f"{CHOICE}={choice}"
    if engine.has_image(_node_image()):
        return "registry", f"{_node_image()} is already here"
    if engine.succeeds("manifest", "inspect", _node_image(), timeout=ANSWER_SECONDS):
        return "registry", "the image registry answers"
    return "packages", "the image registry does not respond"
