"""The smoke test as a Job in the cluster."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.cluster import smoke_record
from kubeflow_metadata.installer.cluster.diagnosis import causes, diagnose
from kubeflow_metadata.installer.cluster.objects import PART, in_order, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.kinds import BY_NAME
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.render.names import SMOKE_JOB
from kubeflow_metadata.smoke.checks import CheckResult, report

_PART = _CONTAINER = "smoke"
_KINDS = ("Job", "NetworkPolicy", "ServiceAccount")
_SECONDS = 330.0
_PAUSE_SECONDS = 0.25
_TIDY_SECONDS = 10.0


@dataclass(frozen=True)
class SmokeResult:
    """How the test ended, what it printed, and the result of each check where it is known."""

    passed: bool
    output: str
    results: tuple[CheckResult, ...] = ()


def is_of_the_test(made: Object) -> bool:
    """Returns whether an object is the smoke test's and no part of what is installed."""
    return part_of(made) == _PART


def run(
    cluster: Cluster,
    objects: Iterable[Object],
    say: Callable[[str], None],
    clock: Clock = SYSTEM_CLOCK,
    *,
    tests: Sequence[str] = (),
) -> SmokeResult:
    """Runs the Job that is among these objects.

    Interrupted, it takes everything away that it made, and the interrupt says so.

    Args:
        cluster: to run it in.
        objects: of the smoke test, and others.
        say: is told how far it is.
        clock: tells the time.
        tests: names of the tests to run; none: all.

    Raises:
        UserError: it does not start, or does not end.
    """
    remove(cluster, clock)
    try:
        for each in in_order(filter(is_of_the_test, objects)):
            cluster.apply(_limited_to(tests, each), force=True)
        result = polling.until(lambda: _result(cluster, say, clock), _SECONDS, pause=_PAUSE_SECONDS, clock=clock)
        if result is None:
            raise UserError(
                f"Timeout: the smoke test did not finish within {_SECONDS:.0f} s.",
                hint=f"For details, run: {cluster.kubectl} describe pod -l {PART}={_PART}",
            )
        if not tests:
            smoke_record.write(cluster, passed=result.passed, output=result.output, clock=clock)
        if result.passed:
            _delete(cluster)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_tidied(cluster, clock)) from None
    return result


def remove(cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
    """Removes an earlier run; a Job cannot be applied over.

    Raises:
        UserError: it does not go away.
    """
    _delete(cluster)
    if not _is_gone(cluster, _SECONDS, clock):
        raise UserError(
            f"Timeout: Job {SMOKE_JOB} of an earlier run is still terminating.",
            hint=f"For details, run: {cluster.kubectl} describe job {SMOKE_JOB}",
        )


def _delete(cluster: Cluster) -> None:
    for kind in _KINDS:
        cluster.delete(BY_NAME[kind].api_version, kind, SMOKE_JOB)


def _is_gone(cluster: Cluster, seconds: float, clock: Clock) -> bool:
    def look() -> bool | None:
        return True if cluster.get(BY_NAME["Job"].api_version, "Job", SMOKE_JOB) is None else None

    return bool(polling.until(look, seconds, pause=_PAUSE_SECONDS, clock=clock))


def _tidied(cluster: Cluster, clock: Clock) -> str:
    """Removes what an interrupted test made; returns what is left, in a sentence.

    A second interrupt ends it, as a cluster that does not respond would have it wait for long.
    """
    try:
        for _ in range(2):  # what was on its way when the interrupt came is there by the second time
            _delete(cluster)
            if not _is_gone(cluster, _TIDY_SECONDS, clock):
                return f"Removed the smoke test; Job {SMOKE_JOB} is still terminating."
    except (UserError, KeyboardInterrupt):
        kinds = ",".join(kind.lower() for kind in _KINDS)
        return (
            "The smoke test may not be removed yet. Run:\n"
            f"  {cluster.kubectl} delete {kinds} {SMOKE_JOB} --ignore-not-found"
        )
    return "Removed the smoke test; nothing of it is left."


def _limited_to(tests: Sequence[str], wanted: Object) -> Object:
    """Returns an object of the test with the names of the tests to run, where there are any and it runs them."""
    if wanted["kind"] != "Job" or not tests:
        return wanted
    limited = copy.deepcopy(wanted)
    for container in limited["spec"]["template"]["spec"]["containers"]:
        container["args"] = [*container.get("args", []), *(f"--test={name}" for name in tests)]
    return limited


def _result(cluster: Cluster, say: Callable[[str], None], clock: Clock) -> SmokeResult | None:
    own = [pod for pod in cluster.list("v1", "Pod", f"{PART}={_PART}") if not _is_ending(pod)]
    # The container tells a second before its pod does, and that before its Job.
    for pod in own:
        if terminated := _terminated(pod):
            return _ended(cluster, pod, passed=terminated.get("exitCode") == 0)
    job = cluster.get(BY_NAME["Job"].api_version, "Job", SMOKE_JOB) or {}
    ended = {each["type"] for each in job.get("status", {}).get("conditions") or [] if each["status"] == "True"}
    if ended & {"Complete", "Failed"} and own:
        return _ended(cluster, own[0], passed="Complete" in ended)
    if "Failed" in ended:
        return SmokeResult(False, "Its pod no longer exists, so there is no log to show.")
    for finding in diagnose.of_pods(cluster, _PART, clock).findings:
        say(finding.sentence)
        # A test that fails exits with an error, too; the Job then says so.
        if finding.code not in {causes.CRASHED.code, causes.STOPPED.code} and finding.is_final:
            raise UserError(f"The smoke test cannot start: {finding.sentence}", hint=finding.hint)
    return None


def _is_ending(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _terminated(pod: Object) -> Object:
    """Returns how the test's container ended; empty where it has not."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    states = [each.get("state") or {} for each in statuses if each["name"] == _CONTAINER]
    return dict(states[0].get("terminated") or {}) if states else {}


def _ended(cluster: Cluster, pod: Object, *, passed: bool) -> SmokeResult:
    results = _parsed(_terminated(pod).get("message", ""))
    output = cluster.logs(pod["metadata"]["name"], _CONTAINER, lines=100)
    # Logs may not be readable where pods are.
    return SmokeResult(passed, output or (report(results) if results else ""), results)


def _parsed(text: str) -> tuple[CheckResult, ...]:
    """Returns the results that the test left in the status of its pod; none where it did not."""
    try:
        return tuple(CheckResult(**each) for each in json.loads(text))
    except (ValueError, TypeError):
        return ()
