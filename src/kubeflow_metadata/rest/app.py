"""The application: the versions of the API, the pages beside them, and what happens at the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kubeflow_metadata.rest.admission import Admission
from kubeflow_metadata.rest.calls import Calls, Connection
from kubeflow_metadata.rest.metrics import HTTP, SERVER, count_refusal
from kubeflow_metadata.rest.predefined import prepare
from kubeflow_metadata.rest.readiness import Preparation, StoreReport, readiness
from kubeflow_metadata.rest.schema_files import TypeDefinition
from kubeflow_metadata.rest.settings import Settings
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.rest.v1alpha1.api import V1ALPHA1
from kubeflow_metadata.rest.version import Version
from kubeflow_metadata.serving.health import LIVENESS, READINESS, health_routes
from kubeflow_metadata.serving.leaving import EndWithClient
from kubeflow_metadata.serving.origins import Refusal, door
from kubeflow_metadata.serving.requests import RequestCheck
from kubeflow_metadata.serving.telemetry import METRICS, Telemetry

_PERMISSION_DENIED = 7

# The first also answers what belongs to none: targets that are no paths, such as `*` and the absolute form.
VERSIONS: Sequence[Version] = (V1ALPHA1,)


def create_app(settings: Settings, definitions: Sequence[TypeDefinition]) -> Starlette:
    """Returns the ASGI application; its lifespan waits for the store and registers the types in the background."""
    budget = settings.budget
    connection = Connection(settings.grpc_target, settings.max_grpc_message_length, budget.response)
    store = Store(Calls(connection, settings.grpc_timeout))
    admission = Admission(settings.limits, budget, settings.grpc_timeout, settings.max_call_seconds)
    preparation = Preparation()
    report = StoreReport(settings.grpc_target)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        preparing = asyncio.create_task(prepare(store, definitions, settings.grpc_target, preparation, report))
        try:
            yield
        finally:
            preparing.cancel()
            with suppress(asyncio.CancelledError):
                await preparing
            await connection.close()

    app = Starlette(
        routes=[
            Route("/", _index),
            *health_routes(readiness(store, preparation, report)),
            HTTP.route(),
            *(Route(path, _json(make)) for version in VERSIONS for path, make in version.documents.items()),
        ],
        middleware=[
            Middleware(Telemetry, server=SERVER, metrics=HTTP),
            Middleware(RequestCheck),
            *door(settings.door, _refused),
            Middleware(EndWithClient),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.router.default = _by_version([(version, version.make_app(store, admission, settings)) for version in VERSIONS])
    return app


def _by_version(apps: Sequence[tuple[Version, ASGIApp]]) -> ASGIApp:
    # Not mounts: those would take the prefix off, and refuse what is no path.
    _, first = apps[0]

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        app = next((app for version, app in apps if version.answers(path)), first)
        await app(scope, receive, send)

    return choose


def _refused(refusal: Refusal) -> Response:
    count_refusal("origin or host")
    body = {"error": refusal.message, "message": refusal.message, "code": _PERMISSION_DENIED}
    return JSONResponse(body, refusal.status)


async def _index(_: Request) -> Response:
    links = {name: path for version in VERSIONS for name, path in version.links.items()}
    return JSONResponse(
        {
            "name": "Kubeflow Metadata REST backend",
            **links,
            "health": LIVENESS,
            "readiness": READINESS,
            "metrics": METRICS,
        }
    )


def _json(make: Callable[[], bytes]) -> Callable[[Request], Response]:
    return lambda _: Response(make(), media_type="application/json")
