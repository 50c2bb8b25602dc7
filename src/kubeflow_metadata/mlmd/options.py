"""How the gRPC server listens; knows nothing of gRPC itself, so that a process that only supervises stays small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kubeflow_metadata.mlmd.budget import RECEIVED_TIMES, Budget, budget

if TYPE_CHECKING:
    import grpc

ChannelArgument: TypeAlias = "tuple[str, int | str]"


@dataclass(frozen=True)
class TlsFiles:
    """How the server proves who it is, as PEM files; with ``client_ca`` clients must, too."""

    key: Path
    cert: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Reads the files; raises OSError where one cannot be read."""
        import grpc

        roots = self.client_ca.read_bytes() if self.client_ca else None
        pair = (self.key.read_bytes(), self.cert.read_bytes())
        return grpc.ssl_server_credentials([pair], roots, require_client_auth=roots is not None)


@dataclass(frozen=True)
class ServerOptions:
    """How the gRPC server listens.

    Attributes:
        address: ``host:port``; port 0 takes a free one.
        workers: calls that run at the same time; further ones wait.
        max_message_bytes: the largest request that is read. Responses are not limited.
        max_metadata_bytes: the largest headers of a request.
        max_connection_age_seconds: after so long clients must reconnect, which spreads them over
            replicas behind one name; 0 for never.
        share_port: other worker processes listen on the same port.
        tls: encrypts the port.
        health_address: a second address, in plain text, that answers health alone; for probes that speak no TLS.
        channel_arguments: further arguments of gRPC, which win over ours; they cannot raise the size of a message
            above what memory allows.
        max_call_seconds: the longest time of a call; None for no limit.
        memory_limit: bytes that all processes of the server may use; None for no limit.
        processes: how many processes answer calls.
    """

    address: str
    workers: int = 8
    max_message_bytes: int = 100 * 1024 * 1024
    max_metadata_bytes: int = 16 * 1024
    max_connection_age_seconds: int = 0
    share_port: bool = False
    tls: TlsFiles | None = None
    health_address: str = ""
    channel_arguments: Sequence[ChannelArgument] = field(default_factory=tuple)
    max_call_seconds: float | None = None
    memory_limit: int | None = None
    processes: int = 1

    @cached_property
    def budget(self) -> Budget:
        """What each process may hold in memory."""
        return budget(
            self.memory_limit,
            processes=self.processes,
            threads=self.workers,
            most_message_bytes=self.max_message_bytes,
        )

    def grpc_arguments(self) -> list[ChannelArgument]:
        arguments: dict[str, int | str] = {
            "grpc.so_reuseport": int(self.share_port),  # else a taken port is an error
            "grpc.max_receive_message_length": self.max_message_bytes,
            # A flood of streams that are opened and reset stays a matter of its own connection.
            "grpc.max_concurrent_streams": 100,
            "grpc.max_send_message_length": -1,
            "grpc.max_metadata_size": self.max_metadata_bytes,
            # A client that is gone without a word is noticed; one that asks often whether we live is not sent away.
            "grpc.keepalive_time_ms": 60_000,
            "grpc.keepalive_timeout_ms": 20_000,
            "grpc.http2.min_ping_interval_without_data_ms": 10_000,
            "grpc.keepalive_permit_without_calls": 1,
            "grpc.http2.max_ping_strikes": 0,
        }
        if self.max_connection_age_seconds:
            arguments["grpc.max_connection_age_ms"] = self.max_connection_age_seconds * 1000
            arguments["grpc.max_connection_age_grace_ms"] = 60_000
        arguments.update(self.channel_arguments)
        if self.memory_limit is not None:
            wanted = arguments["grpc.max_receive_message_length"]
            most = RECEIVED_TIMES * self.budget.message_bytes
            within = isinstance(wanted, int) and 0 <= wanted < most
            arguments["grpc.max_receive_message_length"] = wanted if within else most
        return list(arguments.items())

    def probe_arguments(self) -> list[ChannelArgument]:
        """Returns the arguments of the server that only answers health."""
        return [
            ("grpc.so_reuseport", int(self.share_port)),
            ("grpc.max_receive_message_length", 64 * 1024),
            ("grpc.max_concurrent_streams", 100),
        ]
