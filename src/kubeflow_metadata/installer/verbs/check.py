"""``check`` on a cluster: before an installation, or of one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.checks import permissions, probe, report, running, waiting
from kubeflow_metadata.installer.cluster.checks.report import Shown
from kubeflow_metadata.installer.cluster.checks.result import Result
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, UnreachableError
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import recording
from kubeflow_metadata.installer.verbs.target import Target


@dataclass(frozen=True)
class Wanted:
    """What is checked.

    Attributes:
        before: what an installation needs, not one that is there.
        engine: that will install; None: the one that did, or the first whose program is there.
        seconds: how long to ask again while something fails.
        probe: try the external database from a Job in the cluster.
    """

    before: bool = False
    engine: str | None = None
    seconds: float = 0.0
    probe: bool = False


def check(target: Target, wanted: Wanted, shown: Shown, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> int:
    """Runs the checks and shows the results; returns the exit code."""
    target.settings()  # an invalid one is no matter of the cluster
    with terminal.step("Check") as step:
        results = waiting.run_until(lambda: _look(target, wanted, clock, step.glimpse), wanted.seconds, clock)
        step.outcome = ", ".join(f"{count} {name}" for name, count in report.counts(results).items() if count)
    where = {"context": target.context, "namespace": target.namespace, "before_installation": wanted.before}
    return report.show(results, shown, terminal, where)


def print_role(target: Target, engine: str | None, terminal: Terminal) -> None:
    """Prints the Role to ask an administrator for, and nothing else, on standard output."""
    subject = _subject(target.cluster(), target, engine, SYSTEM_CLOCK)
    if isinstance(subject.made, UserError):
        raise subject.made
    cluster = subject.cluster
    if role := permissions.role_to_ask_for(subject):
        sys.stdout.write(role)
    else:
        terminal.note(f"No permission is missing in namespace {cluster.namespace} of context {cluster.context}.")


def _look(target: Target, wanted: Wanted, clock: Clock, say: Callable[[str], None]) -> list[Result]:
    try:
        cluster = target.cluster()
    except UserError as error:
        return [running.unreachable(error)]
    try:
        subject = _subject(cluster, target, wanted.engine, clock)
    except UnreachableError as error:
        return [running.unreachable(error)]
    results = running.run(subject, running.BEFORE if wanted.before else running.AFTER, say)
    if wanted.probe and len(results) > 1:
        results.append(probe.run(subject, say))
    return results


def _subject(cluster: Cluster, target: Target, engine: str | None, clock: Clock) -> Subject:
    settings = recording.wanted(target, cluster).resolved.settings
    knows_settings = bool(target.file or target.assignments) or _remembers(cluster)
    return Subject(cluster, settings, _engine(cluster, engine), clock, knows_settings)


def _remembers(cluster: Cluster) -> bool:
    try:
        return recording.is_known(cluster)
    except ForbiddenError:
        return False


def _engine(cluster: Cluster, name: str | None) -> Engine:
    try:
        return choice.choose(cluster, name)
    except ForbiddenError:
        # Who installed it may not be read; what is checked is the same for both.
        return choice.first_available(choice.ENGINES[0])
