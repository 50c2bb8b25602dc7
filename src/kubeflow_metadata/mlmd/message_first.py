"""An executor for ``grpc.server`` that hands a call to a worker only once its request message has arrived.

gRPC for Python hands a call to a pool thread as soon as its headers arrive, and the thread then waits for
the message: a few clients that send only headers can tie up every thread. Here the thread that serves gRPC's events
starts to receive the message, and what waits for it is an entry in a table. Tables and queues are bounded; where one
is full, the call that has waited longest ends with RESOURCE_EXHAUSTED, and a new call is never rejected because of it.

This leans on private names of grpcio that have been the same from 1.74 to 1.85. ``executor`` answers with gRPC's own
kind of pool, and says so in the log, if they are not as known.
"""

from __future__ import annotations

import inspect
import queue
import threading
import time
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from grpc import _common, _server
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.ready_calls import ReadyCalls

log = structlog.get_logger("kubeflow_metadata.mlmd")

_TICK_SECONDS = 0.25
# How often memory is checked while more calls than usual send their messages.
_BUSY_TICK_SECONDS = 0.01
# A message that is under way for less than this is an ordinary one, whatever memory there is.
_ORDINARY_SECONDS = 0.05

_RECEIVING_LONGEST = "Too many calls are waiting for their messages; this one has waited longest."
_READY_LONGEST = "Too many calls are waiting for a worker; this one has waited longest."
_TOO_SLOW = "The message did not arrive within {:g} seconds."


@dataclass(frozen=True)
class Limits:
    """How much may wait, and how much is worked on.

    Attributes:
        workers: calls that are worked on at once.
        streams: streams that are worked on at once; a further one ends the oldest.
        receiving: calls whose message is not there yet.
        receive_seconds: how long a message may take to arrive.
        ready: calls whose message is there and that no worker has taken yet.
        ready_bytes: bytes of the messages of those and of the calls that are worked on.
        large_bytes: a message of more bytes is large.
        large_at_once: large messages that are worked on at once.
        checked_above: while more calls than this send their messages, memory is looked at.
        under_pressure: tells whether this process uses more memory than it should.
    """

    workers: int = 8
    streams: int = 4
    receiving: int = 1000
    receive_seconds: float = 60.0
    ready: int = 1000
    ready_bytes: int = 256 * 2**20
    large_bytes: int = 256 * 2**10
    large_at_once: int = 4
    checked_above: int = 16
    under_pressure: Callable[[], bool] = lambda: False


def executor(limits: Limits, name: str) -> Any:
    """Returns the executor, or gRPC's usual kind where grpcio is not as this module knows it.

    (Any, because gRPC's stubs ask for a ThreadPoolExecutor; gRPC itself takes any executor.)
    """
    if not grpcio_is_as_known():
        log.warning("this release of grpcio is unknown: half-sent calls occupy worker threads", workers=limits.workers)
        return futures.ThreadPoolExecutor(limits.workers, thread_name_prefix=name)
    return MessageFirstExecutor(limits, name)


def grpcio_is_as_known() -> bool:
    """Returns whether the private names of grpcio that are used here are there, with the parameters they had."""
    expected = {
        "_receive_message": ["state", "call", "request_deserializer"],
        "_abort": ["state", "call", "code", "details"],
        "_is_rpc_state_active": ["state"],
        "_unary_request": ["rpc_event", "state", "request_deserializer"],
        "_unary_response_in_pool": [
            *("rpc_event", "state", "behavior", "argument_thunk", "request_deserializer", "response_serializer")
        ],
    }
    try:
        names_fit = all(
            list(inspect.signature(getattr(_server, name)).parameters) == parameters
            for name, parameters in expected.items()
        )
        state: Any = getattr(_server, "_RPCState")()  # noqa: B009 - untyped
        return (
            names_fit
            and {"condition", "due", "request", "client", "statused"} <= set(vars(state))
            and all(hasattr(_server, name) for name in ("_RECEIVE_MESSAGE_TOKEN", "_CLOSED"))
            and hasattr(cygrpc, "ReceiveMessageOperation")
            and callable(_common.deserialize)
        )
    except (AttributeError, TypeError, ValueError):
        return False


class _Call:
    """A call on its way: what gRPC asked to run, and since when it has been waiting."""

    __slots__ = ("arguments", "body", "event", "since", "size", "state")

    def __init__(self, run: Any, body: Any, event: Any, state: Any, *rest: Any) -> None:
        self.body = body
        self.event = event
        self.state = state
        self.arguments = (run, body, event, state, *rest)
        self.since = time.monotonic()
        self.size = 0

    def run(self) -> None:
        run, *arguments = self.arguments
        run(*arguments)

    def refuse(self, reason: str, details: str) -> None:
        """Ends the call because there is no room for it any more."""
        metrics.REFUSED_FOR_MEMORY.labels(reason).inc()
        self.end(cygrpc.StatusCode.resource_exhausted, details)

    def end(self, code: Any, details: str) -> None:
        """Answers the call with an error, unless it has ended already."""
        _end(self.state, self.event, code, details)


