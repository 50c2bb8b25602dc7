"""A few frames of HTTP/2 by hand, for what no client library does: calls that are begun and never sent, or reset."""

from __future__ import annotations

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# RFC 9113, section 6.
_HEADERS, _RST_STREAM, _SETTINGS = 1, 3, 4
_END_HEADERS, _ACK = 4, 1
_CANCEL = 8


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Http2:
    """A connection to a gRPC server without TLS."""

    def __init__(self, target: str) -> None:
        """Connects and agrees to whatever the server's settings are."""
        host, _, port = target.rpartition(":")
        self._authority = target
        self._next_stream = 1
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.socket.sendall(PREFACE + frame(_SETTINGS, 0, 0) + frame(_SETTINGS, _ACK, 0))

    def begin(self, path: str) -> int:
        """Sends the headers of a call, and nothing of its message; returns its stream."""
        self.socket.sendall(self._headers(path))
        return self._next_stream - 2

    def begin_and_reset(self, path: str, count: int) -> None:
        """Begins calls and takes each back at once."""
        frames = []
        for _ in range(count):
            frames.append(self._headers(path))
            frames.append(frame(_RST_STREAM, 0, self._next_stream - 2, struct.pack(">I", _CANCEL)))
        self.socket.sendall(b"".join(frames))

    def close(self) -> None:
        self.socket.close()

    def _headers(self, path: str) -> bytes:
        # HPACK (RFC 7541): POST and http by their numbers in the static table; the rest spelt out.
        block = b"\x83\x86" + _named(4, path) + _named(1, self._authority)
        block += _spelt("content-type", "application/grpc") + _spelt("te", "trailers")
        headers = frame(_HEADERS, _END_HEADERS, self._next_stream, block)
        self._next_stream += 2
        return headers


def _named(index: int, value: str) -> bytes:
    return bytes([index]) + _text(value)


def _spelt(name: str, value: str) -> bytes:
    return b"\x00" + _text(name) + _text(value)


def _text(value: str) -> bytes:
    content = value.encode()
    assert len(content) < 127
    return bytes([len(content)]) + content
