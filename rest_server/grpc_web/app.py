"""The application behind the second port. It shares nothing with the REST API but the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from rest_server.app import Settings
from rest_server.grpc_web.service import GrpcWeb
from rest_server.health import Readiness, healthz, readyz
from rest_server.observe import Observer
from rest_server.store import Store, connect

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