class MessageFirstExecutor(futures.Executor):
    """Runs calls on a bounded number of threads, each once its message has arrived."""

    def __init__(self, limits: Limits, name: str) -> None:
        """Starts the threads; they are daemons, so that none of them keeps the process from ending."""
        self._limits = limits
        self._lock = threading.Lock()
        self._receiving: dict[int, _Call] = {}
        self._ready: ReadyCalls[_Call] = ReadyCalls(
            most=limits.ready,
            most_bytes=limits.ready_bytes,
            large_bytes=limits.large_bytes,
            large_at_once=limits.large_at_once,
        )
        self._streams: dict[int, _Call] = {}
        self._new_streams: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._stopped = threading.Event()
        threads = {f"{name}-{number}": self._work for number in range(limits.workers)}
        threads |= {f"{name}-stream-{number}": self._work_on_streams for number in range(limits.streams)}
        threads[f"{name}-watch"] = self._watch
        for title, target in threads.items():
            threading.Thread(target=target, name=title, daemon=True).start()

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Any:
        """Accepts a call from gRPC's serving thread, which holds the condition of the call.

        Returns:
            None: nobody waits for a future of it.
        """
        call = _Call(fn, *args)
        if _is_stream_of_requests(call):
            self._start_stream(call)
            return None
        late = None
        with self._lock:
            self._receiving[id(call)] = call
            if len(self._receiving) > self._limits.receiving:
                late = self._receiving.pop(next(iter(self._receiving)))
        call.state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        call.event.call.start_server_batch((cygrpc.ReceiveMessageOperation(0),), self._when_received(call))
        if late is not None:
            late.refuse("receiving", _RECEIVING_LONGEST)
        return None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the watch over waiting calls."""
        self._stopped.set()

    def _when_received(self, call: _Call) -> Callable[[Any], Any]:
        """Returns what gRPC's serving thread runs when the message is there, or can no longer arrive."""
        receive = _server._receive_message(call.state, call.event.call, None)

        def received(event: Any) -> Any:
            with self._lock:
                in_time = self._receiving.pop(id(call), None) is not None
            finished = receive(event)
            if not in_time:
                call.state.request = None
            elif call.state.request is not None:
                self._make_ready(call)
            elif call.state.client is _server._CLOSED:
                call.end(cygrpc.StatusCode.unimplemented, "The call needs exactly one request message.")
            return finished

        return received

    def _make_ready(self, call: _Call) -> None:
        call.size = len(call.state.request)
        *before, _, parse, serialize = call.arguments
        # Nothing in a call leads back to it: its stream counts as open until gRPC's part of the call is freed, and only
        # the garbage collector, at some time, frees what is in a circle.
        call.arguments = (*before, partial(_parsed, call.state, call.event, parse), parse, serialize)
        if _is_stream_of_responses(call):
            self._start_stream(call)
            return
        for late in self._ready.put(call):
            late.refuse("ready", _READY_LONGEST)

    def _work(self) -> None:
        while True:
            call = self._ready.take()
            try:
                call.run()
            except Exception:  # gRPC's own code catches what a call raises
                log.exception("a call failed outside of its method")
            finally:
                self._ready.done(call)
                # Not kept until the next call comes: it may hold megabytes.
                del call

    def _start_stream(self, call: _Call) -> None:
        late = None
        with self._lock:
            self._streams[id(call)] = call
            if len(self._streams) > self._limits.streams:
                late = self._streams.pop(next(iter(self._streams)))
        self._new_streams.put(call)
        if late is not None:
            # Its thread may wait for the client's next message: the end of the call wakes it up.
            late.event.call.cancel()

    def _work_on_streams(self) -> None:
        while True:
            call = self._new_streams.get()
            try:
                call.run()
            except Exception:
                log.exception("a stream failed outside of its method")
            finally:
                with self._lock:
                    self._streams.pop(id(call), None)
                del call

    def _watch(self) -> None:
        """Ends calls whose messages take too long, and the oldest of them while memory is short."""
        while not self._stopped.wait(self._tick()):
            for call in self._slow():
                call.end(cygrpc.StatusCode.deadline_exceeded, _TOO_SLOW.format(self._limits.receive_seconds))
            while len(self._receiving) > self._limits.checked_above and self._limits.under_pressure():
                oldest = self._oldest()
                if oldest is None:
                    break
                oldest.refuse("receiving", _RECEIVING_LONGEST)

    def _tick(self) -> float:
        return _BUSY_TICK_SECONDS if len(self._receiving) > self._limits.checked_above else _TICK_SECONDS

    def _oldest(self) -> _Call | None:
        """Takes out the call that has waited longest for its message; None if none has waited unusually long."""
        latest = time.monotonic() - _ORDINARY_SECONDS
        with self._lock:
            key, call = next(iter(self._receiving.items()), (0, None))
            if call is None or call.since > latest:
                return None
            return self._receiving.pop(key)

    def _slow(self) -> list[_Call]:
        latest = time.monotonic() - self._limits.receive_seconds
        slow = []
        with self._lock:
            for key, call in self._receiving.items():
                if call.since > latest:
                    break
                slow.append(key)
            return [self._receiving.pop(key) for key in slow]


def _is_stream_of_requests(call: _Call) -> bool:
    # gRPC gives a call with one message a function that waits for it, a stream an iterator of messages.
    return bool(call.arguments[5].__name__ != "unary_request")


def _is_stream_of_responses(call: _Call) -> bool:
    non_blocking = getattr(call.arguments[4], "experimental_non_blocking", False)
    return bool(call.body.__name__ == "_stream_response_in_pool" and not non_blocking)


def _parsed(state: Any, event: Any, parse: Any) -> Any:
    """Returns the request, parsed by the worker and not by the serving thread; None if the call has ended."""
    with state.condition:
        if not _server._is_rpc_state_active(state):
            return None
        serialized, state.request = state.request, None
    request = _common.deserialize(serialized, parse)
    if request is None:
        _end(state, event, cygrpc.StatusCode.internal, "The request could not be parsed.")
    return request


def _end(state: Any, event: Any, code: Any, details: str) -> None:
    with state.condition:
        if _server._is_rpc_state_active(state):
            state.request = None
            _server._abort(state, event.call, code, details.encode())
