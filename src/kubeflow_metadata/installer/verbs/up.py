"""``up`` on a cluster, in stages: check, plan, apply, wait, smoke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster import admission, rollouts
from kubeflow_metadata.installer.cluster import smoke as smoke_job
from kubeflow_metadata.installer.cluster.checks import codes, images, probe, quota, references, running, storage
from kubeflow_metadata.installer.cluster.checks.result import Severity
from kubeflow_metadata.installer.cluster.checks.subject import Subject
from kubeflow_metadata.installer.cluster.endpoints import endpoints
from kubeflow_metadata.installer.cluster.engines.protocol import Progress
from kubeflow_metadata.installer.cluster.planning import gitops, planner, text
from kubeflow_metadata.installer.cluster.planning.plan import Plan, divergences
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.state import lease
from kubeflow_metadata.installer.cluster.state.lease import Lease
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import plan as planning
from kubeflow_metadata.installer.verbs import recording
from kubeflow_metadata.installer.verbs.plan import Installation
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import REST

Confirm = Callable[[str], bool]


@dataclass(frozen=True)
class Wishes:
    """How ``up`` is to go about it.

    Attributes:
        take_over: whether to take over from another engine, Argo CD or Flux.
        dry_run: whether to show the plan and do nothing.
        smoke: whether to run the smoke test; None: where something changed.
        checks: whether to look at quotas, storage and what the settings refer to before anything is applied.
    """

    take_over: bool = False
    dry_run: bool = False
    smoke: bool | None = None
    checks: bool = True


# What a plan does not tell: admission in a dry run looks neither at quotas nor at what objects refer to.
CHECKS = (
    running.Group(codes.QUOTA, quota.room),
    running.Group(codes.STORAGE_CLASS, storage.claim),
    running.Group(codes.PULL_SECRETS, images.pull_secrets),
    running.Group(codes.REFERENCES, references.provided),
)
_USUAL = Wishes()


def up(
    target: Target,
    engine_name: str | None,
    seconds: int,
    terminal: Terminal,
    clock: Clock = SYSTEM_CLOCK,
    wishes: Wishes = _USUAL,
    confirm: Confirm | None = None,
) -> None:
    """Applies what differs, waits for it, runs the smoke test, and says how to open it.

    Args:
        target: where, and with which settings.
        engine_name: what ``--engine`` says.
        seconds: the longest wait for readiness.
        terminal: shows progress and the result.
        clock: tells the time.
        wishes: what is left out, and what is allowed.
        confirm: asks a question; None where nobody is asked.
    """
    started = clock.monotonic()
    installation = planning.check(target, engine_name, terminal, clock)
    planned = planning.make(installation)
    if wishes.dry_run:
        planning.show_result(installation, planned)
        return
    preflight(installation, planned, wishes)
    if _is_nothing(installation, planned):
        terminal.show(f"Nothing to change: {len(planned.changes)} objects are as wanted.")
        wait(installation, seconds)
        if wishes.smoke:
            smoke(installation)
    else:
        if wishes.checks:
            require_checks(installation)
        terminal.show(text.render(planned, terminal.style))
        if confirm and not confirm(f"Apply this to {_where(installation.cluster)}?"):
            raise UserError("Not confirmed: nothing was changed.")
        _carry_out(installation, planned, seconds, smokes=wishes.smoke is not False)
    elapsed = clock.monotonic() - started
    cluster = installation.cluster
    services = endpoints(cluster.namespace, installation.wanted.resolved.settings)
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "engine": installation.engine.name,
        "version": version(SERVER_NAME),
        "seconds": round(elapsed, 1),
        "changes": planned.counts,
        "services": services,
    }
    terminal.result(document, _closing_screen(cluster, services, elapsed))


def preflight(installation: Installation, planned: Plan, wishes: Wishes) -> None:
    """Makes sure that the plan can be carried out, and may be.

    Raises:
        UserError: the cluster would reject it, or it takes over from another tool and nobody asked for that.
    """
    cluster = installation.cluster
    if planned.findings:
        first = planned.findings[0]
        if len(planned.findings) == 1:
            raise UserError(first.sentence, details=first.details, hint=first.hint)
        hints = dict.fromkeys(each.hint for each in planned.findings if each.hint)
        raise UserError(
            "The cluster would reject this; nothing was changed:",
            details="\n".join(
                line for each in planned.findings for line in (each.sentence, *each.details.splitlines())
            ),
            hint="\n".join(hints),
        )
    if wishes.take_over:
        return
    if planned.managed:
        raise gitops.refusal(cluster, dict(planned.managed), "up")
    for other in installation.others:
        raise UserError(
            f"{other.name} installed what is in namespace {cluster.namespace}. "
            f"If {installation.engine.name} takes over, {other.name} loses {other.loss(cluster)}.",
            hint=f"To keep it, use --engine {other.name}. To take over, run: "
            f"{program.command('up')} {cluster.options} --engine {installation.engine.name} --take-over",
        )


def require_checks(installation: Installation) -> None:
    """Makes sure of what a plan does not tell.

    Raises:
        UserError: a check failed.
    """
    cluster, terminal = installation.cluster, installation.terminal
    subject = Subject(cluster, installation.wanted.resolved.settings, installation.engine, installation.clock)
    subject.made = [*installation.objects, *installation.smoke_test]
    results = list(running.run(subject, CHECKS))
    if subject.settings.external_mysql.enabled and not subject.lacks_namespace:
        with terminal.step("External database") as step:
            tried = probe.run(subject, step.glimpse)
            step.outcome = tried.sentence
        if tried.severity is Severity.FAILED:
            results.append(tried)
    failed = [each for each in results if each.severity is Severity.FAILED]
    for each in results:
        if each.severity is Severity.WARNING:
            terminal.note(f"{each.code} {each.sentence}")
    if failed:
        lines = [line for each in failed for line in (f"{each.code} {each.sentence}", *each.details.splitlines())]
        alone = len(failed) == 1
        raise UserError(
            f"{failed[0].sentence} [{failed[0].code}]" if alone else "Checks failed; nothing was changed:",
            details=failed[0].details if alone else "\n".join(lines),
            hint="\n".join(dict.fromkeys(each.hint for each in failed if each.hint))
            + f"\nTo go on regardless: {program.command('up')} {cluster.options} --skip-checks",
        )


def apply(installation: Installation, planned: Plan, held: Lease) -> None:
    """Applies what was planned."""
    cluster, terminal = installation.cluster, installation.terminal
    with terminal.step("Apply") as step:
        smoke_job.remove(cluster, installation.clock)
        progress = Progress(step.glimpse, terminal.note, held.check, installation.clock)
        step.outcome = installation.engine.apply(cluster, installation.wanted.resolved.settings, planned, progress)
        for other in installation.others:
            other.release(cluster)


def wait(installation: Installation, seconds: float) -> None:
    """Waits until everything runs."""
    workloads = [
        (each["kind"], each["metadata"]["name"]) for each in installation.objects if kinds.is_workload(each["kind"])
    ]
    with installation.terminal.step("Wait") as step:
        rollouts.wait(installation.cluster, workloads, seconds, step.say, installation.clock)
        step.outcome = f"{len(workloads)} workloads ready"


def smoke(installation: Installation) -> None:
    """Logs the demo and reads it back, from inside the cluster.

    Raises:
        UserError: a check failed.
    """
    cluster = installation.cluster
    with installation.terminal.step("Smoke test") as step:
        result = smoke_job.run(cluster, installation.smoke_test, step.say, installation.clock)
        step.outcome = result.output.splitlines()[-1] if result.output else ""
    if not result.passed:
        raise UserError(
            "Everything is running, but the smoke test failed:",
            details=result.output,
            hint=f"For details, run: {cluster.kubectl} logs deployment/{REST.workload}",
        )


def _where(cluster: Cluster) -> str:
    context = f" of context {cluster.context}" if cluster.context else ""
    return f"namespace {cluster.namespace}{context}"


def _is_nothing(installation: Installation, planned: Plan) -> bool:
    wanted = installation.wanted
    return planned.is_empty and not wanted.resolved.changes and not wanted.is_unfinished


def _carry_out(installation: Installation, planned: Plan, seconds: float, *, smokes: bool) -> None:
    """Applies, waits and smokes, while no other command changes the installation."""
    cluster, clock = installation.cluster, installation.clock
    if admission.ensure_namespace(cluster):
        installation.terminal.show(f"Created namespace {cluster.namespace}.")
    with lease.held(cluster, "up", clock, installation.terminal.note) as held:
        current = _confirmed(installation, planned)
        with recording.recorded(cluster, installation.engine, installation.wanted, current, clock):
            apply(installation, current, held)
            wait(installation, seconds)
            held.check()
            if smokes:
                smoke(installation)


def _confirmed(installation: Installation, shown: Plan) -> Plan:
    """Returns the plan as it is now that nobody else changes the installation.

    Raises:
        UserError: it is not the one that was shown.
    """
    cluster = installation.cluster
    if shown.admission_checked and planner.is_current(cluster, installation.engine, shown):
        return shown
    current = planning.replan(installation)
    if found := divergences(shown, current):
        raise UserError(
            "The cluster has changed since the plan was made; nothing was applied.",
            details="\n".join(found),
            hint=f"To plan again, run: {program.command('up')} {cluster.options}",
        )
    preflight(installation, current, Wishes(take_over=True))
    return current


def _closing_screen(cluster: Cluster, services: Mapping[str, str], seconds: float) -> str:
    gateway = f"\n  Gateway          {services['gateway']}" if "gateway" in services else ""
    return f"""
Kubeflow Metadata is up after {seconds:.0f} s.

  Open the Artifact Store:
    {program.command("open")} {cluster.options}

  In the cluster:
  Artifact Store   {services["ui"]}
  REST             {services["rest"]}/api/v1alpha1/artifacts
  gRPC             {services["grpc"]}{gateway}

From Python, in the cluster:
  from kfmd import metadata
  workspace = metadata.Workspace(backend_url_prefix="{services["rest"].removeprefix("http://")}", name="my-workspace")

Next: {program.command("open|status|logs|smoke|down")} {cluster.options}
""".lstrip()
