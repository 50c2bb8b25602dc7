"""What runs: a process that answers calls, or one that supervises several of them."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from kubeflow_metadata.mlmd import workers
from kubeflow_metadata.mlmd.configuration import Configuration, with_address
from kubeflow_metadata.mlmd.errors import DatabaseOpenError
from kubeflow_metadata.serving import ending
from kubeflow_metadata.serving.addresses import host_and_port

# An available database responds sooner: by the time the server reports that it is serving, it is ready.
_FIRST_ANSWER_SECONDS = 1.0

log = structlog.get_logger("kubeflow_metadata.mlmd")


class CannotStartError(Exception):
    """The server cannot run as configured; the message says what to type."""


def serve(configuration: Configuration) -> int:
    """Answers calls until SIGTERM or SIGINT, or until the supervisor of this worker is gone; returns the exit code."""
    # Heavy, and not for the process that only supervises.
    from kubeflow_metadata.mlmd.server import GrpcServer
    from kubeflow_metadata.mlmd.service import MetadataStore
    from kubeflow_metadata.mlmd.watch import DatabaseWatch

    shared_port = workers.worker_port()
    port = configuration.port if shared_port is None else shared_port
    options = with_address(configuration, port, share_port=shared_port is not None)
    try:
        database = configuration.database.open()
    except DatabaseOpenError as error:
        raise CannotStartError(str(error)) from error
    try:
        server = GrpcServer([MetadataStore(database)], options)
    except RuntimeError as error:
        raise _cannot_listen(configuration.host, port) from error
    stop = threading.Event()
    refused: list[DatabaseOpenError] = []

    def refuse(error: DatabaseOpenError) -> None:
        refused.append(error)
        stop.set()

    watch = DatabaseWatch(database, lambda up: server.set_ready(ready=up), refuse)
    with ExitStack() as stack:
        if shared_port is None:
            stack.callback(_serve_metrics(configuration))
        ending.when_told_to_stop(stop.set)
        ending.when_a_thread_dies()
        # A supervisor starts another worker; a process without one is restarted for what health says.
        server.start(None if shared_port is None else lambda: ending.at_once(ending.RESTART))
        watch.start()
        watch.asked.wait(_FIRST_ANSWER_SECONDS)
        if shared_port is not None:
            workers.when_supervisor_is_gone(stop.set)
        if not refused and shared_port is not None:
            workers.tell_supervisor_ready()
        elif not refused:
            address = host_and_port(configuration.host, server.port)
            log.info("serving", address=address, database=configuration.database.name)
        stop.wait()
        ending.surely_within(configuration.grace_seconds + ending.MARGIN_SECONDS, 1 if refused else 0)
        if not refused:
            log.info("stopping", grace_seconds=configuration.grace_seconds)
        server.stop(configuration.grace_seconds)
        watch.stop()
        database.close()
        if refused:
            raise CannotStartError(str(refused[0]))
        log.info("stopped")
    if server.busy():  # threads that did not end in time do not end with Python either
        ending.at_once(0)
    return 0


def supervise(configuration: Configuration) -> int:
    """Runs the workers until SIGTERM or SIGINT; returns the exit code."""
    from prometheus_client import CollectorRegistry, multiprocess

    try:
        holder = workers.reserve_port(configuration.host, configuration.port)
    except OSError as error:
        raise _cannot_listen(configuration.host, configuration.port) from error
    with holder, workers.metrics_directory() as folder, ExitStack() as stack:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        stack.callback(_serve_metrics(configuration, registry))
        port: int = holder.getsockname()[1]

        def serving() -> None:
            log.info(
                "serving",
                address=host_and_port(configuration.host, port),
                database=configuration.database.name,
                workers=configuration.worker_processes,
            )

        supervisor = workers.Supervisor(
            configuration.worker_processes,
            port,
            Path(folder),
            lambda pid: multiprocess.mark_process_dead(pid, path=folder),  # type: ignore[no-untyped-call]
        )
        code = supervisor.run(configuration.grace_seconds, serving)
        if code == 0:
            log.info("stopped")
    return code


def _cannot_listen(host: str, port: int) -> CannotStartError:
    return CannotStartError(
        f"Cannot listen on {host_and_port(host, port)}: the port is in use or the address is not one of this machine. "
        "Choose another one with --grpc_port."
    )


def _serve_metrics(configuration: Configuration, registry: Any = None) -> Any:
    """Serves Prometheus if a port is set for it; returns a function that stops it."""
    if not configuration.metrics_port:
        return lambda: None
    from prometheus_client import REGISTRY, start_http_server

    try:
        server, thread = start_http_server(
            configuration.metrics_port, configuration.host, REGISTRY if registry is None else registry
        )
    except OSError as error:
        raise CannotStartError(
            f"Cannot listen on {host_and_port(configuration.host, configuration.metrics_port)} for metrics: "
            f"{error.strerror}. Choose another port with --metrics_port."
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
