"""What each operation of `/api/v1alpha1` does."""

from __future__ import annotations

from collections.abc import Mapping

from kubeflow_metadata.rest.store import Store
from kubeflow_metadata.rest.v1alpha1.handlers.call import Call, Handler, Limits
from kubeflow_metadata.rest.v1alpha1.handlers.events import EventHandlers
from kubeflow_metadata.rest.v1alpha1.handlers.nodes import NodeHandlers
from kubeflow_metadata.rest.v1alpha1.handlers.types import TypeHandlers

__all__ = ["Call", "Handler", "Limits", "handlers"]


def handlers(store: Store) -> Mapping[str, Handler]:
    """The handler of each operation in the route table."""
    artifacts, executions = NodeHandlers(store.artifacts), NodeHandlers(store.executions)
    artifact_types, execution_types = TypeHandlers(store.artifacts), TypeHandlers(store.executions)
    events = EventHandlers(store)
    return {
        "CreateArtifact": artifacts.create,
        "GetArtifact": artifacts.get,
        "ListArtifacts": artifacts.list_of_type,
        "ListArtifacts2": artifacts.list_all,
        "DeleteArtifact": artifacts.delete,
        "CreateExecution": executions.create,
        "GetExecution": executions.get,
        "ListExecutions": executions.list_of_type,
        "ListExecutions2": executions.list_all,
        "DeleteExecution": executions.delete,
        "UpdateArtifactType": artifact_types.update,
        "CreateArtifactType": artifact_types.create,
        "ListArtifactTypes": artifact_types.list,
        "GetArtifactType": artifact_types.get,
        "DeleteArtifactType": artifact_types.delete,
        "UpdateExecutionType": execution_types.update,
        "CreateExecutionType": execution_types.create,
        "ListExecutionTypes": execution_types.list,
        "GetExecutionType": execution_types.get,
        "DeleteExecutionType": execution_types.delete,
        "CreateEvent": events.create,
        "ListEvents": events.list_of_execution,
        "ListEvents2": events.list_of_artifact,
    }
