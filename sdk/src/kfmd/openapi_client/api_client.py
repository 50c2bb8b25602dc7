"""Turn a call into an HTTP request and its answer into a message."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional
from urllib.parse import quote, urlencode

from urllib3 import BaseHTTPResponse

import kfmd
from kfmd.openapi_client._message import decode, encode
from kfmd.openapi_client.configuration import Configuration, Timeout, parse_address, without_password
from kfmd.openapi_client.exceptions import ApiException, ApiValueError
from kfmd.openapi_client.rest import RestClient

API = "/api/v1alpha1"


class HttpInfo(NamedTuple):
    """An answer with what came around it."""

    data: Any
    status: int
    headers: Mapping[str, str]


class ApiClient:
    """A connection to one REST backend. Any number of threads may share it; each process has its own connections."""

    def __init__(
        self,
        configuration: Optional[Configuration] = None,
        header_name: Optional[str] = None,
        header_value: Optional[str] = None,
        cookie: Optional[str] = None,
    ) -> None:
        """Connect when the first call is made.

        Args:
            configuration: where the backend is; by default ``http://localhost``.
            header_name: a header to send with every call, such as ``Authorization``.
            header_value: what that header says.
            cookie: the ``Cookie`` header to send with every call.
        """
        self.configuration = configuration if configuration is not None else Configuration()
        self.rest_client = RestClient(self.configuration)
        self.default_headers = {
            "User-Agent": f"kubeflow-metadata-sdk/{kfmd.__version__} python/{platform.python_version()}"
        }
        if header_name is not None and header_value is not None:
            self.default_headers[header_name] = header_value
        self.cookie = cookie

    def __repr__(self) -> str:
        return f"ApiClient({without_password(self.configuration.host)})"

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open for the next call."""
        self.rest_client.close()

    @property
    def user_agent(self) -> str:
        """The ``User-Agent`` header of every call."""
        return self.default_headers["User-Agent"]

    @user_agent.setter
    def user_agent(self, value: str) -> None:
        self.default_headers["User-Agent"] = value

    def set_default_header(self, header_name: str, header_value: str) -> None:
        """Send a header with every call from now on."""
        self.default_headers[header_name] = header_value

    def sanitize_for_serialization(self, obj: Any) -> Any:
        """``obj``, a message or plain Python values, as what ``json.dumps`` takes."""
        return encode(obj)

    def call(
        self,
        method: str,
        path: str,
        path_params: Mapping[str, Any],
        *,
        answer: type,
        query: Optional[Mapping[str, Optional[str]]] = None,
        body: Any = None,
        timeout: Optional[Timeout] = None,
        preload: bool = True,
    ) -> HttpInfo:
        """Make one call; see ``kfmd.openapi_client.rest`` for what is tried again and what it raises."""
        address = parse_address(self.configuration.host)
        url = address.url + API + self._fill(path, path_params)
        given = {key: value for key, value in (query or {}).items() if value is not None}
        if given:
            url += "?" + urlencode(given)
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self.default_headers}
        if address.authorization is not None and "authorization" not in map(str.lower, headers):
            headers["Authorization"] = address.authorization
        if self.cookie is not None:
            headers["Cookie"] = self.cookie
        content = None if body is None else self._write(body)
        response = self.rest_client.request(method, url, headers, body=content, timeout=timeout, preload=preload)
        data = self._read(answer, method, url, response) if preload else response
        return HttpInfo(data, response.status, response.headers)

    def _fill(self, path: str, params: Mapping[str, Any]) -> str:
        return path.format_map({key: self._quote(key, value) for key, value in params.items()})

    def _quote(self, key: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            raise ApiValueError(f"{key!r} must be a non-empty name or id, not {value!r}")
        try:
            quoted = quote(str(value), safe=self.configuration.safe_chars_for_path_param)
        except UnicodeEncodeError:
            raise ApiValueError(f"{key!r} is not valid Unicode: {value!r}") from None
        # A path segment of dots alone would be taken for "this folder" or "one folder up".
        return quoted.replace(".", "%2E") if quoted in {".", ".."} else quoted

    @staticmethod
    def _write(body: Any) -> bytes:
        try:
            return json.dumps(encode(body)).encode()
        except RecursionError:
            raise ApiValueError("the body is nested too deeply, or contains itself") from None

    @staticmethod
    def _read(answer: type, method: str, url: str, response: BaseHTTPResponse) -> Any:
        try:
            return decode(answer, json.loads(response.data) if response.data else {})
        except ValueError as error:
            message = (
                f"{method} {url}: the response is not that of a metadata backend: {error}. Check the address: "
                "it must be that of the REST backend, not of the user interface or a login page."
            )
            body = response.data.decode("utf-8", errors="replace")
            raise ApiException(
                response.status, "invalid response", message=message, body=body, headers=response.headers
            ) from None
