"""WebSockets of an API server, opened with the identity, trust and proxy of a client."""

from __future__ import annotations

import base64
import binascii
import ssl
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 30.0
# Whether the proxy is used was decided already; without such a list, the environment's would be read again.
_NO_HOST = "no-host.invalid"


def opened(client: Any, path: str, protocol: str) -> Any:
    """Opens a WebSocket.

    The client's own way leaves out headers, and with them whom a user acts as.

    Args:
        client: a ``kubernetes.client.ApiClient``.
        path: with its query.
        protocol: that is spoken.

    Returns:
        a ``websocket.WebSocket``.

    Raises:
        kubernetes.client.exceptions.ApiException: the server refuses.
        OSError: it does not respond.
    """
    from kubernetes.client.exceptions import ApiException
    from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

    configuration = client.configuration
    url = "ws" + str(configuration.host).rstrip("/").removeprefix("http") + path
    headers = dict(client.default_headers)
    if token := configuration.auth_settings().get("BearerToken"):
        headers["authorization"] = token["value"]
    websocket: Any = WebSocket(sslopt=_tls(configuration), skip_utf8_validation=True)
    try:
        websocket.connect(
            url,
            header=[f"{name}: {value}" for name, value in headers.items()],
            subprotocols=[protocol],
            timeout=_SECONDS,
            suppress_origin=True,
            **_proxy(configuration),
        )
    except WebSocketBadStatusException as error:
        websocket.shutdown()
        refused = ApiException(status=error.status_code, reason="no WebSocket")
        refused.body = (error.resp_body or b"").decode(errors="replace")
        raise refused from error
    except WebSocketException as error:
        websocket.shutdown()
        raise OSError(str(error)) from error
    return websocket


def _tls(configuration: Any) -> dict[str, Any]:
    import certifi

    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE}
    if configuration.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert or certifi.where()}
        if configuration.assert_hostname is not None:
            options["check_hostname"] = configuration.assert_hostname
    if configuration.cert_file:
        options["certfile"] = configuration.cert_file
    if configuration.key_file:
        options["keyfile"] = configuration.key_file
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return options


def _proxy(configuration: Any) -> dict[str, Any]:
    """Returns the options for the client's proxy; without one, those that keep the environment's from being used."""
    if not configuration.proxy:
        return {"http_proxy_host": "unused", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    options: dict[str, Any] = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port or 80}
    options["http_no_proxy"] = [_NO_HOST]
    if userinfo := _userinfo(configuration, proxy.username, proxy.password):
        options["http_proxy_auth"] = userinfo
    return options


def _userinfo(configuration: Any, user: str | None, password: str | None) -> tuple[str, str] | None:
    if user:
        return user, password or ""
    header = (configuration.proxy_headers or {}).get("proxy-authorization", "")
    try:
        name, colon, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, secret) if colon else None
