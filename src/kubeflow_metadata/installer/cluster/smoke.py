"""The smoke test as a Job in the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import polling
from kubeflow_metadata.installer.cluster.diagnosis import causes, diagnose
from kubeflow_metadata.installer.cluster.objects import PART, Identity, in_order, part_of
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.kinds import BY_NAME
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.render.names import SMOKE_JOB

_PART = "smoke"
_SECONDS = 330.0


@dataclass(frozen=True)
class SmokeResult:
    """How the test ended, and what it printed."""

    passed: bool
    output: str


def is_of_the_test(made: Object) -> bool:
    """Returns whether an object is the smoke test's and no part of what is installed."""
    return part_of(made) == _PART


def run(
    cluster: Cluster, objects: Iterable[Object], say: Callable[[str], None], clock: Clock = SYSTEM_CLOCK
) -> SmokeResult:
    """Runs the Job that is among these objects.

    Raises:
        UserError: it does not start, or does not end.
    """
    remove(cluster, clock)
    for each in in_order(filter(is_of_the_test, objects)):
        cluster.apply(each, force=True)
    result = polling.until(lambda: _result(cluster, say, clock), _SECONDS, clock=clock)
    if result is None:
        raise UserError(f"Timeout: the smoke test did not finish within {_SECONDS:.0f} s.")
    if result.passed:
        remove(cluster, clock)
    return result


def remove(cluster: Cluster, clock: Clock = SYSTEM_CLOCK) -> None:
    """Removes an earlier run; a Job cannot be applied over.

    Raises:
        UserError: it does not go away.
    """
    for kind in ("Job", "NetworkPolicy", "ServiceAccount"):
        cluster.delete(BY_NAME[kind].api_version, kind, SMOKE_JOB)
    job = Identity(BY_NAME["Job"].api_version, "Job", SMOKE_JOB)

    def is_gone() -> bool | None:
        return True if cluster.get(job.api_version, job.kind, job.name) is None else None

    if not polling.until(is_gone, _SECONDS, clock=clock):
        raise UserError(
            f"Timeout: {job} of an earlier run is still terminating.",
            hint=f"For details, run: {cluster.kubectl} describe job {SMOKE_JOB}",
        )


def _result(cluster: Cluster, say: Callable[[str], None], clock: Clock) -> SmokeResult | None:
    job = cluster.get(BY_NAME["Job"].api_version, "Job", SMOKE_JOB) or {}
    running = cluster.list("v1", "Pod", f"{PART}={_PART}")
    ended = {each["type"] for each in job.get("status", {}).get("conditions") or [] if each["status"] == "True"}
    if ended & {"Complete", "Failed"} and running:
        return SmokeResult("Complete" in ended, cluster.logs(running[0]["metadata"]["name"], "smoke", lines=100))
    if "Failed" in ended:
        return SmokeResult(False, "Its pod no longer exists, so there is no log to show.")
    for finding in diagnose.of_pods(cluster, _PART, clock).findings:
        say(finding.sentence)
        # A test that fails exits with an error, too; the Job then says so.
        if finding.code not in {causes.CRASHED.code, causes.STOPPED.code} and finding.is_final:
            raise UserError(f"The smoke test cannot start: {finding.sentence}", hint=finding.hint)
    return None
