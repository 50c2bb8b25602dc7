"""The two ways to the objects: an overlay built by kustomize, or a release of the Helm chart."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.render import sources
from kubeflow_metadata.installer.render.overlay import Overlay
from kubeflow_metadata.installer.render.yaml_text import dump

RELEASE = "metadata"


def built(settings: Settings, namespace: str, *, smoke: bool = False) -> list[Object]:
    """The objects of an installation, as kustomize makes them of the overlay."""
    command = _kustomize()
    with tempfile.TemporaryDirectory() as scratch:
        Overlay(settings, namespace, smoke=smoke).write(Path(scratch))
        return _documents(_run([*command, scratch]))


def templated(settings: Settings, namespace: str) -> list[Object]:
    """The objects of a release, without its test."""
    with tempfile.TemporaryDirectory() as scratch:
        values = write_values(settings, Path(scratch))
        command: list[str | Path] = [
            _helm(),
            "template",
            RELEASE,
            sources.chart(),
            "--namespace",
            namespace,
            "--no-hooks",
        ]
        return _documents(_run([*command, "--kube-version", "1.34.0", "--values", values]))


def upgrade_release(cluster: Cluster, settings: Settings) -> None:
    """Installs or upgrades the release; what kustomize installed becomes part of it."""
    helm = _helm()
    version = _run([helm, "version", "--template", "{{.Version}}"])
    options = ["--take-ownership"]
    if _major(version) >= 4:
        # What the installer applied before has it as its manager of fields.
        options += ["--server-side=true", "--force-conflicts"]
    with tempfile.TemporaryDirectory() as scratch:
        values = write_values(settings, Path(scratch))
        command: list[str | Path] = [
            helm,
            "upgrade",
            "--install",
            RELEASE,
            sources.chart(),
            *_where(cluster),
            "--values",
            values,
        ]
        _run([*command, *options])


def uninstall_release(cluster: Cluster) -> None:
    """Uninstalls the release; claim and Secret stay."""
    _run([_helm(), "uninstall", RELEASE, *_where(cluster)])


def has_release(cluster: Cluster) -> bool:
    return bool(cluster.list("v1", "Secret", _of_the_release()))


def forget_release(cluster: Cluster) -> None:
    """Lets Helm forget the release, whose objects stay."""
    for secret in cluster.list("v1", "Secret", _of_the_release()):
        cluster.delete("v1", "Secret", secret["metadata"]["name"])


def write_values(settings: Settings, directory: Path) -> Path:
    """Writes what is not at its default as a values file."""
    asked, usual = (each.model_dump(by_alias=True, mode="json") for each in (settings, Settings()))
    values = _not_default(asked, usual)
    file = directory / "values.yaml"
    file.write_text(dump(values) + "\n", encoding="utf-8")
    return file


def _not_default(asked: Any, usual: Any) -> Any:
    found = {}
    for name, value in asked.items():
        if value == usual.get(name):
            continue
        is_group = isinstance(value, dict) and isinstance(usual.get(name), dict) and usual[name]
        found[name] = _not_default(value, usual[name]) if is_group else value
    return found


def _of_the_release() -> str:
    return f"owner=helm,name={RELEASE}"


def _where(cluster: Cluster) -> list[str]:
    return ["--kube-context", cluster.context, "--namespace", cluster.namespace]


def _major(version: str) -> int:
    found = re.match(r"v?(\d+)", version)
    return int(found[1]) if found else 0


def _kustomize() -> list[str]:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    raise UserError(
        "Neither kustomize nor kubectl is installed.",
        hint="Install one of them, or use Helm: python -m installer up --engine helm",
    )


def _helm() -> str:
    if found := shutil.which("helm"):
        return found
    raise UserError("Helm is not installed.", hint="Install it, or use kustomize: up --engine kustomize")


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        name = Path(command[0]).name
        raise UserError(f"{name} {command[1]} failed.", details=done.stderr.strip())
    return done.stdout


def _documents(text: str) -> list[Object]:
    import yaml

    return [document for document in yaml.safe_load_all(text) if document]
