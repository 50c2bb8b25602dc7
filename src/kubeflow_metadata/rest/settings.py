"""Everything that can be set, with the defaults of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubeflow_metadata.rest.limits import Limits
from kubeflow_metadata.serving.budget import Budget, budget_of
from kubeflow_metadata.serving.origins import DoorPolicy

MAX_CALL_SECONDS = 65.0


@dataclass(frozen=True)
class Settings:
    """What the applications of both ports are made from; times in seconds, sizes in bytes."""

    grpc_target: str = "127.0.0.1:9090"
    grpc_timeout: float = 60.0
    max_grpc_message_length: int = 256 * 2**20
    limits: Limits = field(default_factory=Limits)
    door: DoorPolicy = field(default_factory=DoorPolicy)
    grpc_web_door: DoorPolicy = field(default_factory=DoorPolicy)
    memory_limit: int | None = None
    max_call_seconds: float = MAX_CALL_SECONDS

    @property
    def budget(self) -> Budget:
        """Returns what the memory limit allows."""
        return budget_of(self.memory_limit, self.limits.body_bytes, self.max_grpc_message_length)
