"""The flags of ``python -m kubeflow_metadata.mlmd``, named as the official server's where it has them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import click

from kubeflow_metadata.mlmd.db.base import DatabaseSettings
from kubeflow_metadata.mlmd.db.flags import FILE, PORT, SWITCH
from kubeflow_metadata.mlmd.db.kinds import KINDS
from kubeflow_metadata.mlmd.db.mysql.settings import MySqlSettings
from kubeflow_metadata.serving.flags import context_settings, log_options, warn_of_unknown_variables

Command: TypeAlias = Callable[..., Any]


def _database_options(command: Command) -> Command:
    for option in reversed([option for kind in KINDS for option in kind.options]):
        command = option(command)
    return command


@click.command(context_settings=context_settings("KFM_MLMD"))
@click.option(
    "--metadata_source_config_type",
    type=click.Choice(["default", "config_file", *sorted(kind.kind for kind in KINDS)]),
    default="default",
    help="Kind of database; by default, the one whose flags are given.",
)
@_database_options
@click.option(
    "--metadata_store_server_config_file",
    type=FILE,
    metavar="FILE",
    help="MetadataStoreServerConfig in protobuf text format; takes precedence over flags.",
)
@click.option(
    "--grpc_host",
    default="127.0.0.1",
    metavar="HOST",
    help="Address to listen on; :: for all interfaces (IPv4 and IPv6), 0.0.0.0 for those of IPv4.",
)
@click.option("--grpc_port", default=8080, type=PORT, help="Port to listen on; 0 picks a free one.")
@click.option("--grpc_tls_key", type=FILE, metavar="FILE", help="Server key (PEM): the port then serves TLS only.")
@click.option("--grpc_tls_cert", type=FILE, metavar="FILE", help="Server certificate (PEM).")
@click.option(
    "--grpc_tls_client_ca",
    type=FILE,
    metavar="FILE",
    help="Certificate authorities (PEM) that client certificates must be signed by.",
)
@click.option("--health_port", default=0, type=PORT, help="Plaintext port for gRPC health checks only; 0 disables it.")
@click.option("--metrics_port", default=0, type=PORT, help="Port for Prometheus (HTTP, /metrics); 0 disables it.")
@click.option(
    "--worker_processes",
    type=click.IntRange(1, 64),
    show_default=False,
    help="Number of worker processes, about one per core.  [default: 2 on MySQL, 1 on SQLite]",
)
@click.option("--worker_threads", default=8, type=click.IntRange(1, 256), help="Concurrent calls per worker process.")
@click.option(
    "--max_receive_message_length",
    default=100 * 1024 * 1024,
    type=click.IntRange(1024, 2**31 - 1),
    help="Maximum request size in bytes; less where memory is limited (--memory_limit).",
)
@click.option(
    "--memory_limit",
    metavar="SIZE",
    show_default=False,
    help="Memory that the server may use, in bytes or as 512Mi or 2Gi: it bounds requests and responses.  "
    "[default: the limit of its cgroup, such as the pod's]",
)
@click.option(
    "--max_call_seconds",
    default=60.0,
    type=click.FloatRange(0, 86_400),
    help="Longest time that a call may take; 0 for no limit.",
)
@click.option(
    "--max_metadata_size",
    default=16 * 1024,
    type=click.IntRange(1024),
    help="Maximum size of a request's headers in bytes.",
)
@click.option(
    "--max_connection_age",
    default=0,
    type=click.IntRange(0),
    help="Seconds after which clients must reconnect, so that they spread across all replicas; 0 disables it.",
)
@click.option(
    "--grpc_channel_arguments",
    default="",
    metavar="NAME=VALUE,...",
    help="Additional gRPC channel arguments, such as grpc.max_metadata_size=16384; they take precedence.",
)
@click.option(
    "--grace_seconds",
    default=20.0,
    type=click.FloatRange(0, 3600),
    help="Time for calls in progress to finish after SIGTERM.",
)
@click.option(
    "--enable_database_upgrade",
    **SWITCH,
    help="Accepted for compatibility with the official server; this server does not upgrade databases yet.",
)
@click.option(
    "--check_database",
    is_flag=True,
    allow_from_autoenv=False,  # a command, not a way to run
    help="Connect to the MySQL database and look, print a line of JSON, and exit with 0 if a server could use it, "
    "else with 1. Writes nothing.",
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

    Every flag can also be set as an environment variable, KFM_MLMD_ followed by its name in upper case, such as
    KFM_MLMD_MYSQL_CONFIG_PASSWORD.
    """  # noqa: D301 - a backspace, not a backslash, keeps the lines after it as they are
    # Imported here so that --help answers at once.
    from kubeflow_metadata.mlmd import running, workers
    from kubeflow_metadata.mlmd.configuration import read
    from kubeflow_metadata.mlmd.errors import ConfigurationError
    from kubeflow_metadata.serving.logs import configure_logs

    configure_logs(flags["log_format"], flags["log_level"])
    if workers.worker_port() is None:
        warn_of_unknown_variables(also_known=["KFM_MLMD_MYSQL_DRIVER"])
    try:
        configuration = read(flags)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    if flags["check_database"]:
        sys.exit(_check(configuration.database))
    try:
        if workers.worker_port() is not None or configuration.worker_processes == 1:
            sys.exit(running.serve(configuration))
        sys.exit(running.supervise(configuration))
    except running.CannotStartError as error:
        raise click.ClickException(str(error)) from error


def _check(settings: DatabaseSettings) -> int:
    """Prints what a look at the database shows; returns the exit code."""
    if not isinstance(settings, MySqlSettings):
        raise click.UsageError("--check_database looks at MySQL only.")
    from kubeflow_metadata.mlmd.db.mysql import probe

    answer = probe.probe(settings)
    click.echo(json.dumps(answer.document))
    return 0 if answer.reason == probe.OK else 1
