"""One HTTP exchange with the REST backend: connections, timeouts, retries, and errors that name the cause.

Tried again when the network or the backend fails, ``Configuration.retries`` times with growing pauses:

- any call whose connection could not be established, because nothing was sent;
- a GET whose connection was lost, or whose answer was 502, 503 or 504.

A call that changes something is never sent twice: sent and not answered, it raises ``AnswerLost``.
"""

from __future__ import annotations

import copy
import os
import re
import ssl
from collections.abc import Mapping
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any, NamedTuple, Optional, Union

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


class _Pool(NamedTuple):
    """The connections of one process."""

    process: int
    manager: PoolManager
    inherited: Optional[_Pool]


class RestClient:
    """A pool of connections. Any number of threads may share it; each process has its own connections."""

    def __init__(self, configuration: settings.Configuration) -> None:
        self._timeout = configuration.timeout
        self._configuration = copy.copy(configuration)
        self._pool = _Pool(os.getpid(), _pool(configuration), None)

    def __getstate__(self) -> dict[str, Any]:
        # Connections stay where they are: a copy makes its own.
        return {"configuration": self._configuration}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["configuration"])  # type: ignore[misc]

    def close(self) -> None:
        """Close the connections that are kept open for the next call."""
        self._manager().clear()

    def _manager(self) -> PoolManager:
        pool = self._pool
        if pool.process != os.getpid():
            # A fork: on the parent's connections, parent and child would read each other's answers. The parent's pool
            # is kept and left alone, because to close it takes a lock that one of the parent's threads may have held.
            # No lock here, for the same reason; of two threads that come at once, one wastes a pool.
            pool = _Pool(os.getpid(), _pool(self._configuration), pool)
            self._pool = pool
        return pool.manager

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
            AnswerLost: when a request that changes something was sent and no response arrived.
        """
        limit = _timeout(self._timeout if timeout is None else timeout)
        try:
            answer = self._manager().request(
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
        proxy = settings.parse_address(configuration.proxy)
        headers = dict(configuration.proxy_headers or {})
        if proxy.authorization is not None and "proxy-authorization" not in map(str.lower, headers):
            headers["Proxy-Authorization"] = proxy.authorization
        return ProxyManager(proxy.url, proxy_headers=headers, **options)
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
    hint = _wrong_server_hint(reason, url)
    if method == "GET" or hint or isinstance(reason, ConnectTimeoutError):
        hint = hint or _what_to_check(url)
        message = f"cannot reach the metadata backend: {method} {url}: {words}. {hint}"
        return BackendUnreachable(0, words, message=message)
    message = (
        f"{method} {url} was sent, but no response arrived: {words}. "
        "It may have been executed, so it was not retried: check before you repeat it."
    )
    return AnswerLost(0, words, message=message)


def _words(error: Exception) -> str:
    """What of urllib3's message means something to a reader: no object addresses, no tuples."""
    if _is_another_protocol(error):
        return "the server does not speak HTTP/1.1"
    if isinstance(error, ProtocolError) and len(error.args) == 2:
        return str(error.args[1]).strip() or str(error.args[0])
    root = error.__cause__ if isinstance(error, NewConnectionError) else None
    text = getattr(root, "strerror", None) or str(error)
    return str(text).rpartition("): ")[2].strip()


def _is_another_protocol(error: Exception) -> bool:
    """Whether the answer was not HTTP/1.1: gRPC and databases answer in bytes that mean nothing to a reader."""
    root = error.args[1] if isinstance(error, ProtocolError) and len(error.args) == 2 else None
    return isinstance(root, BadStatusLine) and not isinstance(root, RemoteDisconnected)


def _wrong_server_hint(error: Exception, url: str) -> Optional[str]:
    """What to do about a server that cannot have understood the call; None for any other error."""
    if _is_another_protocol(error):
        return (
            "It may be the gRPC server: use the address of the REST backend, on a laptop 127.0.0.1:8080, "
            f"in a cluster metadata-service.{_namespace(parse_url(url).host or '')}:8080."
        )
    root = error.args[0] if isinstance(error, SSLError) and error.args else None
    if isinstance(root, ssl.SSLCertVerificationError):
        return "Its certificate is not trusted: set Configuration.ssl_ca_cert to the CA that signed it."
    if getattr(root, "reason", None) == "WRONG_VERSION_NUMBER":
        return "It does not speak https: try the address with http://."
    return None


def _what_to_check(url: str) -> str:
    host, port = parse_url(url).host or "", parse_url(url).port
    if host == "localhost" or host.startswith("127.") or host == "[::1]":
        no_port = "The address names no port: the REST backend's is 8080. " if port is None else ""
        return (
            f"{no_port}Is it running there? On a laptop: `kubeflow-metadata status --local`. "
            f"On a cluster: `kubectl -n {_namespace(host)} port-forward service/metadata-service 8080`."
        )
    command = f"kubectl -n {_namespace(host)} get deployment metadata-deployment"
    return f"Check the address and that the backend is up: `{command}`."


def _namespace(host: str) -> str:
    """The namespace in the address of a Service, which is how a cluster's own clients reach it; else a place for it."""
    in_cluster = re.fullmatch(r"metadata-[a-z-]+\.([a-z0-9-]+)(\.svc(\..*)?)?", host)
    return in_cluster[1] if in_cluster else "NAMESPACE"
