"""Ports of 127.0.0.1: which are taken, and which to take instead."""

from __future__ import annotations

import socket
from collections.abc import Container

from kubeflow_metadata.errors import UserError

HOST = "127.0.0.1"
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def next_free(wanted: int, taken: Container[int]) -> int:
    """The first free port from ``wanted`` on that is not promised to somebody else.

    Raises:
        UserError: there is none in reach.
    """
    for port in range(wanted, min(wanted + _TRIES, 65536)):
        if port not in taken and is_free(port):
            return port
    raise UserError(f"No free port between {wanted} and {min(wanted + _TRIES, 65536) - 1}.")
