"""The application behind the second port. It shares nothing with the REST API but the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from kubeflow_metadata.rest.calls import Calls, connect
from kubeflow_metadata.rest.grpc_web.service import GrpcWeb
from kubeflow_metadata.rest.metrics import HTTP, SERVER
from kubeflow_metadata.rest.readiness import readiness
from kubeflow_metadata.rest.settings import Settings
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.serving.health import health_routes
from kubeflow_metadata.serving.telemetry import Telemetry

# What scripts of another origin may read; without them every error would look like success.
_EXPOSED = ("grpc-status", "grpc-message", "x-request-id")


def create_grpc_web_app(settings: Settings) -> Starlette:
    """Returns the ASGI application."""
    channel = connect(settings.grpc_target, settings.max_grpc_message_length)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await channel.close()

    app = Starlette(
        # Ready as soon as the store is: clients of this port bring their types along.
        routes=health_routes(readiness(Store(Calls(channel, settings.grpc_timeout)))),
        middleware=[
            Middleware(Telemetry, server=SERVER, metrics=HTTP),
            Middleware(
                CORSMiddleware,
                allow_origins=settings.grpc_web_allowed_origins,
                allow_methods=["POST"],
                # An origin that is trusted may send any header; few of them go further.
                allow_headers=["*"],
                expose_headers=_EXPOSED,
            ),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.router.default = GrpcWeb(channel, settings.limits, settings.grpc_timeout)
    return app
