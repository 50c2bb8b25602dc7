"""What is known of one revision of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeflow_metadata.installer.cluster.objects import Identity

SettingsDocument = Mapping[str, Any]

IN_PROGRESS, DEPLOYED, FAILED = "in progress", "deployed", "failed"
SUPERSEDED, UNINSTALLED, UNREADABLE = "superseded", "uninstalled", "unreadable"


@dataclass(frozen=True)
class Revision:
    """One revision of an installation.

    Attributes:
        number: from 1 on.
        engine: ``kustomize`` or ``helm``.
        version: of Kubeflow Metadata that was installed.
        settings: as given, only what was set.
        objects: what was applied.
        images: the images' references, with digests where known, by container.
        outcome: ``in progress``, ``deployed``, ``failed``, ``superseded``, ``uninstalled``, or ``unreadable`` where
            its record is damaged.
        created: when it began, as Kubernetes writes times.
        reason: why it failed; else empty.
    """

    number: int
    engine: str
    version: str
    settings: SettingsDocument
    objects: tuple[Identity, ...] = ()
    images: Mapping[str, str] | None = None
    outcome: str = IN_PROGRESS
    created: str = ""
    reason: str = ""
