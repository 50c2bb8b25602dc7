"""Which installation on a cluster a verb is about, and with which settings."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kubeflow_metadata.installer.render.names import DEFAULT_NAMESPACE

if TYPE_CHECKING:
    from kubeflow_metadata.installer.cluster.port import Cluster
    from kubeflow_metadata.installer.model.settings import Settings


@dataclass(frozen=True)
class Target:
    """Where, and with which settings.

    Attributes:
        context: of the kubeconfig; none: its current one.
        namespace: of the installation.
        file: the settings.
        assignments: settings as ``name=value``, over those of the file.
        reset: whether the settings of earlier runs are dropped.
    """

    context: str | None = None
    namespace: str = DEFAULT_NAMESPACE
    file: Path | None = None
    assignments: tuple[str, ...] = ()
    reset: bool = False

    @property
    def options(self) -> str:
        """How commands in hints are pointed at this installation: ours, kubectl's."""
        context = [] if self.context is None else ["--context", self.context]
        return shlex.join([*context, "-n", self.namespace])

    def settings(self) -> Settings:
        """Returns the settings, checked."""
        from kubeflow_metadata.installer.model.loading import load_settings

        return load_settings(self.file, self.assignments)

    def cluster(self) -> Cluster:
        """Connects to the cluster."""
        from kubeflow_metadata.installer.cluster.connection.kubeconfig import connect

        return connect(self.context, self.namespace)
