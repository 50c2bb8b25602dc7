"""A release of the Helm chart."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer import program
from kubeflow_metadata.installer.cluster.engines.commands import documents, run
from kubeflow_metadata.installer.cluster.engines.protocol import Say, Written
from kubeflow_metadata.installer.cluster.objects import Identity, delete
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render import sources
from kubeflow_metadata.installer.render.yaml_text import dump

RELEASE = "metadata"
_SECRETS_OF_THE_RELEASE = f"owner=helm,name={RELEASE}"


class Helm:
    """``--engine helm``."""

    name = "helm"

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
        return [_without_hook(each) for each in documents(made)]

    def apply(
        self, cluster: Cluster, settings: Settings, objects: list[Object], say: Say, note: Say, *, take_over: bool
    ) -> str:
        del objects, note, take_over  # Helm renders them itself, and takes over whatever it finds
        say(f"release {RELEASE}")
        helm = _helm(cluster)
        options = ["--take-ownership"]
        if _major(run([helm, "version", "--template", "{{.Version}}"])) >= 4:
            # What kustomize installed has the installer as its field manager.
            options += ["--server-side=true", "--force-conflicts"]
        with tempfile.TemporaryDirectory() as scratch:
            values = _write_values(settings, Path(scratch))
            chart = sources.chart()
            run([helm, "upgrade", "--install", RELEASE, chart, *_where(cluster), "--values", values, *options])
        return f"release {RELEASE}"

    def owns(self, cluster: Cluster) -> bool:
        return bool(cluster.list("v1", "Secret", _SECRETS_OF_THE_RELEASE))

    def release(self, cluster: Cluster) -> None:
        for secret in cluster.list("v1", "Secret", _SECRETS_OF_THE_RELEASE):
            cluster.delete("v1", "Secret", secret["metadata"]["name"])

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], say: Say) -> None:
        say(f"release {RELEASE}")
        run([_helm(cluster), "uninstall", RELEASE, *_where(cluster)])
        delete(cluster, identities, say)


def _write_values(settings: Settings, directory: Path) -> Path:
    """Writes what is not at its default as a values file."""
    asked, usual = (each.model_dump(by_alias=True, mode="json") for each in (settings, Settings()))
    file = directory / "values.yaml"
    file.write_text(dump(_not_default(asked, usual)) + "\n", encoding="utf-8")
    return file


def _not_default(asked: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    changed = {}
    for name, value in asked.items():
        if value == usual.get(name):
            continue
        is_group = isinstance(value, dict) and isinstance(usual.get(name), dict) and usual[name]
        changed[name] = _not_default(value, usual[name]) if is_group else value
    return changed


def _without_hook(made: Object) -> Object:
    """Returns an object of the chart's test as one that can be applied by itself."""
    annotations = made["metadata"].get("annotations") or {}
    if "helm.sh/hook" not in annotations:
        return made
    kept = {key: value for key, value in annotations.items() if not key.startswith("helm.sh/hook")}
    metadata = {key: value for key, value in made["metadata"].items() if key != "annotations"}
    return {**made, "metadata": {**metadata, "annotations": kept} if kept else metadata}


def _where(cluster: Cluster) -> list[str]:
    return ["--kube-context", cluster.context, "--namespace", cluster.namespace]


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
