"""The gRPC server: the calls, health, reflection, and a stop that lets running calls finish."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

import grpc
import structlog
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from kubeflow_metadata.mlmd import metrics
from kubeflow_metadata.mlmd.db import deadlines
from kubeflow_metadata.mlmd.errors import Code, InvalidArgumentError, StoreError
from kubeflow_metadata.mlmd.options import ServerOptions

# Names that gRPC health answers for: the process alone, and the process with its database, as each service does.
LIVENESS = "liveness"
READINESS = ("readiness", "")

_STATUS_CODES = {status.value[0]: status for status in grpc.StatusCode}

# Failures that the operator of the server should see.
_WARNED = frozenset({Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.UNAVAILABLE, Code.DATA_LOSS, Code.DEADLINE_EXCEEDED})

# gRPC reports a call without a deadline as one with about three centuries.
_NO_DEADLINE_SECONDS = 10.0**8

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


class GrpcServer:
    """Serves any number of services on one port until it is stopped."""

    def __init__(self, services: Sequence[Service], options: ServerOptions) -> None:
        """Binds the addresses; nothing is answered before ``start``.

        Raises:
            RuntimeError: an address is taken or not of this machine.
            OSError: a file of ``options.tls`` cannot be read.
        """
        self._health = health.HealthServicer()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(options.workers, thread_name_prefix="rpc"), options=options.grpc_arguments()
        )
        self._server.add_generic_rpc_handlers([_service_handler(service) for service in services])
        names = [service.descriptor.full_name for service in services]
        self._readiness = (*READINESS, *names)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self._servers = [self._server]
        if options.tls:
            self.port = self._server.add_secure_port(options.address, options.tls.credentials())
        else:
            self.port = self._server.add_insecure_port(options.address)
        if options.health_address:
            probes = grpc.server(
                futures.ThreadPoolExecutor(1, thread_name_prefix="health"),
                options=[("grpc.so_reuseport", int(options.share_port))],
            )
            probes.add_insecure_port(options.health_address)
            self._servers.append(probes)
        for server in self._servers:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self.set_ready(ready=False)

    def start(self) -> None:
        """Starts to answer calls; gRPC health says that the process lives."""
        for server in self._servers:
            server.start()
        self._health.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)

    def set_ready(self, *, ready: bool) -> None:
        """Reports over gRPC health whether calls can succeed."""
        status = health_pb2.HealthCheckResponse
        for name in self._readiness:
            self._health.set(name, status.SERVING if ready else status.NOT_SERVING)

    def stop(self, grace_seconds: float) -> None:
        """Refuses new calls, waits for the running ones, ends those that outlast the grace."""
        self._health.enter_graceful_shutdown()
        for stopping in [server.stop(grace_seconds) for server in self._servers]:
            stopping.wait()


def _service_handler(service: Service) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[Any, Message]] = {}
    for method in service.descriptor.methods:
        request_class = message_factory.GetMessageClass(method.input_type)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            _answer(method.name, _refusing_malformed(service.handler(method.name))),
            request_deserializer=_parser(request_class),
            response_serializer=lambda response: response.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(service.descriptor.full_name, handlers)


def _parser(request_class: type[Message]) -> Callable[[bytes], Message | DecodeError]:
    """Parses requests; hands a malformed one on as its error, because gRPC itself would call it INTERNAL."""

    def parse(data: bytes) -> Message | DecodeError:
        try:
            return request_class.FromString(data)
        except DecodeError as error:
            return error

    return parse


def _refusing_malformed(handle: Callable[[Any], Message]) -> Callable[[Any], Message]:
    def refuse_or_handle(request: Any) -> Message:
        if isinstance(request, DecodeError):
            raise InvalidArgumentError(str(request))
        return handle(request)

    return refuse_or_handle


def _answer(method: str, handle: Callable[[Any], Message]) -> Callable[[Any, grpc.ServicerContext], Message]:
    """Runs a call within its deadline, measures it, logs it and turns its errors into statuses."""
    running = metrics.RUNNING
    seconds = cache(lambda code: metrics.CALLS.labels(method, _STATUS_CODES[code].name))

    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        started = time.perf_counter()
        code, message = 0, ""
        running.inc()
        try:
            with deadlines.deadline_in(_seconds_left(context)):
                return handle(request)
        except StoreError as error:
            code, message = error.code, str(error)
        except Exception:
            log.exception("call failed", method=method, request_id=_request_id(context))
            code, message = Code.INTERNAL, f"{method} failed with an internal error; see the server's log."
        finally:
            running.dec()
            took = time.perf_counter() - started
            seconds(code).observe(took)
            _log(method, code, message, took, context)
        return context.abort(_STATUS_CODES[code], message)

    return answer


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
