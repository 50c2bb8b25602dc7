"""Where the cluster's images come from: a registry where one answers, else made here from packages."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
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


def choose(engine: Engine) -> ImageSource:
    """The image source: what E2E_IMAGES says (`registry` or `packages`), else whichever works here."""
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", "registry", "packages"):
        raise ClusterError(f"{CHOICE}={choice}: that is neither `registry` nor `packages`.", f"Run: unset {CHOICE}")
    node_image = os.environ.get("E2E_NODE_IMAGE", versions.NODE_IMAGE)
    why = f"{CHOICE}={choice}"
    if not choice:
        if engine.has_image(node_image):
            choice, why = "registry", f"{node_image} is already here"
        elif engine.succeeds("manifest", "inspect", node_image, timeout=ANSWER_SECONDS):
            choice, why = "registry", "the image registry answers"
        else:
            choice, why = "packages", "the image registry does not respond"
    if choice == "registry":
        console.print(f"  images: {node_image} and what it pulls ({why})")
        return ImageSource(node_image)
    console.print(
        f"  images: made here from Go modules and Debian packages ({why}); {CHOICE}=registry forces the other"
    )
    with step("Preparing the images"):
        return ImageSource(stand_ins.node_image(engine), tuple(stand_ins.node_archives(engine)))
