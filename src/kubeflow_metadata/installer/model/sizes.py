"""What a size of the installation means: CPU and memory of each part, and how MySQL and the servers fill them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubeflow_metadata.installer.model.settings import Resources, Settings

Part = Literal["mysql", "grpc", "rest", "ui"]
Amounts = dict[str, str]


@dataclass(frozen=True)
class Size:
    """One size. ``resources`` holds requests and limits of each part."""

    resources: dict[Part, dict[str, Amounts]]
    buffer_pool: str
    worker_processes: int


def _amounts(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> dict[str, Amounts]:
    return {
        "requests": {"cpu": cpu, "memory": memory},
        "limits": {"cpu": cpu_limit, "memory": memory_limit},
    }


STANDARD = Size(
    resources={
        "mysql": _amounts("100m", "384Mi", "2", "768Mi"),
        "grpc": _amounts("100m", "256Mi", "2", "512Mi"),
        "rest": _amounts("50m", "128Mi", "1", "384Mi"),
        "ui": _amounts("25m", "96Mi", "500m", "192Mi"),
    },
    buffer_pool="128M",
    worker_processes=2,
)
SMALL = Size(
    resources={
        "mysql": _amounts("50m", "256Mi", "1", "512Mi"),
        "grpc": _amounts("50m", "160Mi", "1", "384Mi"),
        "rest": _amounts("25m", "112Mi", "1", "256Mi"),
        "ui": _amounts("10m", "80Mi", "500m", "160Mi"),
    },
    buffer_pool="64M",
    worker_processes=1,
)


def size_of(settings: Settings) -> Size:
    return SMALL if settings.small.enabled else STANDARD


def resources_of(settings: Settings, part: Part) -> dict[str, Amounts]:
    """Requests and limits of a part: the size's, but for what is set."""
    asked: Resources = getattr(settings, part).resources
    given = asked.model_dump(exclude_none=True)
    return {kind: {**amounts, **given[kind]} for kind, amounts in size_of(settings).resources[part].items()}
