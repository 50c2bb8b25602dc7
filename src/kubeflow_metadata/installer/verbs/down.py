"""``down`` on a cluster: everything but the claim, the Secret and the namespace, unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling, program
from kubeflow_metadata.installer.cluster import admission, objects, smoke_record
from kubeflow_metadata.installer.cluster.diagnosis.diagnose import diagnose
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.protocol import Engine, Progress
from kubeflow_metadata.installer.cluster.objects import PART, Identity
from kubeflow_metadata.installer.cluster.planning import gitops, live
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.state import lease
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import recording
from kubeflow_metadata.installer.verbs.target import Target

_SECONDS = 300.0


@dataclass(frozen=True)
class _Removal:
    """What goes and what stays.

    Attributes:
        engine: deletes; None where none of them installed anything.
        servers: what is deleted, the first first.
        data: what holds data, and is deleted only when asked for.
        managed: who manages objects besides the engine, by the object's name.
        is_remembered: whether revisions are kept.
        unseen: kinds and objects that may not be read, and may stay.
    """

    engine: Engine | None
    servers: tuple[Identity, ...]
    data: tuple[Identity, ...]
    managed: dict[str, str]
    is_remembered: bool = False
    unseen: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.engine or self.servers or self.data)


def down(
    target: Target,
    terminal: Terminal,
    *,
    delete_data: bool,
    dry_run: bool = False,
    take_over: bool = False,
    confirm: Callable[[str], bool] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Uninstalls, whoever installed; data is kept unless asked otherwise.

    Args:
        target: where.
        terminal: shows what goes and what stays.
        delete_data: whether the data goes, too.
        dry_run: whether that is shown and nothing is done.
        take_over: whether to delete what Argo CD or Flux manages.
        confirm: asks for the name of the namespace before data is deleted; None where nobody is asked.
        clock: tells the time.
    """
    cluster = target.cluster()
    removal = _removal(cluster)
    if removal.unseen:
        terminal.note(f"Permission denied: not looked for {', '.join(removal.unseen)}.")
    if dry_run:
        terminal.result(_document(removal, delete_data, dry_run=True), _announcement(cluster, removal, delete_data))
        return
    if removal.managed and not take_over:
        raise gitops.refusal(cluster, removal.managed, "down")
    if not removal.is_empty or (delete_data and removal.is_remembered):
        if delete_data and removal.data and confirm:
            terminal.show(_announcement(cluster, removal, delete_data))
            if not confirm(cluster.namespace):
                raise UserError("Not confirmed: nothing was deleted.")
        _carry_out(cluster, removal, terminal, clock, delete_data=delete_data)
    terminal.result(_document(removal, delete_data, dry_run=False), _outcome(cluster, removal, delete_data))


def _removal(cluster: Cluster) -> _Removal:
    if admission.lacks_namespace(cluster):
        return _Removal(None, (), (), {})
    engine = choice.owner(cluster)
    recorded = engine.recorded(cluster) if engine else set()
    present = live.read(cluster, recorded)
    ours = objects.deletion_order(present.objects)
    data = tuple(each for each in ours if each.holds_data)
    managed = gitops.managed(present.objects.values())
    unseen = (*present.unlisted, *map(str, present.unread))
    servers = tuple(each for each in ours if not each.holds_data)
    return _Removal(engine, servers, data, managed, recording.is_known(cluster), unseen)


def _carry_out(cluster: Cluster, removal: _Removal, terminal: Terminal, clock: Clock, *, delete_data: bool) -> None:
    engine = removal.engine or choice.ENGINES[0]
    with lease.held(cluster, "down", clock, terminal.note) as held, terminal.step("Uninstall") as step:
        progress = Progress(step.glimpse, terminal.note, held.check, clock)
        engine.uninstall(cluster, removal.servers, progress)
        smoke_record.forget(cluster)
        _wait_until_gone(cluster, step.say, clock)
        if delete_data:
            objects.delete(cluster, removal.data, step.glimpse, held.check)
            engine.forget(cluster)
            recording.forget(cluster)
        else:
            recording.uninstalled(cluster)
        step.outcome = f"{len(removal.servers)} deleted"


def _announcement(cluster: Cluster, removal: _Removal, delete_data: bool) -> str:
    """Returns what goes and what stays, for people to read before it happens."""
    if removal.is_empty:
        return _nothing(cluster)
    gone = [*removal.servers, *(removal.data if delete_data else ())]
    kept = () if delete_data else removal.data
    lines = [f"Uninstalling from namespace {cluster.namespace} of context {cluster.context}:"]
    lines += [f"- {each}{' (all data in it)' if each.holds_data else ''}" for each in gone]
    lines += ["Kept:", *(f"  {each}" for each in kept)] if kept else []
    lines += [f"{who} manages {name}." for name, who in sorted(removal.managed.items())]
    return "\n".join([*lines, f"{len(gone)} to delete, {len(kept)} kept."])


def _document(removal: _Removal, delete_data: bool, *, dry_run: bool) -> dict[str, object]:
    kept = [] if delete_data else [str(each) for each in sorted(removal.data)]
    document: dict[str, object] = {"deleted": len(removal.servers), "kept": kept}
    document["data_deleted"] = delete_data and bool(removal.data) and not dry_run
    if dry_run:
        gone = [*removal.servers, *(removal.data if delete_data else ())]
        document |= {"deleted": 0, "would_delete": [str(each) for each in gone]}
    return document


def _outcome(cluster: Cluster, removal: _Removal, delete_data: bool) -> str:
    kept = [] if delete_data else [str(each) for each in sorted(removal.data)]
    count = len(removal.servers)
    text = f"Deleted {count} objects from namespace {cluster.namespace}." if count else _nothing(cluster)
    if kept:
        text += f"\nKept: {', '.join(kept)}. "
        text += f"`{program.command('up')} {cluster.options}` reuses them; --delete-data deletes them."
    elif delete_data and removal.data:
        text += " The data was deleted as well."
    return text


def _nothing(cluster: Cluster) -> str:
    return f"Nothing is installed in namespace {cluster.namespace}."


def _wait_until_gone(cluster: Cluster, say: Callable[[str], None], clock: Clock) -> None:
    names: list[str] = []

    def are_gone() -> bool | None:
        names[:] = [pod["metadata"]["name"] for pod in cluster.list("v1", "Pod", PART)]
        if not names:
            return True
        say(f"pods still terminating: {len(names)}")
        return None

    if polling.until(are_gone, _SECONDS, clock=clock):
        return
    findings = diagnose(cluster, clock).findings
    reasons = [each.sentence for each in findings]
    hints = [each.hint for each in findings if each.hint]
    raise UserError(
        f"Timeout: pods are still terminating after {_SECONDS:.0f} s.",
        details="\n".join([*names, *reasons]),
        hint=hints[0] if hints else f"For details, run: {cluster.kubectl} describe pod {names[0]}",
    )
