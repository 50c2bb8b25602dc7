"""Where the REST backend is and how to talk to it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import NamedTuple, Optional, Union
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import Retry, Url, parse_url

from kfmd._showing import shown
from kfmd.openapi_client.exceptions import ApiValueError

Timeout = Union[float, tuple[float, float]]


class Configuration:
    """Settings of an ``ApiClient``, which reads all of them but ``host`` when it is made.

    Attributes:
        host: address of the REST backend, such as ``127.0.0.1:8080`` or ``https://example.com/metadata``;
            a user name and password in it are sent as basic authentication, and never shown.
        timeout: seconds to wait, one number or (to connect, between two pieces of the answer).
        retries: how often to try again, or a ``urllib3.Retry`` of your own. See ``kfmd.openapi_client.rest``.
        verify_ssl: whether an https server must show a certificate that is trusted.
        ssl_ca_cert: file of the certificate authorities to trust instead of the system's.
        cert_file: certificate to show to the server.
        key_file: key of that certificate.
        assert_hostname: the name the server's certificate must have, when it is not that of ``host``.
        proxy: address of an HTTP proxy; those that the environment names are not asked.
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

    def __repr__(self) -> str:
        return f"Configuration({without_password(self.host)})"

    @property
    def base_url(self) -> str:
        """``host`` with a scheme, and without a trailing slash and a password."""
        return normalize_url(self.host)


class Address(NamedTuple):
    """Where a server is, and the ``Authorization`` that its address asks for."""

    url: str
    authorization: Optional[str]


_EXAMPLE = "write it like '127.0.0.1:8080' or 'https://example.com/metadata'"
_IN_THE_API = re.compile(r"/api/v1(alpha1)?(/.*)?$")


def normalize_url(address: str) -> str:
    """The URL that ``address`` means: ``127.0.0.1:8080`` is ``http://127.0.0.1:8080``.

    Raises:
        ApiValueError: when it is no address of an HTTP server.
    """
    return parse_address(address).url


def parse_address(address: str) -> Address:
    """What ``address`` means. One that leads into the API, such as the printed one, means the backend.

    Raises:
        ApiValueError: when it is no address of an HTTP server.
    """
    if not isinstance(address, str) or not address.strip():
        raise ApiValueError(f"the address of the metadata backend is missing: {_EXAMPLE}")
    stripped = address.strip()
    url = _parsed(stripped)
    if url is None or not url.host or url.scheme not in {"http", "https"} or re.search(r"\s", url.host):
        raise _not_an_address(stripped, _EXAMPLE)
    if url.host.isdigit():
        raise _not_an_address(stripped, f"write '127.0.0.1:{url.host}' for a port of this machine")
    if "@" in f"{url.path}{url.query}{url.fragment}":
        raise _not_an_address(stripped, "write '/', '?', '#' and '@' in a user name or password as %2F, %3F, %23, %40")
    base = url._replace(auth=None, path=_IN_THE_API.sub("", url.path or ""), query=None, fragment=None)
    if url.query or url.fragment:
        raise _not_an_address(stripped, f"omit everything after '?' or '#': {base.url.rstrip('/')!r}")
    return Address(base.url.rstrip("/"), _basic(url.auth))


def without_password(address: object) -> str:
    """``address`` as it may be shown."""
    if not isinstance(address, str):
        return shown(address)
    return shown(re.sub(r"^(.*?://)?.*@", r"\1***@", address, flags=re.DOTALL))


def _parsed(text: str) -> Optional[Url]:
    try:
        return parse_url(text if "://" in text else f"http://{text}")
    except LocationParseError:
        return None


def _not_an_address(address: str, hint: str) -> ApiValueError:
    return ApiValueError(f"{without_password(address)} is not the address of a metadata backend: {hint}")


def _basic(auth: Optional[str]) -> Optional[str]:
    if not auth:
        return None
    user, _, password = auth.partition(":")
    pair = f"{unquote(user)}:{unquote(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
