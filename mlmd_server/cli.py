"""The flags of ``python -m mlmd_server``, named as the official server's where it has them."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server_common.cli import context_settings, log_options

if TYPE_CHECKING:
    from types import FrameType


@click.command(context_settings=context_settings("KFM_MLMD"))
@click.option(
    "--metadata_source_config_type",
    type=click.Choice(["sqlite"]),
    default="sqlite",
    expose_value=False,
    help="The kind of database. MySQL follows.",
)
@click.option(
    "--sqlite_config_filename_uri",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The SQLite file; it is made if it is missing.",
)
@click.option("--grpc_host", default="127.0.0.1", metavar="HOST", help="The address to listen on.")
@click.option("--grpc_port", default=8080, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@click.option("--workers", default=8, type=click.IntRange(1, 256), help="Calls that run at the same time.")
@click.option(
    "--max_receive_message_length",
    default=100 * 1024 * 1024,
    type=click.IntRange(1024, 2**31 - 1),
    help="The largest request, in bytes.",
)
@click.option(
    "--grace_seconds",
    default=20.0,
    type=click.FloatRange(0, 3600),
    help="How long running calls may take after SIGTERM.",
)
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="mlmd_server %(version)s")
def main(
    sqlite_config_filename_uri: Path,
    grpc_host: str,
    grpc_port: int,
    workers: int,
    max_receive_message_length: int,
    grace_seconds: float,
    log_format: str,
    log_level: str,
) -> None:
    """Serve ML metadata over gRPC (ml_metadata.MetadataStoreService).

    Every flag can also be given as an environment variable: KFM_MLMD_ and its name in capitals, as
    KFM_MLMD_GRPC_PORT.
    """
    # Imported here so that --help answers at once.
    import structlog

    from mlmd_server.db.sqlite import SqliteDatabase
    from mlmd_server.errors import DatabaseOpenError
    from mlmd_server.server import GrpcServer, ServerOptions
    from mlmd_server.service import MetadataStore
    from server_common.logs import configure_logs

    configure_logs(log_format, log_level)
    log = structlog.get_logger("mlmd_server")
    try:
        database = SqliteDatabase(sqlite_config_filename_uri)
    except DatabaseOpenError as error:
        raise click.ClickException(str(error)) from error
    options = ServerOptions(
        address=f"{grpc_host}:{grpc_port}", workers=workers, max_message_bytes=max_receive_message_length
    )
    try:
        server = GrpcServer(MetadataStore(database), options)
    except RuntimeError as error:
        raise click.ClickException(
            f"Cannot listen on {grpc_host}:{grpc_port}: the port is taken or the address is not this machine's. "
            "Choose another one with --grpc_port."
        ) from error
    stop = _stop_on_signal()
    server.start()
    log.info("serving", address=f"{grpc_host}:{server.port}", database=str(sqlite_config_filename_uri))
    stop.wait()
    log.info("stopping", grace_seconds=grace_seconds)
    server.stop(grace_seconds)
    database.close()
    log.info("stopped")
    sys.exit(0)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
