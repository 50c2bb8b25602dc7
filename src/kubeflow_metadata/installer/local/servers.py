"""The servers as processes of this machine: how each is started, and how to see that it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubeflow_metadata.installer.local.ports import HOST
from kubeflow_metadata.parts import GRPC, REST, UI, Part
from kubeflow_metadata.smoke import neighbours

_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Server:
    """A part as a process of this machine.

    Attributes:
        part: its entry in the table of parts.
        command: its command line from the ports of all servers and the database file.
        answers: whether it answers on a port and can do its work.
    """

    part: Part
    command: Callable[[Mapping[str, int], Path], list[str]]
    answers: Callable[[int], bool]

    @property
    def name(self) -> str:
        """What users call it: ``logs --local NAME``."""
        return self.part.name

    @property
    def title(self) -> str:
        """What it is, in messages."""
        return self.part.title


def _http_ready(port: int) -> bool:
    try:
        neighbours.get(f"http://{HOST}:{port}/readyz", _PROBE_TIMEOUT_SECONDS)
    except OSError:
        return False
    return True


def _grpc_serving(port: int) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2

    with neighbours.channel(f"{HOST}:{port}") as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=_PROBE_TIMEOUT_SECONDS)
        except grpc.RpcError:
            return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING


def _grpc_command(ports: Mapping[str, int], database: Path) -> list[str]:
    return [
        *_python(GRPC),
        f"--grpc_host={HOST}",
        f"--grpc_port={ports['grpc']}",
        # Whatever database the environment's KFM_MLMD_* name.
        "--metadata_source_config_type=sqlite",
        f"--sqlite_config_filename_uri={database}",
    ]


def _rest_command(ports: Mapping[str, int], _database: Path) -> list[str]:
    return [
        *_python(REST),
        f"--http_host={HOST}",
        f"--http_port={ports['rest']}",
        f"--mlmd_grpc_host={HOST}",
        f"--mlmd_grpc_port={ports['grpc']}",
    ]


def _ui_command(ports: Mapping[str, int], _database: Path) -> list[str]:
    return [
        *_python(UI),
        f"--host={HOST}",
        f"--port={ports['ui']}",
        f"--rest_url=http://{HOST}:{ports['rest']}",
    ]


def _python(part: Part) -> list[str]:
    return [sys.executable, "-m", part.module]


# In the order in which they start.
SERVERS = (
    Server(GRPC, _grpc_command, _grpc_serving),
    Server(REST, _rest_command, _http_ready),
    Server(UI, _ui_command, _http_ready),
)


def endpoints(ports: Mapping[str, int]) -> dict[str, str]:
    """Returns where users and clients reach each server."""
    forms = {"rest": "http://{}:{}", "grpc": "{}:{}", "ui": "http://{}:{}"}
    return {name: form.format(HOST, ports[name]) for name, form in forms.items() if name in ports}
