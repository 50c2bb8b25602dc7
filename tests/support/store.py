"""The store over a database, called in this process as the gRPC layer calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import text_format

from kubeflow_metadata.mlmd.db.base import Database
from kubeflow_metadata.mlmd.service import MetadataStore
from kubeflow_metadata.proto import metadata_store_service_pb2 as rpc

Call = Callable[..., Any]


def caller(database: Database) -> Call:
    """Calls a method with its request in protobuf's text format, or as a message."""
    store = MetadataStore(database)

    def call(method: str, request: Any = "") -> Any:
        if isinstance(request, str):
            request = text_format.Parse(request, getattr(rpc, f"{method}Request")())
        return store.handler(method)(request)

    return call


def assert_works(database: Database) -> None:
    call = caller(database)
    (type_id,) = call("PutTypes", 'artifact_types { name: "works" }').artifact_type_ids
    (artifact_id,) = call("PutArtifacts", f'artifacts {{ type_id: {type_id} uri: "漢字🚀" }}').artifact_ids
    (stored,) = call("GetArtifactsByID", f"artifact_ids: {artifact_id}").artifacts
    assert stored.uri == "漢字🚀"
