"""What an engine does: it makes the objects of an installation from its settings, and applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubeflow_metadata.installer.cluster.objects import Identity
from kubeflow_metadata.installer.cluster.planning.plan import Plan
from kubeflow_metadata.installer.cluster.port import Cluster, Object
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.polling import SYSTEM_CLOCK, Clock

Say = Callable[[str], None]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Written:
    """Files that install settings without this program.

    Attributes:
        file: the one that was written.
        apply: the command that installs it.
    """

    file: Path
    apply: str


@dataclass(frozen=True)
class Progress:
    """What an engine tells and asks while it works.

    Attributes:
        say: is told each object.
        note: is told what the user should know afterwards.
        check: is called between two objects; raises an error where the engine is to stop.
        clock: tells the time.
    """

    say: Say
    note: Say
    check: Callable[[], None] = _nothing
    clock: Clock = SYSTEM_CLOCK


class Engine(Protocol):
    """One way to install on a cluster."""

    @property
    def name(self) -> str:
        """What ``--engine`` calls it."""

    @property
    def keeps_history(self) -> bool:
        """Whether it keeps revisions itself, settings included."""

    def is_available(self) -> bool:
        """Returns whether its program is on the PATH."""

    def write(self, settings: Settings, namespace: str, directory: Path, source: str) -> Written:
        """Writes settings as this engine reads them; ``source`` names the file that they came from."""

    def objects(self, cluster: Cluster, settings: Settings) -> list[Object]:
        """Returns the objects of an installation as they are applied, those of its smoke test included."""

    def manager(self, cluster: Cluster) -> str:
        """Returns the name under which it applies objects."""

    def is_exact(self, cluster: Cluster) -> bool:
        """Returns whether it applies on the server's side, so that a dry run tells all that it will do."""

    def recorded(self, cluster: Cluster) -> set[Identity]:
        """Returns what it applied before, to prune what is no longer wanted."""

    def apply(self, cluster: Cluster, settings: Settings, plan: Plan, progress: Progress) -> str:
        """Carries out a plan.

        Returns:
            what was done, in a few words.
        """

    def owns(self, cluster: Cluster) -> bool:
        """Returns whether this engine installed what is in the namespace, or keeps its history."""

    def loss(self, cluster: Cluster) -> str:
        """Returns what is lost when another engine takes over."""

    def release(self, cluster: Cluster) -> None:
        """Lets go of an installation, whose objects stay for another engine."""

    def uninstall(self, cluster: Cluster, identities: Iterable[Identity], progress: Progress) -> None:
        """Deletes these objects, and what is recorded of them; what ``up`` starts from again is kept."""

    def forget(self, cluster: Cluster) -> None:
        """Deletes what was kept."""
