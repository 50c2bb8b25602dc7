"""The gRPC server: the calls, health, reflection, and a stop that lets running calls finish."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

import grpc
import structlog
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from kubeflow_metadata.mlmd import message_first, metrics
from kubeflow_metadata.mlmd.budget import Budget, Pressure
from kubeflow_metadata.mlmd.db.deadlines import CallTime
from kubeflow_metadata.mlmd.db.shares import AnswerLimits, Share, TooLargeError
from kubeflow_metadata.mlmd.elements import count_elements
from kubeflow_metadata.mlmd.errors import Code, DeadlineExceededError, InvalidArgumentError, StoreError
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.slots import Slots
from kubeflow_metadata.mlmd.unsent import LARGE_BYTES, UnsentAnswers

# Names that gRPC health answers for: the process alone, and the process with its database, as each service does.
LIVENESS = "liveness"
READINESS = ("readiness", "")

_STATUS_CODES = {status.value[0]: status for status in grpc.StatusCode}

# Failures that the operator of the server should see.
_WARNED = frozenset({Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.UNAVAILABLE, Code.DATA_LOSS, Code.DEADLINE_EXCEEDED})

# gRPC reports a call without a deadline as one with about three centuries.
_NO_DEADLINE_SECONDS = 10.0**8

# What the port for probes needs: each answers at once.
_PROBES = message_first.Limits(workers=1, streams=1, receiving=100, receive_seconds=10, ready=100)

# How often it is looked at whether calls still end.
_LOOK_SECONDS = 5.0

# How long gRPC may take to end what has outlasted the grace.
_CANCEL_SECONDS = 1.0

log = structlog.get_logger("kubeflow_metadata.mlmd")
_levels = logging.getLogger("kubeflow_metadata.mlmd")


class Service(Protocol):
    """A service: calls that take a message and return one."""

    @property
    def descriptor(self) -> ServiceDescriptor:
        """What the service is called, its calls and their messages."""
        ...

    def handler(self, method: str) -> Callable[[Any], Message]:
        """Returns the function that answers a call; it raises StoreError."""
        ...


@dataclass(frozen=True)
class _Work:
    """What the calls of a process share."""

    slots: Slots
    max_seconds: float | None
    budget: Budget
    answers: AnswerLimits | None
    unsent: UnsentAnswers


class GrpcServer:
    """Serves any number of services on one port until it is stopped."""

    def __init__(self, services: Sequence[Service], options: ServerOptions) -> None:
        """Binds the addresses; nothing is answered before ``start``.

        Raises:
            RuntimeError: an address is taken or not of this machine.
            OSError: a file of ``options.tls`` cannot be read.
        """
        budget = options.budget
        self._slots = Slots()
        work = _Work(
            self._slots, options.max_call_seconds, budget, budget.answer_limits(), UnsentAnswers(budget.unsent_bytes)
        )
        self._health = health.HealthServicer()
        self._server = grpc.server(
            message_first.executor(_limits(options.workers, budget), "rpc"), options=options.grpc_arguments()
        )
        self._server.add_generic_rpc_handlers([_service_handler(service, work) for service in services])
        names = [service.descriptor.full_name for service in services]
        self._readiness = (*READINESS, *names)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self._servers = [self._server]
        if options.tls:
            self.port = self._server.add_secure_port(options.address, options.tls.credentials())
        else:
            self.port = self._server.add_insecure_port(options.address)
        if options.health_address:
            probes = grpc.server(message_first.executor(_PROBES, "health"), options=options.probe_arguments())
            probes.add_insecure_port(options.health_address)
            self._servers.append(probes)
        for server in self._servers:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self._stopping = threading.Event()
        self.set_ready(ready=False)

    def start(self, when_stuck: Callable[[], None] | None = None) -> None:
        """Starts to answer calls; gRPC health says that the process lives.

        Where calls do not end any more, health says that it does not, and ``when_stuck`` is called.
        """
        for server in self._servers:
            server.start()
        self._set(LIVENESS, serving=True)
        threading.Thread(target=self._watch, args=(when_stuck,), name="liveness", daemon=True).start()

    def set_ready(self, *, ready: bool) -> None:
        """Reports over gRPC health whether calls can succeed."""
        for name in self._readiness:
            self._set(name, serving=ready)

    def busy(self) -> bool:
        """Returns whether any call is in progress."""
        return self._slots.busy()

    def stop(self, grace_seconds: float) -> None:
        """Refuses new calls, waits for the running ones, ends those that outlast the grace."""
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        end = time.monotonic() + grace_seconds + _CANCEL_SECONDS
        for stopped in [server.stop(grace_seconds) for server in self._servers]:
            stopped.wait(max(0.0, end - time.monotonic()))

    def _set(self, name: str, *, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    def _watch(self, when_stuck: Callable[[], None] | None) -> None:
        lives = True
        while not self._stopping.wait(_LOOK_SECONDS):
            if lives is self._slots.stuck():
                lives = not lives
                self._set(LIVENESS, serving=lives)
                if not lives:
                    log.error("calls do not end any more: the process needs a restart")
                    if when_stuck is not None:
                        when_stuck()


def _limits(workers: int, budget: Budget) -> message_first.Limits:
    return message_first.Limits(
        workers=workers,
        ready_bytes=budget.ready_bytes,
        large_bytes=budget.large_bytes,
        large_at_once=budget.large_at_once,
        checked_above=budget.receiving,
        under_pressure=Pressure(budget.process_bytes),
    )


def _service_handler(service: Service, work: _Work) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in service.descriptor.methods:
        # Requests and answers pass gRPC as bytes: parsing them is part of the call's work, time and errors.
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            _answer(method.name, method.input_type, service.handler(method.name), work)
        )
    return grpc.method_handlers_generic_handler(service.descriptor.full_name, handlers)


def _answer(
    method: str, request_type: Descriptor, handle: Callable[[Any], Message], work: _Work
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    """Runs a call within its time and memory, measures it, logs it and turns its errors into statuses."""
    running = metrics.RUNNING
    seconds = cache(lambda code: metrics.CALLS.labels(method, _STATUS_CODES[code].name))
    large_bytes = work.budget.large_bytes
    request_class = message_factory.GetMessageClass(request_type)

    def answer(data: bytes, context: grpc.ServicerContext) -> bytes:
        started = time.perf_counter()
        code, message = 0, ""
        call = CallTime(_seconds_left(context), work.max_seconds)
        work.slots.take(call)
        running.inc()
        try:
            if not context.add_callback(call.cancel):
                call.cancel()
            with call:
                if work.answers is not None:
                    return _within_share(Share(work.answers), data, context)
                if len(data) > large_bytes:
                    _check_size(data, request_type, work.budget)
                return handle(_parsed(data, request_class)).SerializeToString()
        except StoreError as error:
            code, message = _told(error, call)
            _forget_frames(error)
        except MemoryError:
            metrics.REFUSED_FOR_MEMORY.labels("out_of_memory").inc()
            code, message = (
                Code.RESOURCE_EXHAUSTED,
                f"The server ran out of memory in {method}. Ask for less at a time.",
            )
        except Exception:
            log.exception("call failed", method=method, request_id=_request_id(context))
            code, message = Code.INTERNAL, f"{method} failed with an internal error; see the server's log."
        finally:
            running.dec()
            work.slots.give_back(call)
            took = time.perf_counter() - started
            seconds(code).observe(took)
            _log(method, code, message, took, context)
        return context.abort(_STATUS_CODES[code], message)

    def _within_share(share: Share, data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            with share:
                if len(data) > large_bytes:
                    share.grow()
                    _check_size(data, request_type, work.budget)
                serialized = handle(_parsed(data, request_class)).SerializeToString()
        finally:
            share.close()
        if len(serialized) > LARGE_BYTES:
            work.unsent.add(context, len(serialized))
            if not context.add_callback(lambda: work.unsent.sent(context)):
                work.unsent.sent(context)
        return serialized

    return answer


def _check_size(data: bytes, kind: Descriptor, budget: Budget) -> None:
    if len(data) > budget.message_bytes:
        raise budget.message_too_large(len(data))
    if count_elements(data, kind, budget.elements) > budget.elements:
        raise budget.too_many_elements()


def _parsed(data: bytes, request_class: type[Message]) -> Message:
    try:
        return request_class.FromString(data)
    except DecodeError as error:
        raise InvalidArgumentError(str(error)) from error


def _told(error: StoreError, call: CallTime) -> tuple[Code, str]:
    """Returns what a client reads of an error; of time that is over, the call itself knows best why."""
    if isinstance(error, TooLargeError):
        metrics.REFUSED_FOR_MEMORY.labels(error.reason).inc()
    elif isinstance(error, DeadlineExceededError) and call.ends <= time.monotonic():
        if call.by_limit():
            metrics.OVER_TIME.inc()
        error = call.error()
    return error.code, str(error)


def _forget_frames(error: BaseException) -> None:
    """Lets go of the frames that an error and its causes have passed.

    Some of them hold the error itself: only the garbage collector would free such a circle, and with it the frame of
    the call and its stream, which until then counts as open.
    """
    passed: BaseException | None = error
    while passed is not None:
        passed.__traceback__ = None
        passed = passed.__cause__ or passed.__context__


def _seconds_left(context: grpc.ServicerContext) -> float | None:
    left: float | None = context.time_remaining()
    return left if left is not None and left < _NO_DEADLINE_SECONDS else None


def _log(method: str, code: int, message: str, took: float, context: grpc.ServicerContext) -> None:
    # The message stays out of the log of common failures: it may quote a value that a unique key refused.
    warned = code in _WARNED
    if warned or _levels.isEnabledFor(logging.DEBUG):
        told = {"reason": message} if warned else {}
        log.log(
            logging.WARNING if warned else logging.DEBUG,
            "call",
            method=method,
            code=_STATUS_CODES[code].name,
            milliseconds=round(took * 1000, 1),
            request_id=_request_id(context),
            **told,
        )


def _request_id(context: grpc.ServicerContext) -> str:
    """Returns the id that the client gave its request, or a new one."""
    for key, value in context.invocation_metadata() or ():
        if key == "x-request-id":
            return value if isinstance(value, str) else value.decode(errors="replace")
    return uuid4().hex
