"""Waiting until what was applied runs, with progress to show; it ends early where waiting will not help."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling, program
from kubeflow_metadata.installer.cluster.diagnosis import diagnose, shapes, text
from kubeflow_metadata.installer.cluster.diagnosis.causes import Rank, rank_of
from kubeflow_metadata.installer.cluster.diagnosis.finding import Diagnosis, Finding
from kubeflow_metadata.installer.cluster.diagnosis.reading import read
from kubeflow_metadata.installer.cluster.objects import part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object, UnreachableError
from kubeflow_metadata.installer.kinds import BY_NAME
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock


@dataclass(frozen=True)
class Rollout:
    """How far a workload's rollout has progressed.

    Attributes:
        name: its name.
        part: the part that it is.
        ready: how many of its replicas are ready.
        wanted: how many it should have.
        done: whether it runs as it was applied.
    """

    name: str
    part: str
    ready: int
    wanted: int
    done: bool

    @property
    def words(self) -> str:
        """Its state in a few words."""
        return f"{self.name} {self.ready}/{self.wanted}"


def state_of(workload: Object) -> Rollout:
    """Returns how far a workload is, by its own status."""
    wanted, status = workload.get("spec", {}).get("replicas", 1), workload.get("status", {})
    ready = status.get("readyReplicas", 0) or 0
    return Rollout(workload["metadata"]["name"], part_of(workload), ready, wanted, shapes.is_done(workload))


@dataclass(frozen=True)
class _Seen:
    """What the last look at the cluster saw."""

    unfinished: tuple[Rollout, ...] = ()
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    unreachable: UnreachableError | None = None


def wait(
    cluster: Cluster,
    workloads: Iterable[tuple[str, str]],
    seconds: float,
    say: Callable[..., None],
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Waits until every workload (kind and name) runs as it was applied.

    Raises:
        UserError: one of them cannot, or does not in time; with the root cause and what it explains.
    """
    names = list(workloads)
    seen = _Seen()

    def look() -> bool | None:
        nonlocal seen
        try:
            seen = _look(cluster, names, clock)
        except UnreachableError as error:
            # For example, the API server is restarting.
            seen = _Seen(unreachable=error)
            say("the cluster does not respond; retrying")
            return None
        if not seen.unfinished:
            return True
        say(*[text.headline(each) for each in _standing(seen)] or [each.words for each in seen.unfinished])
        if final := next((each for each in _standing(seen) if each.is_final), None):
            raise _error(text.headline(final), final, seen)
        return None

    if polling.until(look, seconds, clock=clock) is None:
        raise seen.unreachable or _timeout(cluster, seen, seconds)


def _look(cluster: Cluster, names: list[tuple[str, str]], clock: Clock) -> _Seen:
    unfinished = []
    for kind, name in names:
        workload = cluster.get(BY_NAME[kind].api_version, kind, name)
        state = state_of(workload) if workload else Rollout(name, "", 0, 1, done=False)
        if not state.done:
            unfinished.append(state)
    return _Seen(tuple(unfinished), diagnose.of(read(cluster, clock)) if unfinished else Diagnosis())


def _standing(seen: _Seen) -> list[Finding]:
    """Returns the roots that keep from running what does not run yet."""
    parts = {each.part for each in seen.unfinished}
    return [
        each
        for each in seen.diagnosis.findings
        if not each.is_over and ({each.part, *(symptom.part for symptom in each.symptoms)} & {*parts, ""})
    ]


def _error(message: str, cause: Finding, seen: _Seen) -> UserError:
    """Returns the error of a cause, with what it explains, and the other causes below it."""
    others = [text.as_paragraph(each) for each in seen.diagnosis.findings if each is not cause and not each.is_over]
    details = [each for each in (textwrap.dedent(text.explanation(cause)), *others) if each]
    return UserError(message, details="\n".join(details), hint=textwrap.dedent(text.advice(cause.hint)))


def _timeout(cluster: Cluster, seen: _Seen, seconds: float) -> UserError:
    cause = next((each for each in _standing(seen) if rank_of(each) is not Rank.SYMPTOM), None)
    if cause is not None:
        return _error(f"Timeout: not everything is ready after {seconds:.0f} s. {text.headline(cause)}", cause, seen)
    lines = [state.words for state in seen.unfinished]
    lines += [text.as_paragraph(each) for each in _standing(seen)]
    return UserError(
        f"Timeout: not everything is ready after {seconds:.0f} s.",
        details="\n".join(lines),
        hint=f"Increase --timeout, or check again: {program.command('status')} {cluster.options}",
    )
