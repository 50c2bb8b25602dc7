"""An overlay that kustomize builds, applied on the server's side and pruned by an inventory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import inventory
from kubeflow_metadata.installer.cluster.engines.commands import documents, run
from kubeflow_metadata.installer.cluster.engines.protocol import Say, Written
from kubeflow_metadata.installer.cluster.objects import Identity, delete, in_order
from kubeflow_metadata.installer.cluster.port import Cluster, ConflictError, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.overlay import Overlay


class Kustomize:
    """``--engine kustomize``."""

    name = "kustomize"

    def is_available(self) -> bool:
        return _command() is not None

    def write(self, settings: Settings, namespace: str, directory: Path, source: str) -> Written:
        file = Overlay(settings, namespace, source=source).write(directory)
        return Written(file, f"kustomize build {directory} | kubectl apply --server-side -f -")

    def objects(self, cluster: Cluster, settings: Settings) -> list[Object]:
        command = _command()
        if command is None:
            raise UserError(
                "Neither kustomize nor kubectl is installed.",
                hint=f"Install one of them, or use Helm: {program.command('up --engine helm')} {cluster.options}",
            )
        with tempfile.TemporaryDirectory() as scratch:
            Overlay(settings, cluster.namespace, smoke=True).write(Path(scratch))
            return documents(run([*command, scratch]))

    def apply(
        self, cluster: Cluster, settings: Settings, objects: list[Object], say: Say, note: Say, *, take_over: bool
    ) -> str:
        del settings  # the objects are all there is to them
        wanted = {Identity.of(each) for each in objects}
        before = inventory.read(cluster) or set()
        # First of all: what an interrupted run applied is found by the next one.
        inventory.write(cluster, before | wanted)
        for each in in_order(objects):
            say(str(Identity.of(each)))
            try:
                cluster.apply(each, force=take_over)
            except ConflictError as error:
                first = (error.details or str(error)).splitlines()[0]
                note(f"Taking over {Identity.of(each)}: {first}")
                cluster.apply(each, force=True)
        unwanted = {each for each in before - wanted if not each.holds_data}
        delete(cluster, unwanted, say)
        inventory.write(cluster, wanted | {each for each in before if each.holds_data})
        return f"{len(objects)} applied, {len(unwanted)} deleted"

    def owns(self, cluster: Cluster) -> bool:
        return inventory.read(cluster) is not None

    def release(self, cluster: Cluster) -> None:
        inventory.forget(cluster)

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], say: Say) -> None:
        recorded = {each for each in inventory.read(cluster) or set() if not each.holds_data}
        delete(cluster, recorded.union(identities), say)
        inventory.forget(cluster)


def _command() -> list[str] | None:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None
