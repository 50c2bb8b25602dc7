"""The gRPC server: the calls, health, reflection, and a stop that lets running calls finish."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf import message_factory
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mlmd_proto import metadata_store_service_pb2 as rpc
from mlmd_server.errors import Code, InvalidArgumentError, StoreError
from mlmd_server.service import METHODS, MetadataStore

SERVICE = rpc.DESCRIPTOR.services_by_name["MetadataStoreService"].full_name

_STATUS_CODES = {status.value[0]: status for status in grpc.StatusCode}

log = structlog.get_logger("mlmd_server")


@dataclass(frozen=True)
class ServerOptions:
    """How the gRPC server listens.

    Attributes:
        address: ``host:port``; port 0 takes a free one.
        workers: calls that run at the same time; further ones wait.
        max_message_bytes: the largest request that is read. Responses are not limited.
        max_metadata_bytes: the largest headers of a request.
    """

    address: str
    workers: int = 8
    max_message_bytes: int = 100 * 1024 * 1024
    max_metadata_bytes: int = 16 * 1024


class GrpcServer:
    """Serves a metadata store until it is stopped."""

    def __init__(self, store: MetadataStore, options: ServerOptions) -> None:
        """Binds the address; nothing is answered before ``start``.

        Raises:
            RuntimeError: the address is taken or not of this machine.
        """
        self._health = health.HealthServicer()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(options.workers, thread_name_prefix="rpc"),
            options=[
                ("grpc.so_reuseport", 0),  # a taken port is an error, not a second server behind the same one
                ("grpc.max_receive_message_length", options.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", options.max_metadata_bytes),
            ],
        )
        self._server.add_generic_rpc_handlers((_service_handler(store),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._server.add_insecure_port(options.address)

    def start(self) -> None:
        """Starts to answer calls and says so over gRPC health."""
        self._server.start()
        for name in ("", SERVICE):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_seconds: float) -> None:
        """Refuses new calls, waits for the running ones, ends those that outlast the grace."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_seconds).wait()


def _service_handler(store: MetadataStore) -> grpc.GenericRpcHandler:
    handlers: dict[str, grpc.RpcMethodHandler[Any, Message]] = {}
    for method in METHODS:
        request_class = message_factory.GetMessageClass(method.input_type)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            _answer(method.name, _refusing_malformed(store.handler(method.name))),
            request_deserializer=_parser(request_class),
            response_serializer=lambda response: response.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


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
    """Runs a call, logs it and turns its errors into statuses."""

    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        started = time.monotonic()
        code, message = _STATUS_CODES[0], ""
        try:
            return handle(request)
        except StoreError as error:
            code, message = _STATUS_CODES[error.code], str(error)
        except Exception:
            log.exception("call failed", method=method)
            code, message = _STATUS_CODES[Code.INTERNAL], f"{method} failed inside the server; its log says why."
        finally:
            milliseconds = round((time.monotonic() - started) * 1000, 1)
            log.debug("call", method=method, code=code.name, milliseconds=milliseconds)
        return context.abort(code, message)

    return answer
