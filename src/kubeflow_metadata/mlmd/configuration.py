"""What flags and the official server's configuration file say, checked and put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings, Tls
from kubeflow_metadata.mlmd.options import ChannelArgument, ServerOptions, TlsFiles

if TYPE_CHECKING:
    from kubeflow_metadata.proto import metadata_store_pb2 as pb


class ConfigurationError(Exception):
    """The flags, or the file, contradict themselves or lack something; the message says what to type."""


@dataclass(frozen=True)
class Configuration:
    """How this server runs.

    Attributes:
        database: a SQLite file, or where MySQL is.
        server: how it listens; the address has the port that was asked for.
        health_port: 0 for none.
        metrics_port: 0 for none.
        worker_processes: how many processes answer calls.
        grace_seconds: how long running calls may take after SIGTERM.
    """

    database: Path | MySqlSettings
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
        raise ConfigurationError("This server does not downgrade databases: leave --downgrade_db_schema_version out")
    if flags["metadata_store_server_config_file"] is not None:
        flags = _with_file(flags, _read_file(flags["metadata_store_server_config_file"]))
    elif flags["metadata_source_config_type"] == "config_file":
        raise ConfigurationError("--metadata_source_config_type=config_file needs --metadata_store_server_config_file")
    database = _database(flags)
    tls = _tls(flags)
    options = ServerOptions(
        address="",
        workers=flags["worker_threads"],
        max_message_bytes=flags["max_receive_message_length"],
        max_metadata_bytes=flags["max_metadata_size"],
        max_connection_age_seconds=flags["max_connection_age"],
        tls=tls,
        channel_arguments=_channel_arguments(flags["grpc_channel_arguments"]),
    )
    return Configuration(
        database=database,
        host=flags["grpc_host"],
        port=flags["grpc_port"],
        server=options,
        health_port=flags["health_port"],
        metrics_port=flags["metrics_port"],
        worker_processes=flags["worker_processes"] or (2 if isinstance(database, MySqlSettings) else 1),
        grace_seconds=flags["grace_seconds"],
    )


def _database(flags: Mapping[str, Any]) -> Path | MySqlSettings:
    has_sqlite = flags["sqlite_config_filename_uri"] is not None
    has_mysql = any(flags[f"mysql_config_{name}"] is not None for name in ("host", "socket", "database"))
    kind = flags["metadata_source_config_type"]
    kind = None if kind in {"default", "config_file"} else kind
    if kind is None and has_sqlite and has_mysql:
        raise ConfigurationError("Both SQLite and MySQL are described. Say which: --metadata_source_config_type=mysql")
    kind = kind or ("sqlite" if has_sqlite else "mysql" if has_mysql else None)
    if kind == "sqlite":
        if not has_sqlite:
            raise ConfigurationError("SQLite needs its file: --sqlite_config_filename_uri=metadata.db")
        path: Path = flags["sqlite_config_filename_uri"]
        return path
    if kind == "mysql":
        return _mysql(flags)
    raise ConfigurationError(
        "No database is described. Type --sqlite_config_filename_uri=metadata.db, or --mysql_config_host=... and "
        "--mysql_config_database=..."
    )


def _mysql(flags: Mapping[str, Any]) -> MySqlSettings:
    if not flags["mysql_config_database"]:
        raise ConfigurationError("MySQL needs the name of the database: --mysql_config_database=metadb")
    if not flags["mysql_config_host"] and not flags["mysql_config_socket"]:
        raise ConfigurationError("MySQL needs a host: --mysql_config_host=127.0.0.1")
    ca, ca_path = flags["mysql_config_sslca"], flags["mysql_config_sslcapath"]
    verifies = ca is not None or ca_path is not None
    if flags["mysql_config_verify_server_cert"] and not verifies:
        raise ConfigurationError("--mysql_config_verify_server_cert needs --mysql_config_sslrootcert=FILE")
    if ca_path is not None and not ca_path.is_dir():
        raise ConfigurationError(f"--mysql_config_sslcapath={ca_path} is not a folder")
    if (flags["mysql_config_sslcert"] is None) != (flags["mysql_config_sslkey"] is None):
        raise ConfigurationError("--mysql_config_sslcert and --mysql_config_sslkey go together")
    for name in ("sslca", "sslcert", "sslkey", "user_file", "password_file"):
        _require_file(f"--mysql_config_{name}", flags[f"mysql_config_{name}"])
    return MySqlSettings(
        host=flags["mysql_config_host"] or "",
        port=flags["mysql_config_port"] or 3306,
        socket=flags["mysql_config_socket"],
        database=flags["mysql_config_database"],
        user=flags["mysql_config_user"],
        user_file=flags["mysql_config_user_file"],
        password=flags["mysql_config_password"],
        password_file=flags["mysql_config_password_file"],
        tls=Tls(
            required=flags["mysql_config_require_tls"] or verifies,
            ca=ca,
            ca_path=ca_path,
            cipher=flags["mysql_config_sslcipher"],
            verify_identity=flags["mysql_config_verify_server_cert"],
            cert=flags["mysql_config_sslcert"],
            key=flags["mysql_config_sslkey"],
        ),
        io_timeout_seconds=flags["mysql_config_timeout"],
        create_database=not flags["mysql_config_skip_db_creation"],
    )


def _tls(flags: Mapping[str, Any]) -> TlsFiles | None:
    key, cert, client_ca = (flags[f"grpc_tls_{name}"] for name in ("key", "cert", "client_ca"))
    if (key is None) != (cert is None):
        raise ConfigurationError("--grpc_tls_key and --grpc_tls_cert go together")
    if key is None:
        if client_ca is not None:
            raise ConfigurationError("--grpc_tls_client_ca needs --grpc_tls_key and --grpc_tls_cert")
        return None
    for name, path in (("key", key), ("cert", cert), ("client_ca", client_ca)):
        _require_file(f"--grpc_tls_{name}", path)
    return TlsFiles(key, cert, client_ca)


def _require_file(flag: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Cannot read {flag}={path}: {error.strerror}") from error


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
    _require_file(flag, path)
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), pb.MetadataStoreServerConfig())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{flag}={path} is not a MetadataStoreServerConfig in text form: {error}") from error


def _with_file(flags: Mapping[str, Any], file: pb.MetadataStoreServerConfig) -> Mapping[str, Any]:
    """The flags, with what the file says in their place."""
    if file.HasField("ssl_config"):
        raise ConfigurationError(
            "ssl_config of --metadata_store_server_config_file holds keys as text. Put them into files and name these "
            "with --grpc_tls_key, --grpc_tls_cert and --grpc_tls_client_ca."
        )
    config = file.connection_config
    which = config.WhichOneof("config")
    if which is None:
        return flags
    if which == "sqlite":
        said = {"sqlite_config_filename_uri": Path(config.sqlite.filename_uri)}
        return {**flags, **said, "metadata_source_config_type": "sqlite"}
    if which == "mysql":
        return {**flags, **_mysql_of_file(config.mysql), "metadata_source_config_type": "mysql"}
    raise ConfigurationError(
        f"connection_config of --metadata_store_server_config_file names {which}; this server knows mysql and sqlite."
    )


def _mysql_of_file(mysql: pb.MySQLDatabaseConfig) -> dict[str, Any]:
    names = ("host", "port", "database", "user", "password", "skip_db_creation")
    said: dict[str, Any] = {f"mysql_config_{name}": getattr(mysql, name) for name in names if mysql.HasField(name)}
    if mysql.HasField("socket"):
        said["mysql_config_socket"] = Path(mysql.socket)
    ssl = mysql.ssl_options
    for name in ("ca", "capath", "cert", "key"):
        if ssl.HasField(name):
            said[f"mysql_config_ssl{name}"] = Path(getattr(ssl, name))
    if ssl.HasField("cipher"):
        said["mysql_config_sslcipher"] = ssl.cipher
    if ssl.HasField("verify_server_cert"):
        said["mysql_config_verify_server_cert"] = ssl.verify_server_cert
    return said


def with_address(configuration: Configuration, port: int, *, share_port: bool) -> ServerOptions:
    """How the process that answers calls listens."""
    health = f"{configuration.host}:{configuration.health_port}" if configuration.health_port else ""
    return replace(
        configuration.server, address=f"{configuration.host}:{port}", health_address=health, share_port=share_port
    )
