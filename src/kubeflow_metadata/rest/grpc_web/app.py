"""The application behind the second port. It shares nothing with the REST API but the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from kubeflow_metadata.rest.app import Settings
from kubeflow_metadata.rest.grpc_web.service import GrpcWeb
from kubeflow_metadata.rest.health import Readiness, healthz, readyz
from kubeflow_metadata.rest.observe import Observer
from kubeflow_metadata.rest.store import Store, connect

# What scripts of another origin may read; without them every error would look like success.
_EXPOSED = ("grpc-status", "grpc-message", "x-request-id")


def create_grpc_web_app(settings: Settings) -> Starlette:
    channel = connect(settings.grpc_target, settings.max_grpc_message_length)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await channel.close()

    # Ready as soon as the store is: who speaks to the store through this port brings the types along.
    ready = readyz(Store(channel, settings.grpc_timeout), Readiness(reason=""))
    app = Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", ready)],
        middleware=[
            Middleware(Observer),
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
