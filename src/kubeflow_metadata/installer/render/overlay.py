"""Writes an overlay: the kustomization.yaml that installs given settings."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.catalog import in_registry
from kubeflow_metadata.installer.model.settings import MySQLImage, ServerImage, Settings
from kubeflow_metadata.installer.render import sources
from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE
from kubeflow_metadata.installer.render.patch import Patch
from kubeflow_metadata.installer.render.patches import patches
from kubeflow_metadata.installer.render.yaml_text import dump
from kubeflow_metadata.parts import GRPC, SERVERS

_DEFAULT = Settings()
_COPY = "manifests"


@dataclass(frozen=True)
class Overlay:
    """An overlay to write.

    Attributes:
        settings: the settings that it installs.
        namespace: where.
        source: the file the settings came from, as the first line names it.
        smoke: whether the smoke test's Job is in it.
    """

    settings: Settings
    namespace: str = DEFAULT_NAMESPACE
    source: str = ""
    smoke: bool = False

    def kustomization(self, manifests: str) -> str:
        """Returns the text of kustomization.yaml, given the relative path from it to the folder of the manifests."""
        environment = Environment(
            loader=PackageLoader("kubeflow_metadata.installer.render"),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - it is YAML; every value was checked by the model
            keep_trailing_newline=False,
        )
        environment.filters.update(body=_body, scalar=dump)
        text = environment.get_template("kustomization.yaml.j2").render(
            source=self.source,
            namespace=self.namespace,
            base=f"{manifests}/base",
            components=[f"{manifests}/components/{name}" for name in self._components()],
            images=self._images(),
            replicas=self._replicas(),
            patches=patches(self.settings, self.namespace, smoke=self.smoke),
        )
        return text.rstrip() + "\n"

    def write(self, directory: Path) -> Path:
        """Writes it to a directory, and a copy of the manifests beside it unless they are in a checkout.

        Raises:
            UserError: the directory cannot be written.
        """
        file = directory / "kustomization.yaml"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if sources.are_of_a_checkout():
                manifests = Path(os.path.relpath(sources.manifests(), directory.resolve()))
            else:
                manifests = Path(_COPY)
                for part in ("base", "components"):
                    target = directory / _COPY / part
                    shutil.copytree(sources.manifests() / part, target, dirs_exist_ok=True)
            file.write_text(self.kustomization(manifests.as_posix()), encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"Cannot write to {directory}: {error.strerror}.", hint="Choose another directory."
            ) from error
        return file

    def _components(self) -> list[str]:
        # In this order: later ones delete what belongs to parts that are not installed.
        asked = self.settings
        components = []
        if self.smoke:
            components.append("smoke")
        if asked.small.enabled:
            components.append("small")
        if asked.high_availability.enabled:
            components.append("high-availability")
        several = [server.name for server in SERVERS if getattr(asked, server.settings).replicas > 1]
        components += [f"disruption-budget/{name}" for name in several]
        if asked.istio.enabled:
            components.append("istio")
        if asked.ingress.enabled:
            components.append("ingress")
        if asked.gateway_api.enabled:
            components.append("gateway-api")
        if asked.monitoring.enabled:
            components.append("monitoring")
        if asked.external_mysql.enabled:
            components.append("external-mysql")
        if asked.beside_kfp.enabled:
            components.append("beside-kfp")
        return components

    def _images(self) -> list[dict[str, str]]:
        pairs: list[tuple[ServerImage | MySQLImage, ServerImage | MySQLImage]] = [
            (self.settings.images.server, _DEFAULT.images.server),
            (self.settings.images.mysql, _DEFAULT.images.mysql),
        ]
        registry = self.settings.images.registry
        return [
            {"name": usual.repository, **asked.model_dump(), "repository": in_registry(registry, asked.repository)}
            for asked, usual in pairs
            if asked != usual or registry
        ]

    def _replicas(self) -> list[tuple[str, int]]:
        servers = [server for server in SERVERS if server != GRPC or not self.settings.beside_kfp.enabled]
        counts = [(server.workload, getattr(self.settings, server.settings).replicas) for server in servers]
        return [(name, count) for name, count in counts if count > 1]


def _body(patch: Patch) -> str:
    return dump(patch.content())
