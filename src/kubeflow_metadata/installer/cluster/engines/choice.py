"""Which engine to use: the one that is asked for, or the one that installed what is there."""

from __future__ import annotations

from kubeflow_metadata.installer.cluster.engines.helm import Helm
from kubeflow_metadata.installer.cluster.engines.kustomize import Kustomize
from kubeflow_metadata.installer.cluster.engines.protocol import Engine
from kubeflow_metadata.installer.cluster.port import Cluster

# The default comes first.
ENGINES: tuple[Engine, ...] = (Kustomize(), Helm())


def named(name: str) -> Engine:
    """Returns the engine that ``--engine`` calls so."""
    return next(engine for engine in ENGINES if engine.name == name)


def owner(cluster: Cluster) -> Engine | None:
    """Returns the engine that installed what is in the namespace; None where none of them did."""
    return next((engine for engine in reversed(ENGINES) if engine.owns(cluster)), None)


def choose(cluster: Cluster, name: str | None) -> Engine:
    """Returns the engine to install with: the named one, else the owner, else the first whose program is there."""
    return named(name) if name else owner(cluster) or first_available(ENGINES[0])


def first_available(preferred: Engine) -> Engine:
    """Returns the preferred engine, or another one where only that one's program is there."""
    return next((engine for engine in (preferred, *ENGINES) if engine.is_available()), preferred)
