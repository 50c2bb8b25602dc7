"""``down`` on a cluster: everything but the claim, the Secret and the namespace, unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling, program
from kubeflow_metadata.installer.cluster import objects
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.objects import PART
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target

_SECONDS = 300.0


def down(target: Target, terminal: Terminal, *, delete_data: bool, clock: Clock = SYSTEM_CLOCK) -> None:
    """Uninstalls, whoever installed; data is kept unless asked otherwise."""
    cluster = target.cluster()
    ours = objects.labelled(cluster)
    data = {each for each in ours if each.holds_data}
    rest = ours - data
    engine = choice.owner(cluster) or choice.ENGINES[0]
    with terminal.step("Uninstall") as step:
        engine.uninstall(cluster, rest, step.glimpse)
        _wait_until_gone(cluster, step.say, clock)
        if delete_data:
            objects.delete(cluster, data, step.glimpse)
        step.outcome = f"{len(rest)} deleted"
    kept = [] if delete_data else [str(each) for each in sorted(data)]
    document = {"deleted": len(rest), "kept": kept, "data_deleted": delete_data and bool(data)}
    where = f"namespace {cluster.namespace}"
    text = f"Deleted {len(rest)} objects from {where}." if rest else f"Nothing is installed in {where}."
    if kept:
        text += f"\nKept: {', '.join(kept)}. "
        text += f"`{program.command('up')} {cluster.options}` reuses them; --delete-data deletes them."
    elif delete_data and data:
        text += " The data was deleted as well."
    terminal.result(document, text)


def _wait_until_gone(cluster: Cluster, say: Callable[[str], None], clock: Clock) -> None:
    names: list[str] = []

    def are_gone() -> bool | None:
        names[:] = [pod["metadata"]["name"] for pod in cluster.list("v1", "Pod", PART)]
        if not names:
            return True
        say(f"pods still terminating: {len(names)}")
        return None

    if not polling.until(are_gone, _SECONDS, clock=clock):
        raise UserError(
            f"Timeout: pods are still terminating after {_SECONDS:.0f} s.",
            details="\n".join(names),
            hint=f"For details, run: {cluster.kubectl} describe pod {names[0]}",
        )
