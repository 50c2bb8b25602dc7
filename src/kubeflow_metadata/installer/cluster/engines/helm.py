"""A release of the Helm chart."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.engines import helm_records as records
from kubeflow_metadata.installer.cluster.engines.commands import documents, run
from kubeflow_metadata.installer.cluster.engines.protocol import Progress, Say, Written
from kubeflow_metadata.installer.cluster.objects import PART, Identity, delete
from kubeflow_metadata.installer.cluster.planning import execution
from kubeflow_metadata.installer.cluster.planning.plan import Action, Plan
from kubeflow_metadata.installer.cluster.port import Cluster, ForbiddenError, Object
from kubeflow_metadata.installer.cluster.state import helm_releases
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render import sources
from kubeflow_metadata.installer.render.yaml_text import dump

RELEASE = helm_releases.RELEASE
# As it names itself to the cluster.
_MANAGER = "helm"
_HOOK = "helm.sh/hook"
_RELEASE_NAME = "meta.helm.sh/release-name"
# How many revisions are looked at for what is no longer wanted.
_LOOK_BACK = 3


class Helm:
    """``--engine helm``."""

    name = "helm"
    keeps_history = True

    def is_available(self) -> bool:
        return shutil.which("helm") is not None

    def write(self, settings: Settings, namespace: str, directory: Path, source: str) -> Written:
        del source  # a values file holds nothing but the settings
        try:
            directory.mkdir(parents=True, exist_ok=True)
            file = _write_values(settings, directory)
        except OSError as error:
            raise UserError(
                f"Cannot write to {directory}: {error.strerror}.", hint="Choose another directory."
            ) from error
        return Written(file, f"helm upgrade --install {RELEASE} charts/metadata -n {namespace} -f {file}")

    def objects(self, cluster: Cluster, settings: Settings) -> list[Object]:
        with tempfile.TemporaryDirectory() as scratch:
            values = _write_values(settings, Path(scratch))
            where = ["--namespace", cluster.namespace, "--kube-version", cluster.version()]
            made = run([_helm(cluster), "template", RELEASE, sources.chart(), *where, "--values", values])
        return [_as_applied(each, cluster.namespace) for each in documents(made)]

    def manager(self, cluster: Cluster) -> str:
        del cluster
        return _MANAGER

    def is_exact(self, cluster: Cluster) -> bool:
        return _applies_on_the_server(_helm(cluster))

    def recorded(self, cluster: Cluster) -> set[Identity]:
        # Of a revision that failed, too: Helm itself would leave what only that one installed.
        return {each for record in records.read(cluster)[:_LOOK_BACK] for each in record.identities}

    def apply(self, cluster: Cluster, settings: Settings, plan: Plan, progress: Progress) -> str:
        helm = _helm(cluster)
        _recover(cluster, progress.note)
        for each in plan.pending:
            progress.check()
            execution.prepare(cluster, each, _MANAGER, progress.clock)
        progress.check()
        progress.say(f"release {RELEASE}")
        options = ["--take-ownership"]
        if _applies_on_the_server(helm):
            options += ["--server-side=true", "--force-conflicts"]
        with tempfile.TemporaryDirectory() as scratch:
            values = _write_values(settings, Path(scratch))
            chart = sources.chart()
            run([helm, "upgrade", "--install", RELEASE, chart, *_where(cluster), "--values", values, *options])
        unwanted = [each.identity for each in plan.of(Action.DELETE)]
        delete(cluster, unwanted, progress.say, progress.check)
        return f"release {RELEASE}, {len(plan.pending) - len(unwanted)} applied, {len(unwanted)} deleted"

    def owns(self, cluster: Cluster) -> bool:
        try:
            return bool(records.read(cluster))
        except ForbiddenError:
            # Who may not read Secrets sees by what Helm wrote on the objects.
            workloads = cluster.list("apps/v1", "Deployment", PART)
            return any(_RELEASE_NAME in (each["metadata"].get("annotations") or {}) for each in workloads)

    def loss(self, cluster: Cluster) -> str:
        count = len(records.read(cluster))
        return f"its history of release {RELEASE} ({count} {'revision' if count == 1 else 'revisions'})"

    def release(self, cluster: Cluster) -> None:
        self.forget(cluster)

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], progress: Progress) -> None:
        kept = records.read(cluster)
        if kept and kept[0].status != records.UNINSTALLED:
            progress.say(f"release {RELEASE}")
            run([_helm(cluster), "uninstall", RELEASE, *_where(cluster), "--keep-history"])
        delete(cluster, identities, progress.say, progress.check)

    def forget(self, cluster: Cluster) -> None:
        for each in records.read(cluster):
            records.delete(cluster, each)


def _recover(cluster: Cluster, note: Say) -> None:
    """Deletes the records of revisions that Helm did not end, for which it would reject every other one.

    The Lease is held, so that nobody works on them any longer. What they applied is upgraded like anything else.
    """
    for record in records.read(cluster):
        if record.is_pending:
            note(
                f"Revision {record.revision} of release {RELEASE} was interrupted ({record.status}). "
                "Its record is deleted, and the installation continued."
            )
            records.delete(cluster, record)


def _write_values(settings: Settings, directory: Path) -> Path:
    """Writes what was given, or is not at its default, as a values file.

    What was given at its default is a wish, too: it holds when the default changes.
    """
    asked, usual = (each.model_dump(by_alias=True, mode="json") for each in (settings, Settings()))
    given = settings.model_dump(by_alias=True, mode="json", exclude_unset=True)
    file = directory / "values.yaml"
    file.write_text(dump(_joined(given, _not_default(asked, usual))) + "\n", encoding="utf-8")
    return file


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is in either; of what is in both, groups are joined, and values are the other's."""
    joined = {**one, **other}
    for name in one.keys() & other.keys():
        if isinstance(one[name], dict) and isinstance(other[name], dict):
            joined[name] = _joined(one[name], other[name])
    return joined


