"""The application behind the second port. It shares nothing with the REST API but the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response

from kubeflow_metadata.rest.admission import Admission
from kubeflow_metadata.rest.calls import Calls, Connection
from kubeflow_metadata.rest.grpc_web.service import GrpcWeb
from kubeflow_metadata.rest.metrics import HTTP, SERVER, count_refusal
from kubeflow_metadata.rest.readiness import readiness
from kubeflow_metadata.rest.settings import Settings
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.serving.health import health_routes
from kubeflow_metadata.serving.leaving import EndWithClient
from kubeflow_metadata.serving.origins import Refusal, door
from kubeflow_metadata.serving.requests import RequestCheck
from kubeflow_metadata.serving.telemetry import Telemetry

# What scripts of another origin may read; without them every error would look like success.
_EXPOSED = ("grpc-status", "grpc-message", "x-request-id")


def create_grpc_web_app(settings: Settings) -> Starlette:
    """Returns the ASGI application."""
    budget = settings.budget
    connection = Connection(settings.grpc_target, settings.max_grpc_message_length, budget.response)
    admission = Admission(settings.limits, budget, settings.grpc_timeout, settings.max_call_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await connection.close()

    app = Starlette(
        # Ready as soon as the store is: clients of this port bring their types along.
        routes=health_routes(readiness(Store(Calls(connection, settings.grpc_timeout)))),
        middleware=[
            Middleware(Telemetry, server=SERVER, metrics=HTTP),
            Middleware(RequestCheck),
            # Reads are POST, too: whatever a page calls counts as a change.
            *door(settings.grpc_web_door, _refused, methods=["POST"], exposed=_EXPOSED),
            Middleware(EndWithClient),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.router.default = GrpcWeb(connection, admission, settings.grpc_timeout)
    return app


def _refused(refusal: Refusal) -> Response:
    # In HTTP's words: grpc-web's clients take 403 for PERMISSION_DENIED.
    count_refusal("origin or host")
    return PlainTextResponse(f"{refusal.message}\n", refusal.status)
