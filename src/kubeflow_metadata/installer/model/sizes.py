"""What a size of the installation means beside each part's CPU and memory, and what settings make of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubeflow_metadata.installer.model.quantities import MIB, in_bytes, millicores, mysql_bytes
from kubeflow_metadata.parts import DB, GRPC, Part

if TYPE_CHECKING:
    from kubeflow_metadata.installer.model.settings import Resources, Settings


@dataclass(frozen=True)
class Size:
    """How MySQL and the gRPC server fill what a size gives them."""

    buffer_pool: str
    worker_processes: int


STANDARD = Size(buffer_pool="128M", worker_processes=2)
SMALL = Size(buffer_pool="64M", worker_processes=1)

# Memory without which the gRPC server ends in an OOM kill, for each worker process (idle, one takes 40); and what MySQL
# needs for its buffer pool, whose bookkeeping takes a tenth.
WORKER_PROCESS_MIB = 48
BUFFER_POOL_PERCENT = 110

_AMOUNTS: dict[str, Callable[[str], float]] = {"cpu": millicores, "memory": in_bytes}


def size_of(settings: Settings) -> Size:
    """Returns the size that the settings ask for."""
    return SMALL if settings.small.enabled else STANDARD


def resources_of(settings: Settings, part: Part) -> dict[str, dict[str, str]]:
    """Returns requests and limits of a part: what is set, else the size's, which follows what is set beyond it."""
    asked: Resources = getattr(settings, part.settings).resources
    given = asked.model_dump(exclude_none=True)
    usual = part.small if settings.small.enabled else part.standard
    found = {kind: {**amounts, **given[kind]} for kind, amounts in usual.items()}
    for name, amount in _AMOUNTS.items():
        request, limit = found["requests"][name], found["limits"][name]
        if amount(request) <= amount(limit):
            continue
        if name not in given["limits"]:
            found["limits"][name] = request
        elif name not in given["requests"]:
            found["requests"][name] = limit
    return found


def contradictions(settings: Settings, part: Part) -> list[str]:
    """Returns a sentence for each amount that contradicts another one, or with which the part cannot run."""
    path = f"{part.settings}.resources"
    resources = resources_of(settings, part)
    problems = []
    for name, amount in _AMOUNTS.items():
        request, limit = resources["requests"][name], resources["limits"][name]
        if amount(request) > amount(limit):
            problems.append(
                f"{path}.requests.{name} ({request}) exceeds {path}.limits.{name} ({limit}): "
                "raise the limit, or lower the request."
            )
    limit = resources["limits"]["memory"]
    least = least_memory_mib(settings, part)
    if in_bytes(limit) < least * MIB:
        reason, remedy = _explained(settings, part)
        problems.append(f"{path}.limits.memory ({limit}) is too small{reason}: set it to {least}Mi or more{remedy}.")
    return problems


def least_memory_mib(settings: Settings, part: Part) -> int:
    """Returns the memory without which a part cannot run, in MiB."""
    if part == GRPC:
        return part.least_memory_mib + WORKER_PROCESS_MIB * _worker_processes(settings)
    if part == DB:
        return part.least_memory_mib + mysql_bytes(_buffer_pool(settings)) // MIB * BUFFER_POOL_PERCENT // 100
    return part.least_memory_mib


def _explained(settings: Settings, part: Part) -> tuple[str, str]:
    if part == GRPC:
        return f" for grpc.workerProcesses ({_worker_processes(settings)})", ", or lower grpc.workerProcesses"
    if part == DB:
        return f" for mysql.bufferPool ({_buffer_pool(settings)})", ", or lower mysql.bufferPool"
    return "", ""


def _worker_processes(settings: Settings) -> int:
    return settings.grpc.worker_processes or size_of(settings).worker_processes


def _buffer_pool(settings: Settings) -> str:
    return settings.mysql.buffer_pool or size_of(settings).buffer_pool
