"""Whether the server is alive, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kubeflow_metadata.rest.metrics import READY
from kubeflow_metadata.rest.store import Store, StoreError


@dataclass
class Readiness:
    """Why the server is not ready yet; empty once it is."""

    reason: str = "the server is starting"

    def prepared(self) -> None:
        self.reason = ""
        READY.set(1)


async def healthz(request: Request) -> Response:
    """Look at the process only: restarting it would not heal its store."""
    return PlainTextResponse("ok\n")


def readyz(store: Store, readiness: Readiness) -> Callable[[Request], Awaitable[Response]]:
    """Ask the store; plain RPCs only, for a foreign server has no health service."""

    async def answer(request: Request) -> Response:
        reason = readiness.reason
        if not reason:
            try:
                await store.ping()
            except StoreError as error:
                reason = f"the metadata store does not answer: {error.code.name}"
        if reason:
            return PlainTextResponse(f"not ready: {reason}\n", status_code=503)
        return PlainTextResponse("ok\n")

    return answer
