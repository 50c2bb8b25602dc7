"""How the gRPC server listens; knows nothing of gRPC itself, so that a process that only supervises stays small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

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
        channel_arguments: further arguments of gRPC, which win over ours.
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

    def grpc_arguments(self) -> list[ChannelArgument]:
        arguments: dict[str, int | str] = {
            "grpc.so_reuseport": int(self.share_port),  # else a taken port is an error
            "grpc.max_receive_message_length": self.max_message_bytes,
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
        return list(arguments.items())
