"""Asks the servers of an installation: directly, whatever proxy the environment names for the way out."""

from __future__ import annotations

import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, timeout: float) -> bytes:
    """Returns the body of an answer.

    Args:
        url: what is asked for.
        timeout: seconds between two pieces of the answer.

    Raises:
        OSError: there was no answer, or one that says that something is wrong.
    """
    try:
        with _OPENER.open(url, timeout=timeout) as answer:
            return bytes(answer.read())
    except HTTPException as error:
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
