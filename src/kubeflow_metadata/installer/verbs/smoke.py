"""``smoke`` on a cluster: the smoke test's Job, with the image that runs there; or the same checks from here."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import smoke as smoke_job
from kubeflow_metadata.installer.cluster.connection.forwarding import HOST
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.ready_pods import ReadyPods
from kubeflow_metadata.installer.cluster.smoke import SmokeResult
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.recording import wanted
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import GRPC, REST, SERVERS, UI
from kubeflow_metadata.smoke import checks
from kubeflow_metadata.smoke.sample import Sample


@dataclass(frozen=True)
class Wish:
    """What is to be tested, and how.

    Attributes:
        tests: names of the tests to run; none: all.
        junit: where to write the results as JUnit XML.
        from_here: whether the checks run on this machine, through port-forwards.
    """

    tests: tuple[str, ...] = ()
    junit: Path | None = None
    from_here: bool = False


_ALL = Wish()


def smoke(target: Target, terminal: Terminal, wish: Wish = _ALL) -> bool:
    """Runs the smoke test, in the cluster or from here; returns whether it passed."""
    cluster = target.cluster()
    try:
        result = _from_here(cluster, wish, terminal) if wish.from_here else _as_job(cluster, target, wish, terminal)
    except UserError as error:
        if wish.junit:
            checks.write_junit(checks.not_run(str(error), wish.tests), wish.junit)
        raise
    if wish.junit:
        checks.write_junit(result.results, wish.junit)
    document = {
        "passed": result.passed,
        "checks": [vars(each) for each in result.results],
        "output": result.output.splitlines(),
    }
    terminal.result(document, result.output)
    return result.passed


def _as_job(cluster: Cluster, target: Target, wish: Wish, terminal: Terminal) -> SmokeResult:
    settings = _with_running_image(cluster, wanted(target, cluster).resolved.settings)
    with terminal.step("Smoke test") as step:
        # Either engine makes the same Job.
        engine = choice.first_available(choice.choose(cluster, None))
        return smoke_job.run(cluster, engine.objects(cluster, settings), step.say, tests=wish.tests)


def _from_here(cluster: Cluster, wish: Wish, terminal: Terminal) -> SmokeResult:
    """Checks the servers through port-forwards; what a pod meets on its way to them is not tested."""
    if find_spec("grpc") is None or find_spec("google.protobuf") is None:
        raise UserError(
            "The Python packages that --from-here needs are not installed.",
            hint='Run: pip install "kubeflow-metadata-server[server,cluster]"   (in a checkout: make installer)',
        )
    with ExitStack() as stack, terminal.step("Smoke test from here"):
        addresses = {}
        for part in SERVERS:
            chosen = ReadyPods(cluster, part)
            port = stack.enter_context(cluster.forward(chosen, part.services[0].target_port))
            addresses[part.name] = f"{HOST}:{port}"
        rest, ui = (f"http://{addresses[part.name]}" for part in (REST, UI))
        endpoints = {"grpc": addresses[GRPC.name], "rest": rest, "ui": ui}
        results = checks.run_checks(endpoints, Sample(endpoints["grpc"], rest), wish.tests)
    passed = not any(each.problem for each in results)
    return SmokeResult(passed, checks.report(results), tuple(results))


def _with_running_image(cluster: Cluster, settings: Settings) -> Settings:
    """Returns the settings, with the image that runs where they do not name one."""
    if settings.images.server != Settings().images.server:
        return settings
    deployment = cluster.get("apps/v1", REST.workload_kind, REST.workload)
    if deployment is None:
        hint = f"To install, run: {program.command('up')} {cluster.options}"
        raise UserError(f"Nothing is installed in namespace {cluster.namespace}.", hint=hint)
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    name, at, digest = container["image"].partition("@")
    repository, _, tag = name.rpartition(":") if not at else (name, "", settings.images.server.tag)
    server = settings.images.server.model_copy(update={"repository": repository, "tag": tag, "digest": digest})
    pull_secrets = tuple(each["name"] for each in pod.get("imagePullSecrets") or [])
    images = settings.images.model_copy(
        update={"server": server, "pull_policy": container["imagePullPolicy"], "pull_secrets": pull_secrets}
    )
    return settings.model_copy(update={"images": images})
