"""Registration of the predefined types when the server starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import structlog

from kubeflow_metadata.proto import metadata_store_pb2 as mlmd
from kubeflow_metadata.rest.health import Readiness
from kubeflow_metadata.rest.schema_files import TypeDefinition
from kubeflow_metadata.rest.store import Store, StoreError

_LOG = structlog.get_logger("kubeflow_metadata.rest.predefined")
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0
# The store refuses this type, now and for ever; everything else may pass, so it is tried again.
_FINAL = {
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
}


async def prepare(store: Store, definitions: Sequence[TypeDefinition], target: str, readiness: Readiness) -> None:
    """Wait for the store, register the types, say that the server is ready."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            await store.ping()
            registered = await register(store, definitions)
            break
        except StoreError as error:
            readiness.reason = f"the metadata store at {target} does not answer"
            _LOG.warning("waiting for the metadata store", target=target, reason=str(error), retry_in=wait)
        except Exception:
            readiness.reason = "the predefined types could not be registered; the server's log tells more"
            _LOG.exception("registration of predefined types failed", retry_in=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
    readiness.prepared()
    _LOG.info("ready", target=target, types=registered)


async def register(store: Store, definitions: Sequence[TypeDefinition]) -> int:
    """Register the types, from any number of servers at once and any number of times; the count of those that are in.

    A stored type that users have extended stays as it is, and so does one with a property of another type: that is
    for a person to settle, and no reason to serve nobody.
    """
    registered = 0
    for definition in definitions:
        try:
            await _register(store, definition)
        except StoreError as error:
            if error.code not in _FINAL:
                raise
            _LOG.error(
                "predefined type differs from the stored one, which stays", type=definition.name, reason=error.details
            )
        else:
            registered += 1
    return registered


async def _register(store: Store, definition: TypeDefinition) -> None:
    if definition.category == "artifact":
        artifact_type = mlmd.ArtifactType(name=definition.name, properties=definition.properties)
        await store.artifacts.put_type(artifact_type, can_add=True, can_omit=True)
    else:
        execution_type = mlmd.ExecutionType(name=definition.name, properties=definition.properties)
        await store.executions.put_type(execution_type, can_add=True, can_omit=True)
