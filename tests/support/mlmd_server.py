"""The server as a process, for tests that look at it as clients and operators do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.proto import metadata_store_pb2 as pb
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc


class Server:
    """A server process on a free port; what it logs is kept in ``log``."""

    def __init__(self, *flags: str, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "kubeflow_metadata.mlmd", "--grpc_port=0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
        self.log: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"serving .*address=(\S+)", line):
                self.target = found[1]
                break
        else:
            raise AssertionError("".join(self.log))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.channel = self.connect()

    def connect(self) -> grpc.Channel:
        """A connection of its own, which may lead to another worker."""
        return grpc.insecure_channel(self.target, [("grpc.use_local_subchannel_pool", 1)])

    def call(self, method: str, request: Any, timeout: float = 60, channel: grpc.Channel | None = None) -> Any:
        call = (channel or self.channel).unary_unary(
            f"/ml_metadata.MetadataStoreService/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(rpc, f"{method}Response").FromString,
        )
        return call(request, timeout=timeout)

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self.channel.close()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)


def mysql_flags(settings: MySqlSettings) -> list[str]:
    return [
        f"--mysql_config_host={settings.host}",
        f"--mysql_config_port={settings.port}",
        f"--mysql_config_database={settings.database}",
        f"--mysql_config_user={settings.user}",
    ]


def with_password(settings: MySqlSettings) -> dict[str, str]:
    """The environment of a server that is to log in."""
    return {**os.environ, "KFM_MLMD_MYSQL_CONFIG_PASSWORD": settings.password}


def put_type(server: Server) -> int:
    request = rpc.PutArtifactTypeRequest(artifact_type=pb.ArtifactType(name="T"))
    type_id: int = server.call("PutArtifactType", request).type_id
    return type_id


def health_of(server: Server, service: str, target: str = "") -> str:
    """What gRPC health says of a service, on the server's port or another one."""
    with grpc.insecure_channel(target or server.target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        answer = check(health_pb2.HealthCheckRequest(service=service), timeout=60)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
