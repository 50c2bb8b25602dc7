"""The command line: every flag is also an environment variable KFM_REST_<FLAG>."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from kubeflow_metadata.serving.cli import context_settings, log_options

_PORTS = click.IntRange(0, 65535)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _store_port(ctx: click.Context, param: click.Parameter, value: str) -> int:
    # In a pod, Kubernetes' service links may have set METADATA_GRPC_SERVICE_PORT to tcp://10.0.0.1:8080.
    number = value.rpartition(":")[2] if value.startswith("tcp://") else value
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise click.BadParameter(f"{value!r} is not a port number from 1 to 65535.", ctx, param)
    return int(number)


def _origins(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    origins = tuple(filter(None, (part.strip() for part in value.split(","))))
    if "*" in origins and len(origins) > 1:
        raise click.BadParameter("* allows every origin; leave out the others.", ctx, param)
    for origin in origins:
        written = origin if origin == "*" else _as_browsers_write(origin)
        if written is None:
            raise click.BadParameter(f"{origin!r} is not an origin like https://example.org:8443.", ctx, param)
        if written != origin:
            raise click.BadParameter(f"{origin!r} never matches: browsers write {written!r}.", ctx, param)
    return origins


def _as_browsers_write(origin: str) -> str | None:
    """The origin of an address; None if it is not an address of the web."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in _DEFAULT_PORTS or not host or not host.isascii() or "@" in parts.netloc:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")


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
    "--grpc_web_port",
    type=_PORTS,
    default=0,
    metavar="PORT",
    help="Port for browser clients of the gRPC service (grpc-web), 9090 in a cluster; 0 for none.",
)
@click.option(
    "--grpc_web_host",
    show_default="that of --http_host",
    metavar="ADDRESS",
    help="Address to listen on for grpc-web.",
)
@click.option(
    "--grpc_web_allowed_origins",
    callback=_origins,
    default="",
    show_default="none but the own",
    metavar="ORIGINS",
    help="Origins, separated by commas, whose pages may call grpc-web from elsewhere; * for all.",
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
    help="Longest wait for a request's body, and for one answer of the store; grpc-web clients may ask for less.",
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
    help="Largest request body or grpc-web message; a larger one is refused (413, RESOURCE_EXHAUSTED).",
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
    help="API requests worked on at once on each port; more wait their turn.",
)
@click.option(
    "--shutdown_grace",
    type=click.IntRange(0),
    default=20,
    metavar="SECONDS",
    help="Time for requests under way to finish after SIGTERM.",
)
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.rest %(version)s")
def main(
    http_host: str,
    http_port: int,
    mlmd_grpc_host: str,
    mlmd_grpc_port: int,
    grpc_web_port: int,
    grpc_web_host: str | None,
    grpc_web_allowed_origins: tuple[str, ...],
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
    """Serve /api/v1alpha1, and grpc-web if asked to, over a gRPC metadata store.

    The server starts without its store: it waits for it, registers the predefined types, and then says so at /readyz.
    A broken file under --schema_root_dir is named and ends it with status 2 before it serves.
    """
    # Heavy, and not needed for --help.
    import structlog

    from kubeflow_metadata.rest.app import Settings, create_app
    from kubeflow_metadata.rest.grpc_web.app import create_grpc_web_app
    from kubeflow_metadata.rest.schema_files import SchemaError, load_definitions
    from kubeflow_metadata.rest.v1alpha1.handlers import Limits
    from kubeflow_metadata.serving.http import ListenError, Site, listen, serve, url_of
    from kubeflow_metadata.serving.logs import configure_logs

    configure_logs(log_format, log_level)
    settings = Settings(
        grpc_target=f"{f'[{mlmd_grpc_host}]' if ':' in mlmd_grpc_host else mlmd_grpc_host}:{mlmd_grpc_port}",
        grpc_timeout=grpc_timeout,
        max_grpc_message_length=max_grpc_message_length,
        limits=Limits(max_body_bytes, max_json_depth, max_name_length, max_concurrent_requests),
        grpc_web_allowed_origins=grpc_web_allowed_origins,
    )
    flags = "--http_host and --http_port"
    try:
        definitions = load_definitions(schema_root_dir)
        sites = [Site(listen(http_host, http_port), lambda: create_app(settings, definitions))]
        if grpc_web_port:
            flags = "--grpc_web_host and --grpc_web_port"
            sites.append(Site(listen(grpc_web_host or http_host, grpc_web_port), lambda: create_grpc_web_app(settings)))
    except SchemaError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except ListenError as error:
        click.echo(f"Error: {error} with {flags}", err=True)
        sys.exit(1)
    grpc_web = {"grpc_web": url_of(sites[1].listener)} if grpc_web_port else {}
    structlog.get_logger("kubeflow_metadata.rest").info(
        "listening", url=url_of(sites[0].listener), **grpc_web, grpc=settings.grpc_target
    )
    serve(sites, shutdown_grace)
