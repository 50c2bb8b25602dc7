"""``plan`` on a cluster: what ``up`` would do, and the stages that it shares with ``up``."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.installer import exit_codes
from kubeflow_metadata.installer.cluster import admission
from kubeflow_metadata.installer.cluster import smoke as smoke_job
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.planning import planner, text
from kubeflow_metadata.installer.cluster.planning.plan import Plan
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs import recording
from kubeflow_metadata.installer.verbs.recording import Wanted
from kubeflow_metadata.installer.verbs.target import Target


@dataclass(frozen=True)
class Installation:
    """What the stages work on, and with.

    Attributes:
        cluster: where.
        wanted: the settings.
        engine: applies.
        others: engines whose installation is there, and would be taken over.
        objects: all that is to be installed.
        smoke_test: the objects of the smoke test.
        terminal: shows progress.
        clock: tells the time.
    """

    cluster: Cluster
    wanted: Wanted
    engine: Engine
    others: tuple[Engine, ...]
    objects: tuple[Object, ...]
    smoke_test: tuple[Object, ...]
    terminal: Terminal
    clock: Clock


def plan(
    target: Target, engine_name: str | None, terminal: Terminal, clock: Clock = SYSTEM_CLOCK, *, detailed: bool = False
) -> int:
    """Shows what ``up`` would do, and changes nothing; returns the exit code.

    Args:
        target: where, and with which settings.
        engine_name: what ``--engine`` says.
        terminal: shows the plan.
        clock: tells the time.
        detailed: whether the exit code tells if anything would change, or could not.
    """
    installation = check(target, engine_name, terminal, clock)
    planned = make(installation)
    show_result(installation, planned)
    if not detailed:
        return exit_codes.OK
    if planned.findings:
        return exit_codes.FAILED
    return exit_codes.OK if planned.is_empty else exit_codes.CHANGES


def check(target: Target, engine_name: str | None, terminal: Terminal, clock: Clock) -> Installation:
    """Makes sure that there is a cluster to install on, and renders the objects, once."""
    with terminal.step("Check") as step:
        cluster = target.cluster()
        admission.refuse_terminating_namespace(cluster)
        wanted = recording.wanted(target, cluster)
        engine = choice.choose(cluster, engine_name)
        step.outcome = f"{cluster.context}, namespace {cluster.namespace}"
    if wanted.note:
        terminal.note(wanted.note)
    made = engine.objects(cluster, wanted.resolved.settings)
    return Installation(
        cluster,
        wanted,
        engine,
        tuple(other for other in choice.ENGINES if other.name != engine.name and other.owns(cluster)),
        tuple(each for each in made if not smoke_job.is_of_the_test(each)),
        tuple(each for each in made if smoke_job.is_of_the_test(each)),
        terminal,
        clock,
    )


def make(installation: Installation) -> Plan:
    """Plans; changes nothing."""
    with installation.terminal.step("Plan") as step:
        planned = replan(installation)
        step.outcome = f"{len(installation.objects)} objects, with {installation.engine.name}"
    return planned


def replan(installation: Installation) -> Plan:
    """Returns what is to be done by now."""
    return planner.make(
        installation.cluster,
        installation.engine,
        installation.objects,
        others=installation.others,
        settings=installation.wanted.resolved.changes,
    )


def show_result(installation: Installation, planned: Plan) -> None:
    """Prints a plan as the result of a command."""
    cluster = installation.cluster
    document = {"context": cluster.context, "namespace": cluster.namespace, **text.as_document(planned)}
    installation.terminal.result(document, text.render(planned, installation.terminal.result_style))
