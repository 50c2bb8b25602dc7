"""The backend over a real metadata store, both in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from starlette.types import ASGIApp

from kubeflow_metadata.mlmd.db.sqlite.settings import SqliteSettings
from kubeflow_metadata.mlmd.options import ServerOptions
from kubeflow_metadata.mlmd.server import GrpcServer
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.rest.app import create_app
from kubeflow_metadata.rest.schema_files import load_definitions
from kubeflow_metadata.rest.settings import Settings
from tests.support.applications import running_application

API = "/api/v1alpha1"


@dataclass(frozen=True)
class Backend:
    """A running backend."""

    url: str
    client: httpx.Client
    grpc_target: str

    def call(self, verb: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return self.client.request(verb, API + path, **options)

    def get(self, path: str) -> Any:
        return self._answer("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._answer("POST", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self._answer("PATCH", path, body)

    def _answer(self, verb: str, path: str, body: Any = None) -> Any:
        response = self.call(verb, path, body)
        assert response.status_code == 200, response.text
        return response.json()


@contextmanager
def running_store(database: Path, address: str = "127.0.0.1:0") -> Iterator[str]:
    opened = SqliteSettings(database).open()
    opened.prepare()
    server = GrpcServer([MetadataStore(opened)], ServerOptions(address))
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop(0)
        opened.close()


@contextmanager
def running_backend(settings: Settings, definitions: Any = None, *, until: str = "/readyz") -> Iterator[Backend]:
    """Serve until the block ends; entered once the page `until` answers 200."""
    known = load_definitions(None) if definitions is None else definitions
    with (
        running_application(lambda: create_app(settings, known)) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as client,
    ):
        wait_for(lambda: client.get(until).status_code == 200)
        yield Backend(url, client, settings.grpc_target)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "timed out after a minute"
        time.sleep(0.01)


@contextmanager
def scripted_store(answer: Callable[[str, bytes, grpc.ServicerContext], bytes]) -> Iterator[str]:
    """A store whose every call is answered by a function of the method's name and the request."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            method = details.method.rpartition("/")[2]
            return grpc.unary_unary_rpc_method_handler(lambda request, context: answer(method, request, context))

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.fixture(scope="session")
def backend(tmp_path_factory) -> Iterator[Backend]:
    """One backend for all tests that do not mind what others have stored."""
    database = tmp_path_factory.mktemp("store") / "metadata.db"
    with running_store(database) as target, running_backend(Settings(target)) as running:
        yield running


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Backend]]:
    """Start a backend with settings of its own, over a store of its own unless a target is given."""
    with ExitStack() as stack:

        def begin(target: str | None = None, definitions: Any = None, until: str = "/readyz", **settings: Any):
            if target is None:
                target = stack.enter_context(running_store(tmp_path / f"{uuid4()}.db"))
            return stack.enter_context(running_backend(Settings(target, **settings), definitions, until=until))

        yield begin


@pytest.fixture
def store(tmp_path) -> Callable[..., Any]:
    return lambda address="127.0.0.1:0": running_store(tmp_path / "store.db", address)


@pytest.fixture
def scripted() -> Callable[..., Any]:
    return scripted_store


@pytest.fixture
def serving() -> Callable[[Callable[[], ASGIApp]], Any]:
    return running_application


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    return wait_for


@pytest.fixture
def name() -> str:
    """A type name that no other test uses."""
    return f"example.org/{uuid4()}/thing"
