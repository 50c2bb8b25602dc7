"""What an ``up`` remembers: the settings that hold, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.planning.plan import Plan, SettingChange
from kubeflow_metadata.installer.cluster.port import Cluster
from kubeflow_metadata.installer.cluster.state.revisions import SettingsDocument
from kubeflow_metadata.installer.model.settings import Settings
from kubeflow_metadata.installer.polling import Clock
from kubeflow_metadata.installer.verbs.target import Target


@dataclass(frozen=True)
class Wanted:
    """The settings to install with.

    Attributes:
        settings: all of them.
        document: as given, only what is set.
        changes: what differs from the last revision.
        note: what the user should know about them; else empty.
        is_unfinished: whether the last ``up`` did not end well.
    """

    settings: Settings
    document: SettingsDocument
    changes: tuple[SettingChange, ...] = ()
    note: str = ""
    is_unfinished: bool = False


def wanted(target: Target, cluster: Cluster) -> Wanted:
    """Returns the settings that hold."""
    del cluster
    return Wanted(target.settings(), {})


@contextmanager
def recorded(cluster: Cluster, engine: Engine, settings: Wanted, plan: Plan, clock: Clock) -> Iterator[None]:
    """Records what is applied and how it ended."""
    del cluster, engine, settings, plan, clock
    yield


def uninstalled(cluster: Cluster, engine: Engine) -> None:
    """Keeps the settings for the next ``up``."""
    del cluster, engine


def forget(cluster: Cluster) -> None:
    """Deletes all that was remembered."""
    del cluster
