from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from kubeflow_metadata.ui.app import create_app

Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class StubRest(httpx.AsyncBaseTransport):
    """Stands where REST is: keeps what arrives, answers as the test says."""

    answer: Answer = lambda _: httpx.Response(200, json={})
    seen: list[httpx.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.bodies.append(await request.aread())
        made = self.answer(request)
        # As from a socket: a body that is still to be read.
        return httpx.Response(made.status_code, headers=made.headers.raw, stream=httpx.ByteStream(made.content))

    def fails_with(self, error: Exception) -> None:
        def fail(_: httpx.Request) -> httpx.Response:
            raise error

        self.answer = fail


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Built pages, as small as they come, beside a file that nobody may read."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Artifact Store</title>")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "index-abc123.js").write_text("console.log('hello');" * 100)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def rest() -> StubRest:
    return StubRest()


@pytest.fixture
def app(pages: Path, rest: StubRest) -> Starlette:
    return create_app("http://rest:8080", pages, rest)


@pytest.fixture
async def ui(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ui") as client:
        yield client
