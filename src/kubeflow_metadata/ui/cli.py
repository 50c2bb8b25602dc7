"""The command line of the UI server: every flag is also an environment variable ``KFM_UI_<FLAG>``."""

from __future__ import annotations

import os

import click

from kubeflow_metadata.serving.addresses import check_host, check_url, door_options, host_and_port
from kubeflow_metadata.serving.flags import (
    context_settings,
    grace_option,
    log_options,
    longest_call_option,
    memory_option,
    port_option,
    warn_of_unknown_variables,
)


def default_rest_url() -> str:
    """Returns the REST backend's address, from the variables that Kubernetes sets for the Service metadata-service."""
    host = os.environ.get("METADATA_SERVICE_SERVICE_HOST", "localhost")
    port = os.environ.get("METADATA_SERVICE_SERVICE_PORT", "8080")
    return f"http://{host_and_port(host, port)}"


@click.command(
    context_settings=context_settings("KFM_UI"),
    epilog="Every flag can also be set as an environment variable: KFM_UI_PORT for --port.",
)
@click.option(
    "--host",
    callback=check_host,
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address to listen on; :: for all interfaces, 0.0.0.0 for those of IPv4.",
)
@port_option("--port", default=3000, help="Port to listen on; 0 picks a free one.")
@click.option(
    "--rest_url",
    callback=check_url,
    default=default_rest_url,
    show_default="http://localhost:8080",
    metavar="URL",
    help="URL of the REST backend; in a pod, defaults to METADATA_SERVICE_SERVICE_HOST and _PORT.",
)
@click.option(
    "--grpc_web_url",
    callback=check_url,
    metavar="URL",
    help="URL of the REST backend's --grpc_web_port. If not given, gRPC-Web calls are not forwarded.",
)
@door_options
@longest_call_option(70.0)
@memory_option
@grace_option
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.ui %(version)s")
def main(
    host: str,
    port: int,
    rest_url: str,
    grpc_web_url: str | None,
    allowed_origins: tuple[str, ...],
    allowed_hosts: tuple[str, ...],
    max_call_seconds: float,
    memory_limit: int | None,
    grace_seconds: float,
    log_format: str,
    log_level: str,
) -> None:
    """Serve the Artifact Store at / and /metadata/.

    The UI is part of this package; API calls are forwarded to the REST backend.
    """
    # Heavy, and not needed for --help.
    from kubeflow_metadata.serving.http import ListenError, Site, listen, serve
    from kubeflow_metadata.serving.logs import configure_logs
    from kubeflow_metadata.serving.memory import in_words, limit_of_cgroup
    from kubeflow_metadata.serving.origins import policy_for
    from kubeflow_metadata.serving.protocol import Refusals
    from kubeflow_metadata.serving.telemetry import HttpMetrics
    from kubeflow_metadata.ui.app import SERVER, create_app
    from kubeflow_metadata.ui.files import STATIC_DIR, PagesNotBuiltError, check_built

    configure_logs(log_format, log_level)
    warn_of_unknown_variables()
    policy = policy_for(host, allowed_origins, allowed_hosts)
    metrics = HttpMetrics(SERVER)
    try:
        check_built(STATIC_DIR)
        listener = listen(host, port, "--host and --port")
    except (PagesNotBuiltError, ListenError) as error:
        raise click.ClickException(str(error)) from error
    told: dict[str, object] = {"rest": rest_url, **({"grpc_web": grpc_web_url} if grpc_web_url else {})}
    limit = memory_limit or limit_of_cgroup()
    if limit:
        told["memory_limit"] = in_words(limit)
    site = Site(
        listener,
        lambda: create_app(
            rest_url,
            grpc_web_url=grpc_web_url,
            policy=policy,
            max_call_seconds=max_call_seconds,
            metrics=metrics,
            memory_limit=limit,
        ),
    )
    serve(SERVER, [site], grace_seconds, Refusals(SERVER, metrics.registry), **told)
