"""Registration of the predefined types when the server starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import structlog

from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.readiness import Preparation, StoreReport
from kubeflow_metadata.rest.schema_files import TypeDefinition
from kubeflow_metadata.rest.store import ARTIFACT, EXECUTION, Kind, Node, Store, Type

_LOG = structlog.get_logger("kubeflow_metadata.rest.predefined")
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0
# The store will always reject this type; all other errors may be temporary, so they are retried.
_FINAL = {
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
}


async def prepare(
    store: Store, definitions: Sequence[TypeDefinition], target: str, preparation: Preparation, report: StoreReport
) -> None:
    """Waits for the store, registers the types, and says that the server is ready."""
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            await store.ping()
            report.answered()
            registered = await register(store, definitions)
            break
        except StoreError as error:
            preparation.pending = f"the metadata store at {target} does not respond"
            report.failed(error)
        except Exception:
            preparation.pending = "the predefined types could not be registered; see the server's log"
            _LOG.exception("registering the predefined types failed", retry_in=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
    preparation.done()
    _LOG.info("ready", target=target, types=registered)


async def register(store: Store, definitions: Sequence[TypeDefinition]) -> int:
    """Registers the types, any number of times and from any number of servers at once; returns how many are stored.

    A stored type that users have extended stays as it is, and so does one with a property of another type: that is
    for a person to settle, and no reason to refuse service.
    """
    registered = 0
    for definition in definitions:
        try:
            await _register(store, definition)
        except StoreError as error:
            if error.code not in _FINAL:
                raise
            _LOG.error(
                "predefined type differs from the stored one, which is kept", type=definition.name, reason=error.details
            )
        else:
            registered += 1
    return registered


async def _register(store: Store, definition: TypeDefinition) -> None:
    if definition.category == "artifact":
        await _put(store, ARTIFACT, definition)
    else:
        await _put(store, EXECUTION, definition)


async def _put(store: Store, kind: Kind[Node, Type], definition: TypeDefinition) -> None:
    node_type: Type = kind.type(name=definition.name, properties=definition.properties)
    await store.nodes(kind).put_type(node_type, can_add=True, can_omit=True)
