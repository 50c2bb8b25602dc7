"""``smoke`` on a cluster: the smoke test's Job, with the image that runs there."""

from __future__ import annotations

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster import smoke as smoke_job
from kubeflow_metadata.installer.cluster.engines import choice
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.terminal import Terminal
from kubeflow_metadata.installer.verbs.target import Target
from kubeflow_metadata.parts import REST


def smoke(target: Target, terminal: Terminal) -> bool:
    """Runs the smoke test; returns whether it passed."""
    cluster = target.cluster()
    settings = _with_running_image(cluster, target.settings())
    with terminal.step("Smoke test") as step:
        # Either engine makes the same Job.
        engine = choice.first_available(choice.choose(cluster, None))
        result = smoke_job.run(cluster, engine.objects(cluster, settings), step.say)
    terminal.result({"passed": result.passed, "output": result.output.splitlines()}, result.output)
    return result.passed


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
