"""A raw HTTP/2 connection (RFC 9113) that sends what no well-behaved gRPC client would."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import defaultdict

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
_END_HEADERS, _ACK = 4, 1
_CANCEL = 8
_INITIAL_WINDOW_SIZE = 4
_FRAME_BYTES = 16_384
_SECONDS = 60


class RawConnection:
    """Opens streams and leaves them as the test wants them, within the windows that the server grants."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS)
        self._socket.settimeout(None)
        self._next_stream = 1
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._initial = 65_535
        self._granted: defaultdict[int, int] = defaultdict(int)  # beyond the initial windows; 0 is the connection
        self._ended: set[int] = set()
        self._closed = False
        self._send(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the server may have hung up
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def open(self, path: str, data: bytes = b"") -> int:
        """Sends the headers of a call and, in frames, some bytes of its message; returns the stream.

        Gives up on the rest where the server ends the stream or grants no window.
        """
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self._send(_frame(_HEADERS, _END_HEADERS, stream, _headers(path)))
        sent = 0
        while sent < len(data):
            size = self._window(stream, min(_FRAME_BYTES, len(data) - sent))
            if not size:
                break
            self._send(_frame(_DATA, 0, stream, data[sent : sent + size]))
            sent += size
        return stream

    def open_and_reset(self, path: str, count: int) -> None:
        """Opens streams and resets each at once."""
        for first in range(0, count, 100):
            frames = b""
            for _ in range(min(100, count - first)):
                stream, self._next_stream = self._next_stream, self._next_stream + 2
                frames += _frame(_HEADERS, _END_HEADERS, stream, _headers(path))
                frames += _frame(_RST_STREAM, 0, stream, _CANCEL.to_bytes(4, "big"))
            self._send(frames)

    def _window(self, stream: int, wanted: int) -> int:
        """Takes up to so many bytes of the windows, once there are any."""

        def free() -> int:
            return min(65_535 + self._granted[0], self._initial + self._granted[stream])

        with self._changed:
            self._changed.wait_for(lambda: free() > 0 or stream in self._ended or self._closed, _SECONDS)
            if stream in self._ended or self._closed:
                return 0
            size = max(0, min(wanted, free()))
            self._granted[0] -= size
            self._granted[stream] -= size
            return size

    def _send(self, data: bytes) -> None:
        with self._writing:
            self._socket.sendall(data)

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._socket.makefile("rb") as incoming:
            while len(header := incoming.read(9)) == 9:
                payload = incoming.read(int.from_bytes(header[:3], "big"))
                self._note(header[3], header[4], int.from_bytes(header[5:], "big"), payload)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        with self._changed:
            if kind == _WINDOW_UPDATE:
                self._granted[stream] += int.from_bytes(payload, "big")
            elif kind == _RST_STREAM:
                self._ended.add(stream)
            elif kind == _GOAWAY:
                self._closed = True
            elif kind == _SETTINGS and not flags & _ACK:
                for start in range(0, len(payload), 6):
                    if int.from_bytes(payload[start : start + 2], "big") == _INITIAL_WINDOW_SIZE:
                        self._initial = int.from_bytes(payload[start + 2 : start + 6], "big")
            self._changed.notify_all()
        if kind == _SETTINGS and not flags & _ACK:
            with contextlib.suppress(OSError):
                self._send(_frame(_SETTINGS, _ACK, 0, b""))


def half_message(declared: int, sent: int) -> bytes:
    """The beginning of a gRPC message that says how long it is and breaks off."""
    return b"\0" + declared.to_bytes(4, "big") + b"\n" * sent


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _headers(path: str) -> bytes:
    """Headers in HPACK (RFC 7541), each as a literal that no table keeps."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "test",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