def _not_default(asked: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    changed = {}
    for name, value in asked.items():
        if value == usual.get(name):
            continue
        is_group = isinstance(value, dict) and isinstance(usual.get(name), dict) and usual[name]
        changed[name] = _not_default(value, usual[name]) if is_group else value
    return changed


def _as_applied(made: Object, namespace: str) -> Object:
    """Returns an object as Helm applies it; one of the chart's test as it can be applied by itself."""
    metadata = {"namespace": namespace, **made["metadata"]}
    annotations, labels = metadata.pop("annotations", None) or {}, metadata.pop("labels", None) or {}
    if _HOOK in annotations:
        annotations = {key: value for key, value in annotations.items() if not key.startswith(_HOOK)}
    else:
        annotations |= {_RELEASE_NAME: RELEASE, "meta.helm.sh/release-namespace": namespace}
        labels |= {"app.kubernetes.io/managed-by": "Helm"}
    metadata |= {"labels": labels} if labels else {}
    metadata |= {"annotations": annotations} if annotations else {}
    return {**made, "metadata": metadata}


def _where(cluster: Cluster) -> list[str]:
    context = ["--kube-context", cluster.context] if cluster.context else []
    return [*context, "--namespace", cluster.namespace]


@cache
def _applies_on_the_server(helm: str) -> bool:
    return _major(run([helm, "version", "--template", "{{.Version}}"])) >= 4


def _major(version: str) -> int:
    matched = re.match(r"v?(\d+)", version)
    return int(matched[1]) if matched else 0


def _helm(cluster: Cluster) -> str:
    if path := shutil.which("helm"):
        return path
    raise UserError(
        "Helm is not installed.",
        hint=f"Install it, or use kustomize: {program.command('up --engine kustomize')} {cluster.options}",
    )
