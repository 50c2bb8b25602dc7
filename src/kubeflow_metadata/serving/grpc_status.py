"""The outcome of a gRPC call as HTTP carries it, in headers or in trailers."""

from __future__ import annotations

from urllib.parse import quote

_PRINTABLE_BUT_PERCENT = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def status_headers(code: int, message: str) -> dict[str, str]:
    """Returns the headers that carry a status."""
    headers = {"grpc-status": str(code)}
    if message:
        headers["grpc-message"] = quote(message, _PRINTABLE_BUT_PERCENT, errors="replace")
    return headers
