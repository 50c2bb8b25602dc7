"""The command line of the REST backend: every flag is also an environment variable ``KFM_REST_<FLAG>``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kubeflow_metadata.serving.addresses import check_host, door_options, host_and_port
from kubeflow_metadata.serving.flags import (
    context_settings,
    grace_option,
    log_options,
    longest_call_option,
    memory_option,
    port_option,
    warn_of_unknown_variables,
)


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
    callback=check_host,
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address to listen on; :: for all interfaces, 0.0.0.0 for those of IPv4.",
)
@port_option("--http_port", default=8080, help="Port to listen on; 0 picks a free one.")
@click.option(
    "--mlmd_grpc_host",
    callback=check_host,
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
@port_option("--grpc_web_port", default=0, help="Port for browser clients (gRPC-Web); 0 disables it.")
@click.option(
    "--grpc_web_host",
    callback=check_host,
    show_default="same as --http_host",
    metavar="ADDRESS",
    help="Address to listen on for gRPC-Web.",
)
@door_options
@click.option(
    "--schema_root_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory of JSON schemas (**/*.json) to register as types at startup, in addition to the predefined ones.",
)
@click.option(
    "--grpc_timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="Timeout for receiving a request's body and for each call to the store; gRPC-Web clients can request less.",
)
@click.option(
    "--max_grpc_message_length",
    type=click.IntRange(4 * 2**20),
    default=256 * 2**20,
    metavar="BYTES",
    help="Maximum size of a message to or from the metadata store.",
)
@click.option(
    "--max_body_bytes",
    type=click.IntRange(1),
    default=32 * 2**20,
    metavar="BYTES",
    help="Maximum size of a request body or grpc-web message; larger ones are rejected (413, RESOURCE_EXHAUSTED). "
    "A memory limit may allow less.",
)
@memory_option
@click.option(
    "--max_json_depth",
    type=click.IntRange(1, 100),
    default=100,
    metavar="LEVELS",
    help="Maximum nesting depth of a request body.",
)
@click.option(
    "--max_json_values",
    type=click.IntRange(1),
    default=100_000,
    metavar="N",
    help="Maximum number of values in a request body, objects and arrays included.",
)
@click.option(
    "--max_name_length",
    type=click.IntRange(1),
    default=255,
    metavar="CHARACTERS",
    help="Maximum length of the name of a type or property.",
)
@click.option(
    "--max_concurrent_requests",
    type=click.IntRange(1),
    default=100,
    metavar="N",
    help="Maximum number of requests worked on at once on each port; ten times as many are queued.",
)
@longest_call_option(65.0)
@grace_option
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.rest %(version)s")
def main(
    http_host: str,
    http_port: int,
    mlmd_grpc_host: str,
    mlmd_grpc_port: int,
    grpc_web_port: int,
    grpc_web_host: str | None,
    allowed_origins: tuple[str, ...],
    allowed_hosts: tuple[str, ...],
    schema_root_dir: Path | None,
    grpc_timeout: float,
    max_grpc_message_length: int,
    max_body_bytes: int,
    memory_limit: int | None,
    max_json_depth: int,
    max_json_values: int,
    max_name_length: int,
    max_concurrent_requests: int,
    max_call_seconds: float,
    grace_seconds: float,
    log_format: str,
    log_level: str,
) -> None:
    """Serve the REST API, and optionally grpc-web, over a gRPC metadata store.

    The server starts without its store: it waits for the store, registers the predefined types, and then reports
    ready at /readyz. An invalid file under --schema_root_dir makes it exit with status 2 at startup.
    """
    # gRPC's own resolver asks for IPv6 addresses under every search domain and, if there are none, outside the cluster,
    # too: seconds, before the first call. That of the system stops at the first name. It is read when gRPC is loaded.
    os.environ.setdefault("GRPC_DNS_RESOLVER", "native")
    # Heavy, and not needed for --help.
    from kubeflow_metadata.rest.app import create_app
    from kubeflow_metadata.rest.grpc_web.app import create_grpc_web_app
    from kubeflow_metadata.rest.limits import Limits
    from kubeflow_metadata.rest.metrics import REGISTRY, SERVER
    from kubeflow_metadata.rest.schema_files import SchemaError, load_definitions
    from kubeflow_metadata.rest.settings import Settings
    from kubeflow_metadata.serving.http import ListenError, Site, listen, serve, url_of
    from kubeflow_metadata.serving.logs import configure_logs
    from kubeflow_metadata.serving.memory import in_words, limit_of_cgroup
    from kubeflow_metadata.serving.origins import policy_for
    from kubeflow_metadata.serving.protocol import Refusals

    configure_logs(log_format, log_level)
    warn_of_unknown_variables()
    settings = Settings(
        grpc_target=host_and_port(mlmd_grpc_host, mlmd_grpc_port),
        grpc_timeout=grpc_timeout,
        max_grpc_message_length=max_grpc_message_length,
        limits=Limits(max_body_bytes, max_json_depth, max_name_length, max_concurrent_requests, max_json_values),
        door=policy_for(http_host, allowed_origins, allowed_hosts),
        grpc_web_door=policy_for(grpc_web_host or http_host, allowed_origins, allowed_hosts),
        memory_limit=memory_limit or limit_of_cgroup(),
        max_call_seconds=max_call_seconds,
    )
    told: dict[str, object] = {"grpc": settings.grpc_target}
    if settings.memory_limit:
        told["memory_limit"] = in_words(settings.memory_limit)
    try:
        definitions = load_definitions(schema_root_dir)
        rest = listen(http_host, http_port, "--http_host and --http_port")
        sites = [Site(rest, lambda: create_app(settings, definitions))]
        if grpc_web_port:
            grpc_web = listen(grpc_web_host or http_host, grpc_web_port, "--grpc_web_host and --grpc_web_port")
            sites.append(Site(grpc_web, lambda: create_grpc_web_app(settings)))
            told["grpc_web"] = url_of(grpc_web)
    except SchemaError as error:
        raise click.UsageError(str(error)) from error
    except ListenError as error:
        raise click.ClickException(str(error)) from error
    serve(SERVER, sites, grace_seconds, Refusals(SERVER, REGISTRY), **told)
