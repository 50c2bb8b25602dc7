"""The flags of ``python -m kubeflow_metadata.mlmd``, named as the official server's where it has them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kubeflow_metadata.serving.flags import context_settings, log_options

_PORT = click.IntRange(0, 65535)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

# As the official server's switches: --flag, --flag=true or --flag=false.
_SWITCH: dict[str, Any] = {
    "type": bool,
    "is_flag": False,
    "flag_value": "true",
    "default": False,
    "metavar": "[true|false]",
}


@click.command(context_settings=context_settings("KFM_MLMD"))
@click.option(
    "--metadata_source_config_type",
    type=click.Choice(["default", "config_file", "mysql", "sqlite"]),
    default="default",
    help="The kind of database; by default the one that is described.",
)
@click.option("--sqlite_config_filename_uri", type=_FILE, metavar="FILE", help="A SQLite file, made if it is missing.")
@click.option("--mysql_config_host", metavar="HOST", help="Host of a MySQL server.")
@click.option("--mysql_config_port", default=3306, type=_PORT, help="Its port.")
@click.option("--mysql_config_socket", type=_FILE, metavar="FILE", help="Its Unix socket, instead of host and port.")
@click.option("--mysql_config_database", metavar="NAME", help="The database, made if it is missing.")
@click.option("--mysql_config_user", default="root", metavar="NAME", help="Who asks.")
@click.option(
    "--mysql_config_user_file", type=_FILE, metavar="FILE", help="A file with that name, read anew for each connection."
)
@click.option(
    "--mysql_config_password",
    default="",
    metavar="TEXT",
    show_default=False,
    help="The user's password. Everybody on the machine can read a flag: better a variable or a file.",
)
@click.option(
    "--mysql_config_password_file",
    type=_FILE,
    metavar="FILE",
    help="A file with the password, read anew for each connection.",
)
@click.option("--mysql_config_require_tls", **_SWITCH, help="Refuse a MySQL server that cannot encrypt.")
@click.option(
    "--mysql_config_sslrootcert",
    "--mysql_config_sslca",
    "mysql_config_sslca",
    type=_FILE,
    metavar="FILE",
    help="Certificate authorities (PEM) that must have signed the MySQL server's certificate.",
)
@click.option("--mysql_config_sslcapath", type=_FOLDER, metavar="DIR", help="The same as a folder of files.")
@click.option("--mysql_config_sslcipher", metavar="LIST", help="Ciphers that TLS to MySQL may use.")
@click.option("--mysql_config_sslcert", type=_FILE, metavar="FILE", help="Our certificate, if the server asks.")
@click.option("--mysql_config_sslkey", type=_FILE, metavar="FILE", help="Its key.")
@click.option(
    "--mysql_config_verify_server_cert",
    **_SWITCH,
    help="The certificate must also name the host. Needs an authority.",
)
@click.option("--mysql_config_skip_db_creation", **_SWITCH, help="Make tables only, not the database itself.")
@click.option(
    "--mysql_config_timeout", default=60, type=click.IntRange(1), help="Seconds of silence that count as loss."
)
@click.option(
    "--metadata_store_server_config_file",
    type=_FILE,
    metavar="FILE",
    help="A MetadataStoreServerConfig in protobuf's text form; what it says wins over flags.",
)
@click.option("--grpc_host", default="127.0.0.1", metavar="HOST", help="The address to listen on; 0.0.0.0 for all.")
@click.option("--grpc_port", default=8080, type=_PORT, help="The port; 0 takes a free one.")
@click.option("--grpc_tls_key", type=_FILE, metavar="FILE", help="Our key (PEM): the port then speaks TLS only.")
@click.option("--grpc_tls_cert", type=_FILE, metavar="FILE", help="Our certificate.")
@click.option("--grpc_tls_client_ca", type=_FILE, metavar="FILE", help="Who signs clients' certificates.")
@click.option("--health_port", default=0, type=_PORT, help="A plain-text port for gRPC health alone; 0 for none.")
@click.option("--metrics_port", default=0, type=_PORT, help="A port for Prometheus (HTTP, /metrics); 0 for none.")
@click.option(
    "--worker_processes",
    type=click.IntRange(1, 64),
    show_default=False,
    help="Processes that answer calls, about one a core.  [default: 2 on MySQL, 1 on SQLite]",
)
@click.option("--worker_threads", default=8, type=click.IntRange(1, 256), help="Calls that each works on at once.")
@click.option(
    "--max_receive_message_length",
    default=100 * 1024 * 1024,
    type=click.IntRange(1024, 2**31 - 1),
    help="The largest request, in bytes.",
)
@click.option(
    "--max_metadata_size",
    default=16 * 1024,
    type=click.IntRange(1024),
    help="The largest headers, in bytes.",
)
@click.option(
    "--max_connection_age",
    default=0,
    type=click.IntRange(0),
    help="Seconds after which clients connect anew, so that replicas share them; 0 for never.",
)
@click.option(
    "--grpc_channel_arguments",
    default="",
    metavar="NAME=VALUE,...",
    help="Further arguments of gRPC, as grpc.max_metadata_size=16384; they win over ours.",
)
@click.option(
    "--grace_seconds",
    default=20.0,
    type=click.FloatRange(0, 3600),
    help="How long running calls may take after SIGTERM.",
)
@click.option(
    "--enable_database_upgrade",
    **_SWITCH,
    help="Accepted as the official server's flag; this server does not upgrade databases yet.",
)
@click.option(
    "--metadata_store_connection_retries",
    type=int,
    hidden=True,  # accepted as the official server's flag: this server waits for its database as long as it takes
)
@click.option("--downgrade_db_schema_version", type=int, default=-1, hidden=True)
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.mlmd %(version)s")
def main(**flags: Any) -> None:
    """Serve ML metadata over gRPC (ml_metadata.MetadataStoreService).

    \b
      python -m kubeflow_metadata.mlmd --sqlite_config_filename_uri=metadata.db
      python -m kubeflow_metadata.mlmd --mysql_config_host=db --mysql_config_database=metadb

    Every flag can also be given as an environment variable: KFM_MLMD_ and its name in capitals, as
    KFM_MLMD_MYSQL_CONFIG_PASSWORD.
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
    # Imported here so that --help answers at once.
    from kubeflow_metadata.mlmd import running, workers
    from kubeflow_metadata.mlmd.configuration import ConfigurationError, read
    from kubeflow_metadata.serving.logs import configure_logs

    configure_logs(flags["log_format"], flags["log_level"])
    try:
        configuration = read(flags)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    try:
        if workers.worker_port() is not None or configuration.worker_processes == 1:
            sys.exit(running.serve(configuration))
        sys.exit(running.supervise(configuration))
    except running.CannotStartError as error:
        raise click.ClickException(str(error)) from error
