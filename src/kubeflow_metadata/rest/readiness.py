"""Whether the backend can do its work: its types are registered, and the store answers."""

from __future__ import annotations

from kubeflow_metadata.rest.errors import StoreError
from kubeflow_metadata.rest.metrics import READY
from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.serving.health import Check


class Preparation:
    """The preparation of the backend; ``pending`` says why it is not over, and is empty once it is."""

    def __init__(self) -> None:
        self.pending = "the server is starting"

    def done(self) -> None:
        """Marks the end of the preparation."""
        self.pending = ""
        READY.set(1)


def readiness(store: Store, preparation: Preparation | None = None) -> Check:
    """Returns the check that asks the store; by plain RPCs only, for a foreign server has no health service."""

    async def why_not_ready() -> str:
        if preparation is not None and preparation.pending:
            return preparation.pending
        try:
            await store.ping()
        except StoreError as error:
            return f"the metadata store does not respond: {error.code.name}"
        return ""

    return why_not_ready
