"""Where the REST backend is and how to talk to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional, Union

from urllib3.exceptions import LocationParseError
from urllib3.util import Retry, parse_url

from kfmd.openapi_client.exceptions import ApiValueError

Timeout = Union[float, tuple[float, float]]


class Configuration:
    """Settings of an ``ApiClient``, which reads all of them but ``host`` when it is made.

    Attributes:
        host: address of the REST backend, such as ``127.0.0.1:8080`` or ``https://example.com/metadata``.
        timeout: seconds to wait, one number or (to connect, between two pieces of the answer).
        retries: how often to try again, or a ``urllib3.Retry`` of your own. See ``kfmd.openapi_client.rest``.
        verify_ssl: whether an https server must show a certificate that is trusted.
        ssl_ca_cert: file of the certificate authorities to trust instead of the system's.
        cert_file: certificate to show to the server.
        key_file: key of that certificate.
        assert_hostname: the name the server's certificate must have, when it is not that of ``host``.
        proxy: address of an HTTP proxy.
        proxy_headers: headers for that proxy.
        connection_pool_maxsize: connections kept open for the next call.
        safe_chars_for_path_param: characters of names and ids that go into a path unquoted.
    """

    def __init__(self, host: str = "http://localhost") -> None:
        self.host = host
        self.timeout: Timeout = (5.0, 60.0)
        self.retries: Union[int, Retry] = 4
        self.verify_ssl = True
        self.ssl_ca_cert: Optional[str] = None
        self.cert_file: Optional[str] = None
        self.key_file: Optional[str] = None
        self.assert_hostname: Optional[str] = None
        self.proxy: Optional[str] = None
        self.proxy_headers: Optional[Mapping[str, str]] = None
        self.connection_pool_maxsize = 10
        self.safe_chars_for_path_param = ""

    @property
    def base_url(self) -> str:
        """``host`` with a scheme and without a trailing slash."""
        return normalize_url(self.host)


def normalize_url(address: str) -> str:
    """The URL that ``address`` means: ``127.0.0.1:8080`` is ``http://127.0.0.1:8080``.

    Raises:
        ApiValueError: when it is no address of an HTTP server.
    """
    example = "write it like '127.0.0.1:8080' or 'https://example.com/metadata'"
    if not isinstance(address, str) or not address.strip():
        raise ApiValueError(f"the address of the metadata backend is missing: {example}")
    text = address.strip()
    try:
        url = parse_url(text if "://" in text else f"http://{text}")
    except LocationParseError:
        url = None
    if url is None or not url.host or url.scheme not in {"http", "https"} or url.query or url.fragment:
        raise ApiValueError(f"{address!r} is not the address of a metadata backend: {example}")
    return url.url.rstrip("/")
