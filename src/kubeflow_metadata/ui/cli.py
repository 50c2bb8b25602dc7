"""The command line: every flag is also an environment variable KFM_UI_<FLAG>."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import click

from kubeflow_metadata.serving.cli import context_settings, log_options


def default_rest_url() -> str:
    """REST's address, from the variables Kubernetes sets in a pod for a Service named metadata-service."""
    host = os.environ.get("METADATA_SERVICE_SERVICE_HOST", "localhost")
    port = os.environ.get("METADATA_SERVICE_SERVICE_PORT", "8080")
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def check_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # A password in it would show up in logs and in what is answered while that server is down.
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise click.BadParameter(f"{value!r} is not an address like http://localhost:8080.", context, parameter)
    return value


@click.command(
    context_settings=context_settings("KFM_UI"),
    epilog="Every flag can also be set as an environment variable: KFM_UI_PORT for --port.",
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    metavar="PORT",
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--rest_url",
    callback=check_url,
    default=default_rest_url,
    show_default="http://localhost:8080",
    metavar="URL",
    help="The REST backend; in a pod METADATA_SERVICE_SERVICE_HOST and _PORT tell it.",
)
@click.option(
    "--grpc_web_url",
    callback=check_url,
    metavar="URL",
    help="The REST backend's --grpc_web_port, to pass on the calls of pages written for grpc-web; without it they"
    " are not.",
)
@click.option(
    "--shutdown_grace",
    type=click.IntRange(0),
    default=20,
    metavar="SECONDS",
    help="Time for requests under way to finish after SIGTERM.",
)
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.ui %(version)s")
def main(
    host: str,
    port: int,
    rest_url: str,
    grpc_web_url: str | None,
    shutdown_grace: int,
    log_format: str,
    log_level: str,
) -> None:
    """Serve the Artifact Store at / and /metadata/.

    Its pages come from this package; its API calls go to the REST backend.
    """
    # Heavy, and not needed for --help.
    import structlog

    from kubeflow_metadata.serving.http import ListenError, Site, listen, serve, url_of
    from kubeflow_metadata.serving.logs import configure_logs
    from kubeflow_metadata.ui.app import create_app
    from kubeflow_metadata.ui.files import STATIC_DIR, PagesNotBuiltError, check_built

    configure_logs(log_format, log_level)
    log = structlog.get_logger("kubeflow_metadata.ui")
    try:
        check_built(STATIC_DIR)
        listener = listen(host, port)
    except (PagesNotBuiltError, ListenError) as error:
        raise click.ClickException(str(error)) from error
    log.info("listening", url=url_of(listener), rest_url=rest_url, grpc_web_url=grpc_web_url)
    try:
        serve([Site(listener, lambda: create_app(rest_url, grpc_web_url=grpc_web_url))], shutdown_grace)
    finally:
        log.info("stopped")
