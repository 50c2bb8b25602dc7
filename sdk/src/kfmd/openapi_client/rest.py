"""One HTTP exchange with the REST backend: connections, timeouts, retries, and errors that name the cause.

Tried again when the network or the backend fails, ``Configuration.retries`` times with growing pauses:

- any call whose connection could not be established, because nothing was sent;
- a GET whose connection was lost, or whose answer was 502, 503 or 504.

A call that changes something is never sent twice: sent and not answered, it raises ``AnswerLost``.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Optional, Union

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Retry, Timeout, parse_url

from kfmd.openapi_client import configuration as settings
from kfmd.openapi_client.exceptions import (
    AnswerLost,
    ApiException,
    BackendUnreachable,
    exception_for_answer,
)

__all__ = ["ApiException", "RestClient"]


class RestClient:
    """A pool of connections. Any number of threads may use one."""

    def __init__(self, configuration: settings.Configuration) -> None:
        self._timeout = configuration.timeout
        self._pool = _pool(configuration)

    def close(self) -> None:
        """Close the connections that are kept open for the next call."""
        self._pool.clear()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: Optional[bytes] = None,
        timeout: Optional[settings.Timeout] = None,
        preload: bool = True,
    ) -> BaseHTTPResponse:
        """Send a request and wait for the answer, whose status is between 200 and 299.

        Raises:
            ApiException: for any other status.
            BackendUnreachable: when there is no usable connection.
            AnswerLost: when a request that changes something was sent and its answer did not come.
        """
        limit = _timeout(self._timeout if timeout is None else timeout)
        try:
            answer = self._pool.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=limit,
                # A redirect of a POST would send it twice, most often to a login page.
                redirect=False,
                preload_content=preload,
            )
        except HTTPError as error:
            # The chain of urllib3's own exceptions says the same in a hundred lines.
            raise _no_answer(method, url, error) from None
        if not 200 <= answer.status <= 299:
            text = answer.data.decode("utf-8", errors="replace")
            raise exception_for_answer(
                method,
                url,
                status=answer.status,
                reason=answer.reason or "",
                body=text,
                headers=answer.headers,
            )
        return answer


def _pool(configuration: settings.Configuration) -> PoolManager:
    options: dict[str, Any] = {
        "maxsize": configuration.connection_pool_maxsize,
        "retries": _retry_policy(configuration.retries),
        "cert_reqs": "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
        "ca_certs": configuration.ssl_ca_cert,
        "cert_file": configuration.cert_file,
        "key_file": configuration.key_file,
    }
    if configuration.assert_hostname is not None:
        options["assert_hostname"] = configuration.assert_hostname
    if configuration.proxy is not None:
        return ProxyManager(
            settings.normalize_url(configuration.proxy), proxy_headers=configuration.proxy_headers, **options
        )
    return PoolManager(**options)


class _RetryPolicy(Retry):
    """A backend too busy to answer in time would only be busier with the same question again."""

    def increment(self, *args: Any, **kwargs: Any) -> Any:
        error = kwargs.get("error")
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(*args, **kwargs)


def _retry_policy(retries: Union[int, Retry]) -> Retry:
    if isinstance(retries, Retry):
        return retries
    return _RetryPolicy(
        total=retries,
        # A failure of TLS in the middle of a call counts as `other`: that call may have been sent.
        other=0,
        allowed_methods={"GET"},
        status_forcelist={502, 503, 504},
        raise_on_status=False,
        backoff_factor=0.25,
        backoff_max=5,
        respect_retry_after_header=False,
    )


def _timeout(seconds: settings.Timeout) -> Timeout:
    connect, read = seconds if isinstance(seconds, tuple) else (seconds, seconds)
    return Timeout(connect=connect, read=read)


def _no_answer(method: str, url: str, error: HTTPError) -> ApiException:
    reason: Exception = error
    if isinstance(error, MaxRetryError) and error.reason is not None:
        reason = error.reason
    if isinstance(reason, ProxyError):
        reason = reason.original_error
    words = _words(reason)
    tls_hint = _tls_hint(reason)
    if method == "GET" or tls_hint or isinstance(reason, ConnectTimeoutError):
        hint = tls_hint or _what_to_check(url)
        message = f"cannot reach the metadata backend: {method} {url}: {words}. {hint}"
        return BackendUnreachable(0, words, message=message)
    message = (
        f"{method} {url} was sent, but the answer did not come: {words}. "
        "It may have been carried out, so it was not sent again: look before you repeat it."
    )
    return AnswerLost(0, words, message=message)


def _words(error: Exception) -> str:
    """What of urllib3's message means something to a reader: no object addresses, no tuples."""
    if isinstance(error, ProtocolError) and len(error.args) == 2:
        return str(error.args[1]).strip() or str(error.args[0])
    root = error.__cause__ if isinstance(error, NewConnectionError) else None
    text = getattr(root, "strerror", None) or str(error)
    return str(text).rpartition("): ")[2].strip()


def _tls_hint(error: Exception) -> Optional[str]:
    """What to do about a TLS connection that failed before anything was sent; None for any other error."""
    root = error.args[0] if isinstance(error, SSLError) and error.args else None
    if isinstance(root, ssl.SSLCertVerificationError):
        return "Its certificate is not trusted: name who signed it with Configuration.ssl_ca_cert."
    if getattr(root, "reason", None) == "WRONG_VERSION_NUMBER":
        return "It does not speak https: try the address with http://."
    return None


def _what_to_check(url: str) -> str:
    host = parse_url(url).host or ""
    if host == "localhost" or host.startswith("127.") or host == "[::1]":
        return (
            "Is it running there? On a laptop: `python -m installer status --local`. "
            "On a cluster: `kubectl -n kubeflow port-forward service/metadata-service 8080`."
        )
    return "Check the address, and that it runs: `kubectl -n kubeflow get deployment metadata-deployment`."
