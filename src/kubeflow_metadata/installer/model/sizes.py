"""What a size of the installation means beside each part's CPU and memory, and what settings make of both."""

from __future__ import annotations

from dataclasses import dataclass

from kubeflow_metadata.installer.model.settings import Resources, Settings
from kubeflow_metadata.parts import Part


@dataclass(frozen=True)
class Size:
    """How MySQL and the gRPC server fill what a size gives them."""

    buffer_pool: str
    worker_processes: int


STANDARD = Size(buffer_pool="128M", worker_processes=2)
SMALL = Size(buffer_pool="64M", worker_processes=1)


def size_of(settings: Settings) -> Size:
    """Returns the size that the settings ask for."""
    return SMALL if settings.small.enabled else STANDARD


def resources_of(settings: Settings, part: Part) -> dict[str, dict[str, str]]:
    """Returns requests and limits of a part: the size's, but for what is set."""
    asked: Resources = getattr(settings, part.settings).resources
    given = asked.model_dump(exclude_none=True)
    usual = part.small if settings.small.enabled else part.standard
    return {kind: {**amounts, **given[kind]} for kind, amounts in usual.items()}
