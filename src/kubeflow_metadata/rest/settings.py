"""Everything that can be set, with the defaults of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubeflow_metadata.rest.limits import Limits


@dataclass(frozen=True)
class Settings:
    """What the applications of both ports are made from."""

    grpc_target: str = "127.0.0.1:9090"
    grpc_timeout: float = 60.0
    max_grpc_message_length: int = 256 * 2**20
    limits: Limits = field(default_factory=Limits)
    grpc_web_allowed_origins: Sequence[str] = ()
