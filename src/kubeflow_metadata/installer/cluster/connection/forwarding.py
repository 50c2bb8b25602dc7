"""Port-forwards: a port of this machine, each connection to which goes through the API server to a port of a pod.

The official client's own port-forward patches the client while it connects, which two connections at once do not
survive, and drops what is still to come when one side has closed.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from kubeflow_metadata.errors import UserError
from kubeflow_metadata.installer.cluster.connection import websockets

HOST = "127.0.0.1"
_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
# What may wait in memory for the slower of the two sides, and what is handed over at once; in bytes.
_MOST_WAITING = 1024 * 1024
_PIECE = 64 * 1024
# The protocol cannot tell a pod that a client will send no more. One that closed may still want the answer.
_LINGER_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Pods(Protocol):
    """Chooses the pod of a connection."""

    def __call__(self, lost: str = "") -> str:
        """Returns the name of a pod that serves; another one than ``lost``, which was tried, where there is one."""


def pods_of(pod: str | Callable[..., str]) -> Pods:
    """Returns what chooses the pod: what was given, or one that always names the same."""
    if not isinstance(pod, str):
        return pod
    name = pod

    def same(lost: str = "") -> str:
        del lost
        return name

    return same


@contextmanager
def forwarded(dial: Callable[[str], Any], pods: Pods, local_port: int, say: Callable[[str], object]) -> Iterator[int]:
    """Listens on a port of 127.0.0.1 and forwards each connection; the context is the port.

    Args:
        dial: opens a WebSocket to the port of a pod by its name, as ``dialled`` does, or raises a ``UserError``.
        pods: chooses the pod, for each connection.
        local_port: to listen on; 0 for a free one.
        say: is told what went wrong with a connection.

    Raises:
        UserError: the local port is taken, or there is no such pod, or no right to reach it.
    """
    try:
        listener = socket.create_server((HOST, local_port), backlog=128)
    except OSError as error:
        raise UserError(
            f"Cannot listen on port {local_port} of {HOST}: {error.strerror}.", hint="Choose another one with --port."
        ) from error
    with listener:
        # What would fail for every connection is told now.
        _close(_dialled(dial, pods))
        forwarder = _Forwarder(listener, dial, pods, say)
        forwarder.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            forwarder.stop()


def dialled(client: Any, namespace: str, pod: str, port: int) -> Any:
    """Opens a WebSocket to a port of a pod, which carries one connection.

    Args:
        client: a ``kubernetes.client.ApiClient``.
        namespace: of the pod.
        pod: its name.
        port: that it listens on.

    Raises:
        kubernetes.client.exceptions.ApiException: the server refuses.
        OSError: it does not respond.
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
    websocket = websockets.opened(client, path, _PROTOCOL)
    websocket.sock.settimeout(0)
    return websocket


class _Forwarder:
    """Accepts connections, each in a thread of its own, until it is stopped."""

    def __init__(
        self, listener: socket.socket, dial: Callable[[str], Any], pods: Pods, say: Callable[[str], object]
    ) -> None:
        self._listener, self._dial, self._pods, self._say = listener, dial, pods, say
        self._stopped = threading.Event()
        self._accepting = threading.Thread(target=self._accept, name="port-forward", daemon=True)

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        self._stopped.set()
        self._accepting.join()

    def _accept(self) -> None:
        self._listener.settimeout(_LOOK_SECONDS)
        while not self._stopped.is_set():
            try:
                local, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(local,), name="port-forward", daemon=True).start()

    def _serve(self, local: socket.socket) -> None:
        with local:
            try:
                websocket = _dialled(self._dial, self._pods)
            except UserError as error:
                self._say(str(error))
                return
            try:
                if problem := _Connection(local, websocket).copy(self._stopped):
                    self._say(problem)
            finally:
                _close(websocket)


def _dialled(dial: Callable[[str], Any], pods: Pods) -> Any:
    """Opens a WebSocket to the pod in use; where that is gone, to the one that took its place."""
    pod = pods()
    try:
        return dial(pod)
    except UserError:
        replacement = pods(lost=pod)
        if replacement == pod:
            raise
        return dial(replacement)


def _close(websocket: Any) -> None:
    from websocket import WebSocketException

    with suppress(WebSocketException, OSError):
        websocket.shutdown()


