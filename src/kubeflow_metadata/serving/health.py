"""Whether a server is alive, and whether it can do its work: the same answers from all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LIVENESS = "/healthz"
READINESS = "/readyz"

Check = Callable[[], Awaitable[str]]


def health_routes(why_not_ready: Check) -> list[Route]:
    """Returns the routes of both probes.

    Args:
        why_not_ready: asked on each readiness probe; the reason, or an empty text if the server is ready.
    """

    async def readyz(_: Request) -> Response:
        reason = await why_not_ready()
        if reason:
            return JSONResponse({"status": "unavailable", "reason": reason}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse({"status": "ok"})

    return [Route(LIVENESS, _healthz), Route(READINESS, readyz)]


async def _healthz(_: Request) -> Response:
    # The process only: a restart would not heal what is behind it.
    return JSONResponse({"status": "ok"})
