"""The web application: pages, proxy, health and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from kubeflow_metadata.serving.budget import relay_budget_of
from kubeflow_metadata.serving.health import LIVENESS, health_routes
from kubeflow_metadata.serving.leaving import EndWithClient
from kubeflow_metadata.serving.origins import DoorPolicy, Refusal, door
from kubeflow_metadata.serving.requests import RequestCheck
from kubeflow_metadata.serving.telemetry import HttpMetrics, Telemetry
from kubeflow_metadata.ui.files import STATIC_DIR, BuiltFiles, check_built
from kubeflow_metadata.ui.headers import SecurityHeaders
from kubeflow_metadata.ui.proxy import (
    MAX_CALL_SECONDS,
    Proxy,
    grpc_web_backend,
    neighbour_client,
    reason_of,
    rest_backend,
)

SERVER = "ui"
PREFIX = "/metadata"
READY_TIMEOUT_SECONDS = 2


def create_app(
    rest_url: str,
    static_dir: Path = STATIC_DIR,
    transport: httpx.AsyncBaseTransport | None = None,
    grpc_web_url: str | None = None,
    *,
    policy: DoorPolicy | None = None,
    max_call_seconds: float = MAX_CALL_SECONDS,
    metrics: HttpMetrics | None = None,
    memory_limit: int | None = None,
) -> Starlette:
    """Returns the ASGI application: pages and API at ``/`` and ``/metadata/``, and grpc-web if it has an address.

    Args:
        rest_url: where the REST backend is.
        static_dir: the built pages.
        transport: what takes requests to the servers behind this one; the network by default.
        grpc_web_url: where grpc-web is served.
        policy: which origins and hosts may come in; by default any host, and no foreign origin that changes something.
        max_call_seconds: how long the beginning of a response may take; 0 for no limit.
        metrics: where requests are counted.
        memory_limit: the bytes that this process may use; what clients may make it hold follows from them.

    Raises:
        PagesNotBuiltError: ``static_dir`` holds no built pages.
    """
    check_built(static_dir)
    client = neighbour_client(transport)
    backends = [rest_backend(rest_url), *([grpc_web_backend(grpc_web_url)] if grpc_web_url else [])]
    metrics = metrics or HttpMetrics(SERVER)
    files = BuiltFiles(static_dir)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def why_not_ready() -> str:
        try:
            answer = await client.get(f"{rest_url.rstrip('/')}{LIVENESS}", timeout=READY_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            return f"the REST backend does not respond: {reason_of(error)}"
        # A REST server without this route answers 404, and that it answers is all that is asked here.
        return f"the REST backend returned {answer.status_code}" if answer.is_server_error else ""

    def refused(refusal: Refusal) -> Response:
        metrics.count_refusal("origin or host")
        return PlainTextResponse(f"{refusal.message}\n", refusal.status)

    async def to_prefix(request: Request) -> Response:
        # Relative, so that it stays right behind a gateway that serves us under a longer path.
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{PREFIX.removeprefix('/')}/{query}")

    return Starlette(
        routes=[
            *health_routes(why_not_ready),
            metrics.route(),
            Route(PREFIX, to_prefix),
            Mount(PREFIX, files),
            Mount("/", files),
        ],
        middleware=[
            Middleware(Telemetry, server=SERVER, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(RequestCheck),
            *door(policy or DoorPolicy(), refused),
            Middleware(EndWithClient),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6),
            Middleware(
                Proxy,
                client=client,
                backends=backends,
                prefix=PREFIX,
                max_call_seconds=max_call_seconds,
                count_refusal=metrics.count_refusal,
                budget=relay_budget_of(memory_limit),
            ),
        ],
        lifespan=lifespan,
    )
