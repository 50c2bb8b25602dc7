"""``up`` on a cluster, in stages: check, plan, apply, wait, smoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import kinds, program
from kubeflow_metadata.installer.catalog import SERVER_NAME
from kubeflow_metadata.installer.cluster import admission, rollouts
from kubeflow_metadata.installer.cluster import smoke as smoke_job
from kubeflow_metadata.installer.cluster.endpoints import endpoints
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import REST, UI


@dataclass(frozen=True)
class Installation:
    """What the stages work on, and with."""

    cluster: Cluster
    settings: Settings
    engine: Engine
    terminal: Terminal
    clock: Clock


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        objects: to apply.
        smoke_test: the objects of the smoke test.
        owners: other engines, whose installation is taken over.
    """

    objects: list[Object]
    smoke_test: list[Object]
    owners: list[Engine]

    @property
    def workloads(self) -> list[tuple[str, str]]:
        """Kind and name of each object that runs pods."""
        return [(each["kind"], each["metadata"]["name"]) for each in self.objects if kinds.is_workload(each["kind"])]


def up(target: Target, engine_name: str | None, seconds: int, terminal: Terminal, clock: Clock = SYSTEM_CLOCK) -> None:
    """Applies everything, waits for it, runs the smoke test, and says how to open it."""
    started = clock.monotonic()
    installation = check(target, engine_name, terminal, clock)
    planned = plan(installation)
    apply(installation, planned)
    wait(installation, planned, seconds)
    smoke(installation, planned)
    elapsed = clock.monotonic() - started
    cluster = installation.cluster
    services = endpoints(cluster.namespace, installation.settings)
    document = {
        "context": cluster.context,
        "namespace": cluster.namespace,
        "engine": installation.engine.name,
        "version": version(SERVER_NAME),
        "seconds": round(elapsed, 1),
        "services": services,
    }
    terminal.result(document, _closing_screen(cluster, services, elapsed))


def check(target: Target, engine_name: str | None, terminal: Terminal, clock: Clock) -> Installation:
    """Makes sure that there is a cluster to install on."""
    settings = target.settings()
    with terminal.step("Check") as step:
        cluster = target.cluster()
        admission.refuse_terminating_namespace(cluster)
        step.outcome = f"{cluster.context}, namespace {cluster.namespace}"
    return Installation(cluster, settings, choice.choose(cluster, engine_name), terminal, clock)


def plan(installation: Installation) -> Plan:
    """Makes the objects, once; changes nothing."""
    cluster, engine = installation.cluster, installation.engine
    with installation.terminal.step("Plan") as step:
        made = engine.objects(cluster, installation.settings)
        objects = [each for each in made if not smoke_job.is_of_the_test(each)]
        smoke_test = [each for each in made if smoke_job.is_of_the_test(each)]
        admission.refuse_others(cluster, objects)
        owners = [other for other in choice.ENGINES if other.name != engine.name and other.owns(cluster)]
        step.outcome = f"{len(objects)} objects, with {engine.name}"
    return Plan(objects, smoke_test, owners)


def apply(installation: Installation, planned: Plan) -> None:
    """Applies what was planned."""
    cluster, terminal = installation.cluster, installation.terminal
    with terminal.step("Apply") as step:
        created = "namespace created, " if admission.ensure_namespace(cluster) else ""
        smoke_job.remove(cluster, installation.clock)
        outcome = installation.engine.apply(
            cluster,
            installation.settings,
            planned.objects,
            step.glimpse,
            terminal.note,
            take_over=bool(planned.owners),
        )
        for other in planned.owners:
            other.release(cluster)
        step.outcome = created + outcome


def wait(installation: Installation, planned: Plan, seconds: float) -> None:
    """Waits until everything runs."""
    with installation.terminal.step("Wait") as step:
        rollouts.wait(installation.cluster, planned.workloads, seconds, step.say, installation.clock)
        step.outcome = f"{len(planned.workloads)} workloads ready"


def smoke(installation: Installation, planned: Plan) -> None:
    """Logs the demo and reads it back, from inside the cluster.

    Raises:
        UserError: a check failed.
    """
    with installation.terminal.step("Smoke test") as step:
        result = smoke_job.run(installation.cluster, planned.smoke_test, step.say, installation.clock)
        step.outcome = result.output.splitlines()[-1] if result.output else ""
    if not result.passed:
        raise UserError(
            "Everything is running, but the smoke test failed:",
            details=result.output,
            hint=f"For details, run: {installation.cluster.kubectl} logs deployment/{REST.workload}",
        )


def _closing_screen(cluster: Cluster, services: Mapping[str, str], seconds: float) -> str:
    gateway = f"\n  Gateway          {services['gateway']}" if "gateway" in services else ""
    page = UI.services[0]
    return f"""
Kubeflow Metadata is up after {seconds:.0f} s.

  Open the Artifact Store:
    {cluster.kubectl} port-forward service/{page.name} {UI.local_port}:{page.port}
    then http://127.0.0.1:{UI.local_port}

  In the cluster:
  Artifact Store   {services["ui"]}
  REST             {services["rest"]}/api/v1alpha1/artifacts
  gRPC             {services["grpc"]}{gateway}

From Python, in the cluster:
  from kfmd import metadata
  workspace = metadata.Workspace(backend_url_prefix="{services["rest"].removeprefix("http://")}", name="my-workspace")

Next: {program.command("status|smoke|down")} {cluster.options}
""".lstrip()
