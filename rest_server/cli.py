"""The command line: every flag is also an environment variable KFM_REST_<FLAG>."""

import sys
from pathlib import Path

import click

from server_common.cli import context_settings, log_options

_PORTS = click.IntRange(0, 65535)


def _store_port(ctx: click.Context, param: click.Parameter, value: str) -> int:
    # In a pod, Kubernetes' service links may have set METADATA_GRPC_SERVICE_PORT to tcp://10.0.0.1:8080.
    number = value.rpartition(":")[2] if value.startswith("tcp://") else value
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise click.BadParameter(f"{value!r} is not a port number from 1 to 65535.", ctx, param)
    return int(number)


@click.command(
    context_settings=context_settings("KFM_REST"),
    epilog="Every flag can also be set as an environment variable: KFM_REST_HTTP_PORT for --http_port.",
)
@click.option(
    "--http_host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 for all.",
)
@click.option(
    "--http_port",
    type=_PORTS,
    default=8080,
    metavar="PORT",
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--mlmd_grpc_host",
    default="127.0.0.1",
    metavar="HOST",
    envvar=["KFM_REST_MLMD_GRPC_HOST", "METADATA_GRPC_SERVICE_HOST"],
    help="Host of the metadata store (also METADATA_GRPC_SERVICE_HOST).",
)
@click.option(
    "--mlmd_grpc_port",
    callback=_store_port,
    default="9090",
    metavar="PORT",
    envvar=["KFM_REST_MLMD_GRPC_PORT", "METADATA_GRPC_SERVICE_PORT"],
    help="Port of the metadata store (also METADATA_GRPC_SERVICE_PORT).",
)
@click.option(
    "--schema_root_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory of your own JSON schemas (**/*.json), each a type to register at start beside the predefined ones.",
)
@click.option(
    "--grpc_timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="Longest wait for one answer of the metadata store.",
)
@click.option(
    "--max_grpc_message_length",
    type=click.IntRange(4 * 2**20),
    default=256 * 2**20,
    metavar="BYTES",
    help="Largest message from or to the metadata store.",
)
@click.option(
    "--max_body_bytes",
    type=click.IntRange(1),
    default=32 * 2**20,
    metavar="BYTES",
    help="Largest request body; a larger one is answered with 413.",
)
@click.option(
    "--max_json_depth",
    type=click.IntRange(1, 100),
    default=100,
    metavar="LEVELS",
    help="Deepest nesting of a request body.",
)
@click.option(
    "--max_name_length",
    type=click.IntRange(1),
    default=255,
    metavar="CHARACTERS",
    help="Longest name of a type or property.",
)
@click.option(
    "--max_concurrent_requests",
    type=click.IntRange(1),
    default=100,
    metavar="N",
    help="API requests worked on at once; more wait their turn.",
)
@click.option(
    "--shutdown_grace",
    type=click.IntRange(0),
    default=20,
    metavar="SECONDS",
    help="Time for requests under way to finish after SIGTERM.",
)
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="rest_server %(version)s")
def main(
    http_host: str,
    http_port: int,
    mlmd_grpc_host: str,
    mlmd_grpc_port: int,
    schema_root_dir: Path | None,
    grpc_timeout: float,
    max_grpc_message_length: int,
    max_body_bytes: int,
    max_json_depth: int,
    max_name_length: int,
    max_concurrent_requests: int,
    shutdown_grace: int,
    log_format: str,
    log_level: str,
) -> None:
    """Serve /api/v1alpha1 over a gRPC metadata store.

    The server starts without its store: it waits for it, registers the predefined types, and then says so at /readyz.
    A broken file under --schema_root_dir is named and ends it with status 2 before it serves.
    """
    # Heavy, and not needed for --help.
    import structlog

    from rest_server.app import Settings, create_app
    from rest_server.handlers import Limits
    from rest_server.schemas import SchemaError, load_definitions
    from server_common.http import ListenError, listen, serve, url_of
    from server_common.logs import configure_logs

    configure_logs(log_format, log_level)
    try:
        definitions = load_definitions(schema_root_dir)
        listener = listen(http_host, http_port)
    except SchemaError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except ListenError as error:
        click.echo(f"Error: {error} with --http_host and --http_port", err=True)
        sys.exit(1)
    settings = Settings(
        grpc_target=f"{f'[{mlmd_grpc_host}]' if ':' in mlmd_grpc_host else mlmd_grpc_host}:{mlmd_grpc_port}",
        grpc_timeout=grpc_timeout,
        max_grpc_message_length=max_grpc_message_length,
        limits=Limits(max_body_bytes, max_json_depth, max_name_length, max_concurrent_requests),
    )
    structlog.get_logger("rest_server").info("listening", url=url_of(listener), grpc=settings.grpc_target)
    serve(listener, lambda: create_app(settings, definitions), shutdown_grace)