class _Connection:
    """A connection of this machine, and the WebSocket that carries it on.

    One thread does both directions, because a TLS connection must not be read and written at once.
    """

    def __init__(self, local: socket.socket, websocket: Any) -> None:
        local.setblocking(False)
        self._local, self._websocket, self._remote = local, websocket, websocket.sock
        self._to_pod, self._to_local = bytearray(), bytearray()
        self._local_sends = self._remote_sends = True
        self._introduced: set[int] = set()  # channels whose first message, the number of the port, came
        self._problem = ""
        self._last = time.monotonic()

    def copy(self, stopped: threading.Event) -> str:
        """Copies until both sides have what the other one sent; returns what the pod's node complained of, if so."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._local, selectors.EVENT_READ)
            selector.register(self._remote, selectors.EVENT_READ)
            while not stopped.is_set() and not self._is_over():
                ready = self._wait(selector)
                try:
                    self._move(ready)
                except OSError:
                    break  # one side is gone, and the other one learns of it
        return self._problem

    def _is_over(self) -> bool:
        if not self._remote_sends:
            return not self._to_local
        waits = bool(self._to_pod or self._to_local)
        return not self._local_sends and not waits and time.monotonic() - self._last > _LINGER_SECONDS

    def _wait(self, selector: selectors.BaseSelector) -> dict[Any, int]:
        reads = self._local_sends and len(self._to_pod) < _MOST_WAITING
        remote_reads = self._remote_sends and len(self._to_local) < _MOST_WAITING
        _watch(selector, self._local, reads=reads, writes=bool(self._to_local))
        _watch(selector, self._remote, reads=remote_reads, writes=bool(self._to_pod) and self._remote_sends)
        # What TLS has decrypted already is not seen on the socket.
        waiting = remote_reads and isinstance(self._remote, ssl.SSLSocket) and self._remote.pending() > 0
        ready = {key.fileobj: events for key, events in selector.select(0 if waiting else _LOOK_SECONDS)}
        if waiting:
            ready[self._remote] = ready.get(self._remote, 0) | selectors.EVENT_READ
        return ready

    def _move(self, ready: dict[Any, int]) -> None:
        local, remote = ready.get(self._local, 0), ready.get(self._remote, 0)
        if remote & selectors.EVENT_READ:
            self._receive()
        if self._to_local:
            _send(self._local, self._to_local)
        if local & selectors.EVENT_READ and self._local_sends:
            self._read_local()
        if self._to_pod and self._remote_sends:
            try:
                _send(self._remote, self._to_pod)
            except OSError:
                # What it sent before it closed is still to be read.
                self._to_pod.clear()
                self._local_sends = False
        if local or remote:
            self._last = time.monotonic()

    def _read_local(self) -> None:
        try:
            data = self._local.recv(_PIECE)
        except _NOT_NOW:
            return
        if data:
            self._frame(bytes([_DATA]) + data)
        else:
            self._local_sends = False

    def _receive(self) -> None:
        from websocket import ABNF, WebSocketException

        try:
            frame = self._websocket.recv_frame()
        except _NOT_NOW:
            return
        except (WebSocketException, OSError):
            self._remote_sends = False
            return
        if frame.opcode == ABNF.OPCODE_CLOSE:
            self._remote_sends = False
        elif frame.opcode == ABNF.OPCODE_PING:
            self._frame(frame.data, ABNF.OPCODE_PONG)
        elif frame.opcode == ABNF.OPCODE_BINARY and frame.data:
            self._take(frame.data[0], frame.data[1:])

    def _take(self, channel: int, data: bytes) -> None:
        if channel not in self._introduced:
            self._introduced.add(channel)
        elif channel == _DATA:
            self._to_local += data
        elif channel == _ERROR and data:
            self._problem += data.decode(errors="replace")
            self._remote_sends = False

    def _frame(self, data: bytes, opcode: int | None = None) -> None:
        from websocket import ABNF

        frame = ABNF.create_frame(data, ABNF.OPCODE_BINARY if opcode is None else opcode)
        self._to_pod += frame.format()


def _watch(selector: selectors.BaseSelector, what: Any, *, reads: bool, writes: bool) -> None:
    """Watches a socket for what is wanted of it; one of which nothing is wanted is left out."""
    events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
    known = selector.get_map().get(what)
    if known is None:
        if events:
            selector.register(what, events)
    elif not events:
        selector.unregister(what)
    elif known.events != events:
        selector.modify(what, events)


def _send(to: Any, waiting: bytearray) -> None:
    with suppress(*_NOT_NOW):
        sent = to.send(bytes(waiting[:_PIECE]))
        del waiting[:sent]
