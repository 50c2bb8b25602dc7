"""The server's parts put together: the API, the documents and probes beside it, and what happens at the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kubeflow_metadata.rest.health import Readiness, healthz, readyz
from kubeflow_metadata.rest.metrics import REGISTRY
from kubeflow_metadata.rest.observe import Observer
from kubeflow_metadata.rest.predefined import prepare
from kubeflow_metadata.rest.schema_files import TypeDefinition
from kubeflow_metadata.rest.store import Store, connect
from kubeflow_metadata.rest.v1alpha1.api import Api
from kubeflow_metadata.rest.v1alpha1.handlers import Limits
from kubeflow_metadata.rest.v1alpha1.routes import PREFIX
from kubeflow_metadata.rest.v1alpha1.swagger import swagger_json


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, with the defaults of the command line."""

    grpc_target: str = "127.0.0.1:9090"
    grpc_timeout: float = 60.0
    max_grpc_message_length: int = 256 * 2**20
    limits: Limits = field(default_factory=Limits)
    grpc_web_allowed_origins: Sequence[str] = ()


def create_app(settings: Settings, definitions: Sequence[TypeDefinition]) -> Starlette:
    """The ASGI application. Its lifespan waits for the store and registers the types in the background."""
    channel = connect(settings.grpc_target, settings.max_grpc_message_length)
    store = Store(channel, settings.grpc_timeout)
    readiness = Readiness()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        preparing = asyncio.create_task(prepare(store, definitions, settings.grpc_target, readiness))
        try:
            yield
        finally:
            preparing.cancel()
            with suppress(asyncio.CancelledError):
                await preparing
            await channel.close()

    app = Starlette(
        routes=[
            Route("/", _index),
            Route("/healthz", healthz),
            Route("/readyz", readyz(store, readiness)),
            Route("/metrics", _metrics),
            Route("/swagger.json", _swagger),
            Route(f"{PREFIX}/swagger.json", _swagger),
        ],
        middleware=[Middleware(Observer)],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    # Not a mount: the API also answers targets that are no paths, such as `*` and the absolute form.
    app.router.default = Api(store, settings.limits, settings.grpc_timeout)
    return app


async def _index(request: Request) -> Response:
    return JSONResponse(
        {
            "name": "Kubeflow Metadata REST backend",
            "api": PREFIX,
            "swagger": f"{PREFIX}/swagger.json",
            "health": "/healthz",
            "readiness": "/readyz",
            "metrics": "/metrics",
        }
    )


async def _metrics(request: Request) -> Response:
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _swagger(request: Request) -> Response:
    return Response(swagger_json(), media_type="application/json")
