"""How one unary call travels over HTTP/1.1: frames, their text form, and the trailers behind the answer.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable
from enum import Enum

import grpc

from kubeflow_metadata.rest.errors import ApiError

_HEAD = struct.Struct(">BI")
_COMPRESSED = 0x01
_TRAILERS = 0x80
# Known clients send one or two. Each costs as much time as kilobytes of a long one.
_MOST_PARTS = 1000
_PART = re.compile(rb"[A-Za-z0-9+/]+={0,2}")


class Framing(Enum):
    """The two forms of a body; the value is the content type of an answer."""

    BINARY = "application/grpc-web+proto"
    TEXT = "application/grpc-web-text+proto"

    def encoded_bytes(self, message_bytes: int) -> int:
        """Returns how long the body of a message of this size may be; base64 may be padded in each of its parts."""
        framed = _HEAD.size + message_bytes
        return framed if self is Framing.BINARY else framed * 4 // 3 + 4 * (_MOST_PARTS + 1)


_FRAMINGS = {
    "application/grpc-web": Framing.BINARY,
    "application/grpc-web+proto": Framing.BINARY,
    "application/grpc-web-text": Framing.TEXT,
    "application/grpc-web-text+proto": Framing.TEXT,
}


def framing_of(header: str) -> Framing | None:
    """Returns the form that a Content-Type or Accept header names, the first if it names several."""
    for entry in header.split(","):
        if framing := _FRAMINGS.get(entry.partition(";")[0].strip().lower()):
            return framing
    return None


class MessageReader:
    """Collects a body as it arrives; rejects it once it cannot be a single message of at most ``max_bytes``."""

    def __init__(self, framing: Framing, max_bytes: int, limit: str = "--max_body_bytes") -> None:
        """Takes the form of the body, the longest message, and what sets that, for the error."""
        self._limit = limit
        self._decode = Base64Decoder() if framing is Framing.TEXT else None
        self._max_bytes = max_bytes
        self._frame = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._frame += self._decode.feed(chunk) if self._decode else chunk
        if len(self._frame) >= _HEAD.size:
            self._check()

    def message(self) -> bytes:
        """Returns the message, once the body has ended."""
        if self._decode:
            self._decode.end()
        if len(self._frame) < _HEAD.size:
            raise _malformed(f"the body ends after {len(self._frame)} bytes, within the 5-byte header of a message")
        _, length = _HEAD.unpack_from(self._frame)
        arrived = len(self._frame) - _HEAD.size
        if arrived < length:
            raise _malformed(f"the body ends after {arrived} of the {length} bytes of its message")
        return bytes(memoryview(self._frame)[_HEAD.size :])

    def _check(self) -> None:
        flags, length = _HEAD.unpack_from(self._frame)
        if flags == _COMPRESSED:
            raise ApiError(
                grpc.StatusCode.UNIMPLEMENTED, "compressed messages are not supported; send this one uncompressed"
            )
        if flags:
            raise _malformed(f"a message must begin with byte 0, not {flags}")
        if length > self._max_bytes:
            raise ApiError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the message has {length} bytes; this server accepts at most {self._max_bytes} ({self._limit})",
            )
        if len(self._frame) > _HEAD.size + length:
            raise _malformed("the body contains more than one message; calls of this service take exactly one")


class Base64Decoder:
    """Decodes base64 that arrives in chunks of any length; clients may have padded each of several parts."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts = 0

    def feed(self, chunk: bytes) -> bytes:
        chunk = self._rest + chunk
        # Padding fills a part up to a multiple of four characters, so every part begins at one.
        whole = len(chunk) - len(chunk) % 4
        self._rest = chunk[whole:]
        decoded = bytearray()
        end = 0
        for part in _PART.finditer(chunk, 0, whole):
            if part.start() != end or len(part[0]) % 4:
                break
            decoded += binascii.a2b_base64(part[0])
            end = part.end()
            self._parts += part[0].endswith(b"=")
            if self._parts > _MOST_PARTS:
                raise _malformed(f"the base64 body has more than {_MOST_PARTS} parts")
        if end != whole:
            raise _malformed("the body is not valid base64")
        return bytes(decoded)

    def end(self) -> None:
        if self._rest:
            raise _malformed("the body is not valid base64: its length is not a multiple of four")


def answer(framing: Framing, message: bytes | None, trailers: Iterable[tuple[str, str | bytes]]) -> bytes:
    """Returns the body of an answer: the message, if there is one, and the trailers."""
    lines = "".join(f"{name}:{_header(value)}\r\n" for name, value in trailers).encode("ascii")
    frames = [_HEAD.pack(_TRAILERS, len(lines)), lines]
    if message is not None:
        frames = [_HEAD.pack(0, len(message)), message, *frames]
    body = b"".join(frames)
    return base64.b64encode(body) if framing is Framing.TEXT else body


def _header(value: str | bytes) -> str:
    # gRPC has binary values, HTTP has not: they travel as base64 without padding.
    return base64.b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value


def _malformed(message: str) -> ApiError:
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, f"malformed grpc-web: {message}")
