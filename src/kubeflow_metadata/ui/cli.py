"""The command line of the UI server: every flag is also an environment variable ``KFM_UI_<FLAG>``."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import click

from kubeflow_metadata.serving.flags import context_settings, grace_option, log_options, port_option


def default_rest_url() -> str:
    """Returns the REST backend's address, from the variables that Kubernetes sets for the Service metadata-service."""
    host = os.environ.get("METADATA_SERVICE_SERVICE_HOST", "localhost")
    port = os.environ.get("METADATA_SERVICE_SERVICE_PORT", "8080")
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def check_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Returns the address if it can be one of a server behind this one."""
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
@click.option(
    "--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all interfaces."
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
    help="URL of the REST backend's --grpc_web_port, to which grpc-web calls are forwarded; by default they are not.",
)
@grace_option
@log_options
@click.version_option(package_name="kubeflow-metadata-server", message="kubeflow_metadata.ui %(version)s")
def main(
    host: str,
    port: int,
    rest_url: str,
    grpc_web_url: str | None,
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
    from kubeflow_metadata.ui.app import SERVER, create_app
    from kubeflow_metadata.ui.files import STATIC_DIR, PagesNotBuiltError, check_built

    configure_logs(log_format, log_level)
    try:
        check_built(STATIC_DIR)
        listener = listen(host, port, "--host and --port")
    except (PagesNotBuiltError, ListenError) as error:
        raise click.ClickException(str(error)) from error
    told = {"rest": rest_url, **({"grpc_web": grpc_web_url} if grpc_web_url else {})}
    serve(SERVER, [Site(listener, lambda: create_app(rest_url, grpc_web_url=grpc_web_url))], grace_seconds, **told)
