"""What an engine does: it makes the objects of an installation from its settings, and applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """Files that install settings without this program.

    Attributes:
        file: the one that was written.
        apply: the command that installs it.
    """

    file: Path
    apply: str


class Engine(Protocol):
    """One way to install on a cluster."""

    @property
    def name(self) -> str:
        """What ``--engine`` calls it."""

    def is_available(self) -> bool:
        """Returns whether its program is on the PATH."""

    def write(self, settings: Settings, namespace: str, directory: Path, source: str) -> Written:
        """Writes settings as this engine reads them; ``source`` names the file that they came from."""

    def objects(self, cluster: Cluster, settings: Settings) -> list[Object]:
        """Returns the objects of an installation, those of its smoke test included."""

    def apply(
        self, cluster: Cluster, settings: Settings, objects: list[Object], say: Say, note: Say, *, take_over: bool
    ) -> str:
        """Installs or upgrades, and prunes what is no longer wanted.

        Args:
            cluster: where.
            settings: what ``objects`` were made from.
            objects: what to apply.
            say: is told each object.
            note: is told what the user should know afterwards.
            take_over: whether another engine's installation becomes this one's.

        Returns:
            what was done, in a few words.
        """

    def owns(self, cluster: Cluster) -> bool:
        """Returns whether this engine installed what is in the namespace."""

    def release(self, cluster: Cluster) -> None:
        """Lets go of an installation, whose objects stay for another engine."""

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], say: Say) -> None:
        """Deletes these objects, and what the engine recorded about them."""
