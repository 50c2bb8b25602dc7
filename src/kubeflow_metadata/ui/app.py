"""The web application: pages, proxy, health and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from kubeflow_metadata.ui.files import STATIC_DIR, BuiltFiles, check_built
from kubeflow_metadata.ui.headers import SecurityHeaders
from kubeflow_metadata.ui.proxy import Proxy, grpc_web_backend, neighbour_client, reason_of, rest_backend
from kubeflow_metadata.ui.telemetry import Metrics, Telemetry

PREFIX = "/metadata"
READY_TIMEOUT_SECONDS = 2


def create_app(
    rest_url: str,
    static_dir: Path = STATIC_DIR,
    transport: httpx.AsyncBaseTransport | None = None,
    grpc_web_url: str | None = None,
) -> Starlette:
    """The pages and the API, at `/` and under `/metadata/`; grpc-web as well if there is an address for it.

    Raises:
        PagesNotBuiltError: `static_dir` holds no built pages.
    """
    check_built(static_dir)
    client = neighbour_client(transport)
    backends = [rest_backend(rest_url), *([grpc_web_backend(grpc_web_url)] if grpc_web_url else [])]
    metrics = Metrics()
    files = BuiltFiles(static_dir)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def healthy(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        try:
            answer = await client.get(f"{rest_url.rstrip('/')}/healthz", timeout=READY_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            return JSONResponse({"status": "unavailable", "reason": reason_of(error)}, status_code=503)
        # A REST server without this route answers 404, and that it answers is all that is asked here.
        if answer.is_server_error:
            reason = f"REST answered {answer.status_code}"
            return JSONResponse({"status": "unavailable", "reason": reason}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def measured(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def to_prefix(request: Request) -> Response:
        # Relative, so that it stays right behind a gateway that serves us under a longer path.
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{PREFIX.removeprefix('/')}/{query}")

    return Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/readyz", ready),
            Route("/metrics", measured),
            Route(PREFIX, to_prefix),
            Mount(PREFIX, files),
            Mount("/", files),
        ],
        middleware=[
            Middleware(Telemetry, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6),
            Middleware(Proxy, client=client, backends=backends, prefix=PREFIX),
        ],
        lifespan=lifespan,
    )
