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
from kubeflow_metadata.installer.cluster.engines.protocol import Progress, Written
from kubeflow_metadata.installer.cluster.objects import Identity, delete
from kubeflow_metadata.installer.cluster.planning import execution
from kubeflow_metadata.installer.cluster.planning.plan import Action, Plan
from kubeflow_metadata.installer.cluster.port import FIELD_MANAGER, Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render.overlay import Overlay


class Kustomize:
    """``--engine kustomize``."""

    name = "kustomize"
    keeps_history = False

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

    def manager(self, cluster: Cluster) -> str:
        del cluster
        return FIELD_MANAGER

    def is_exact(self, cluster: Cluster) -> bool:
        del cluster
        return True

    def recorded(self, cluster: Cluster) -> set[Identity]:
        return inventory.read(cluster) or set()

    def apply(self, cluster: Cluster, settings: Settings, plan: Plan, progress: Progress) -> str:
        del settings  # the objects are all there is to them
        wanted = {Identity.of(each) for each in plan.wanted}
        before = self.recorded(cluster)
        # First of all: what an interrupted run applied is found by the next one.
        inventory.write(cluster, before | wanted)
        applied = [each for each in plan.pending if each.wanted is not None]
        for each in applied:
            progress.check()
            progress.say(str(each.identity))
            execution.apply(cluster, each, FIELD_MANAGER, progress.clock)
        unwanted = [each.identity for each in plan.of(Action.DELETE)]
        delete(cluster, unwanted, progress.say, progress.check)
        inventory.write(cluster, wanted | {each for each in before if each.holds_data})
        return f"{len(applied)} applied, {len(unwanted)} deleted"

    def owns(self, cluster: Cluster) -> bool:
        return inventory.read(cluster) is not None

    def loss(self, cluster: Cluster) -> str:
        del cluster
        return "the record of what it applied"

    def release(self, cluster: Cluster) -> None:
        inventory.forget(cluster)

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], progress: Progress) -> None:
        recorded = {each for each in self.recorded(cluster) if not each.holds_data}
        delete(cluster, recorded.union(identities), progress.say, progress.check)
        inventory.forget(cluster)

    def forget(self, cluster: Cluster) -> None:
        inventory.forget(cluster)


def _command() -> list[str] | None:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None
