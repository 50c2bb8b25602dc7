"""Ports of 127.0.0.1: which are in use, and which to use instead."""

from __future__ import annotations

import socket
from collections.abc import Container

from kubeflow_metadata.errors import UserError

HOST = "127.0.0.1"
_TRIES = 200


def is_free(port: int) -> bool:
    """Returns whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def next_free(wanted: int, taken: Container[int]) -> int:
    """Returns the first free port from ``wanted`` on that is not reserved for another server.

    Raises:
        UserError: there is none within reach.
    """
    for port in range(wanted, min(wanted + _TRIES, 65536)):
        if port not in taken and is_free(port):
            return port
    raise UserError(f"No free port between {wanted} and {min(wanted + _TRIES, 65536) - 1}.")
