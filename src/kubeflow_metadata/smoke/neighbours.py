"""Asks the servers of an installation: directly, whatever proxy the environment names for the way out."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

if TYPE_CHECKING:
    import grpc

# gRPC's own resolver asks for IPv6 addresses under every search domain and, where there are none, outside the cluster,
# too: seconds for each channel. That of the system stops at the first name that exists. It is read when gRPC is loaded.
os.environ.setdefault("GRPC_DNS_RESOLVER", "native")

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_CONFLICT = 409
_CALL_SECONDS = 30.0


class ConflictError(OSError):
    """What was to be created exists."""


class CallError(OSError):
    """A gRPC call failed; the message says how."""


def get(url: str, timeout: float) -> bytes:
    """Returns the body of an answer.

    Args:
        url: what is asked for.
        timeout: seconds between two pieces of the answer.

    Raises:
        OSError: there was no answer, or one that says that something is wrong.
    """
    return _answer(url, timeout)


def post(url: str, document: Mapping[str, object], timeout: float) -> dict[str, Any]:
    """Sends a JSON document; returns that of the answer.

    Args:
        url: where to.
        document: what is sent.
        timeout: seconds between two pieces of the answer.

    Raises:
        ConflictError: what was to be created exists.
        OSError: there was no answer, or one that says that something is wrong.
    """
    request = urllib.request.Request(  # noqa: S310 - an address that was checked
        url, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    try:
        answer = json.loads(_answer(request, timeout))
    except HTTPError as error:
        if error.code == _CONFLICT:
            raise ConflictError(f"{url} exists") from error
        said = error.read(2000).decode(errors="replace")
        raise OSError(f"{url} was rejected ({error.code}): {said}") from error
    return answer if isinstance(answer, dict) else {}


def _answer(request: str | urllib.request.Request, timeout: float) -> bytes:
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            return bytes(answer.read())
    except HTTPException as error:
        url = request if isinstance(request, str) else request.full_url
        raise OSError(f"the answer of {url} is not HTTP: {type(error).__name__}") from error


def channel(target: str) -> grpc.Channel:
    """Returns a channel to a gRPC server, which answers in messages of any size."""
    import grpc

    options = [
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", -1),
        # Of its own: a shared pool remembers, and backs off after, the refusals of a server that is just starting.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.insecure_channel(target, options=options)


def call(target: str, method: str, request: Any, response: Any) -> Any:
    """Calls a method of the metadata store; returns its answer.

    Args:
        target: address of the gRPC server.
        method: of ``ml_metadata.MetadataStoreService``.
        request: its message.
        response: the class of the answer.

    Raises:
        CallError: it failed.
    """
    import grpc

    with channel(target) as opened:
        sends = opened.unary_unary(
            f"/ml_metadata.MetadataStoreService/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            return sends(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise CallError(f"{method}: {error.code().name}: {error.details()}") from error
