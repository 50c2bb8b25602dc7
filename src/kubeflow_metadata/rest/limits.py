"""What a request may ask for, and how many are worked on at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from kubeflow_metadata.rest.errors import ApiError
from kubeflow_metadata.rest.metrics import IN_FLIGHT


@dataclass(frozen=True)
class Limits:
    """What a request may ask for."""

    body_bytes: int = 32 * 2**20
    json_depth: int = 100
    name_length: int = 255
    concurrent_requests: int = 100


class Slots:
    """A bound on the requests that are worked on at once."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def take(self, patience: float) -> AsyncIterator[None]:
        """Works within a slot; waits for one at most ``patience`` seconds."""
        try:
            await asyncio.wait_for(self._free.acquire(), patience)
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise ApiError(grpc.StatusCode.UNAVAILABLE, "too many requests at once; try again in a moment") from error
        try:
            with IN_FLIGHT.track_inprogress():
                yield
        finally:
            self._free.release()
