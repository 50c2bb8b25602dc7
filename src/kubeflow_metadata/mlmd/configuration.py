"""What flags and the official server's configuration file say, checked and combined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubeflow_metadata.mlmd.db.base import DatabaseSettings
from kubeflow_metadata.mlmd.db.flags import require_file
from kubeflow_metadata.mlmd.db.kinds import KINDS
from kubeflow_metadata.mlmd.errors import ConfigurationError
from kubeflow_metadata.mlmd.options import ChannelArgument, ServerOptions, TlsFiles
from kubeflow_metadata.serving.addresses import host_and_port
from kubeflow_metadata.serving.memory import limit_of_cgroup, size_of

if TYPE_CHECKING:
    from kubeflow_metadata.proto import metadata_store_pb2 as pb

_LEAST_MEMORY_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Configuration:
    """How this server runs.

    Attributes:
        database: where the database is.
        server: how it listens; the address has the port that was asked for.
        health_port: 0 for none.
        metrics_port: 0 for none.
        worker_processes: how many processes answer calls.
        grace_seconds: how long running calls may take after SIGTERM.
    """

    database: DatabaseSettings
    host: str
    port: int
    server: ServerOptions
    health_port: int
    metrics_port: int
    worker_processes: int
    grace_seconds: float


def read(flags: Mapping[str, Any]) -> Configuration:
    """Checks and combines the flags; raises ConfigurationError."""
    if flags["downgrade_db_schema_version"] >= 0:
        raise ConfigurationError("This server does not downgrade databases: omit --downgrade_db_schema_version")
    if flags["metadata_store_server_config_file"] is not None:
        flags = _with_file(flags, _read_file(flags["metadata_store_server_config_file"]))
    elif flags["metadata_source_config_type"] == "config_file":
        raise ConfigurationError(
            "--metadata_source_config_type=config_file requires --metadata_store_server_config_file"
        )
    database = _database(flags)
    tls = _tls(flags)
    processes = flags["worker_processes"] or database.default_workers
    options = ServerOptions(
        address="",
        workers=flags["worker_threads"],
        max_message_bytes=flags["max_receive_message_length"],
        max_metadata_bytes=flags["max_metadata_size"],
        max_connection_age_seconds=flags["max_connection_age"],
        tls=tls,
        channel_arguments=_channel_arguments(flags["grpc_channel_arguments"]),
        max_call_seconds=flags["max_call_seconds"] or None,
        memory_limit=_memory_limit(flags["memory_limit"]),
        processes=processes,
    )
    return Configuration(
        database=database,
        host=flags["grpc_host"].removeprefix("[").removesuffix("]"),
        port=flags["grpc_port"],
        server=options,
        health_port=flags["health_port"],
        metrics_port=flags["metrics_port"],
        worker_processes=processes,
        grace_seconds=flags["grace_seconds"],
    )


def _database(flags: Mapping[str, Any]) -> DatabaseSettings:
    named = flags["metadata_source_config_type"]
    if named in ("default", "config_file"):
        given = [kind for kind in KINDS if kind.are_given(flags)]
    else:
        given = [kind for kind in KINDS if kind.kind == named]
    if not given:
        raise ConfigurationError(f"No database is configured. Use {', or '.join(kind.example for kind in KINDS)}")
    if len(given) > 1:
        titles = " and ".join(kind.title for kind in given)
        raise ConfigurationError(
            f"Both {titles} are configured. Choose one: --metadata_source_config_type={given[-1].kind}"
        )
    return given[0].settings(flags)


def _tls(flags: Mapping[str, Any]) -> TlsFiles | None:
    key, cert, client_ca = (flags[f"grpc_tls_{name}"] for name in ("key", "cert", "client_ca"))
    if (key is None) != (cert is None):
        raise ConfigurationError("--grpc_tls_key and --grpc_tls_cert must be used together")
    if key is None:
        if client_ca is not None:
            raise ConfigurationError("--grpc_tls_client_ca requires --grpc_tls_key and --grpc_tls_cert")
        return None
    for name, path in (("key", key), ("cert", cert), ("client_ca", client_ca)):
        require_file(f"--grpc_tls_{name}", path)
    return TlsFiles(key, cert, client_ca)


def _memory_limit(text: str | None) -> int | None:
    """Returns the bytes that the server may use; without the flag, those that its cgroup may."""
    if text is None:
        return limit_of_cgroup()
    size = size_of(text)
    if size < _LEAST_MEMORY_BYTES:
        raise ConfigurationError(
            f"--memory_limit={text} is not a size of at least 64Mi. Examples: 536870912, 512Mi, 2Gi"
        )
    return size


def _channel_arguments(text: str) -> tuple[ChannelArgument, ...]:
    arguments: list[ChannelArgument] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise ConfigurationError(f"--grpc_channel_arguments: {part!r} is not NAME=VALUE")
        arguments.append((name, int(value) if value.lstrip("-").isdecimal() else value))
    return tuple(arguments)


def _read_file(path: Path) -> pb.MetadataStoreServerConfig:
    from google.protobuf import text_format

    from kubeflow_metadata.proto import metadata_store_pb2 as pb

    flag = "--metadata_store_server_config_file"
    require_file(flag, path)
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), pb.MetadataStoreServerConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{flag}={path} is not a MetadataStoreServerConfig in text format: {error}") from error


def _with_file(flags: Mapping[str, Any], file: pb.MetadataStoreServerConfig) -> Mapping[str, Any]:
    """Returns the flags, with what the file says in their place."""
    if file.HasField("ssl_config"):
        raise ConfigurationError(
            "ssl_config of --metadata_store_server_config_file contains inline keys. Put them in files and pass those "
            "with --grpc_tls_key, --grpc_tls_cert and --grpc_tls_client_ca."
        )
    which = file.connection_config.WhichOneof("config")
    if which is None:
        return flags
    for kind in KINDS:
        if kind.kind == which:
            said = kind.read_config(file.connection_config)
            return {**flags, **said, "metadata_source_config_type": which}
    known = " and ".join(sorted(kind.kind for kind in KINDS))
    raise ConfigurationError(
        f"connection_config of --metadata_store_server_config_file selects {which}; this server supports {known}."
    )


def with_address(configuration: Configuration, port: int, *, share_port: bool) -> ServerOptions:
    """Returns how the process that answers calls listens."""
    host = configuration.host
    health = host_and_port(host, configuration.health_port) if configuration.health_port else ""
    return replace(
        configuration.server, address=host_and_port(host, port), health_address=health, share_port=share_port
    )
