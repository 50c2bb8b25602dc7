"""Log with `kubeflow-metadata` 0.3, which speaks gRPC, and read back. Usage: grpc_kubeflow_metadata.py HOST PORT NAME.

Prints JSON.
"""

import json
import sys

from kubeflow.metadata import metadata

host, port, name = sys.argv[1:4]
store = metadata.Store(grpc_host=host, grpc_port=int(port))
workspace = metadata.Workspace(store=store, name=name, description="a workspace for testing", labels={"n1": "v1"})
run = metadata.Run(workspace=workspace, name="first-run")
execution = metadata.Execution(name="training", workspace=workspace, run=run)


def model(version):
    return metadata.Model(
        name="MNIST", uri=f"gcs://{name}/mnist", version=version, hyperparameters={"layers": [10, 3, 1]}
    )


data_set = execution.log_input(metadata.DataSet(name="mytable-dump", uri=f"file://{name}/dataset", version="v1"))
logged = execution.log_output(model("v1"))
metrics = execution.log_output(
    metadata.Metrics(name="evaluation", uri=f"gcs://{name}/metrics", model_id=str(logged.id), values={"accuracy": 0.95})
)


def same_workspace(**options):
    return metadata.Workspace(store=store, name=name, **options)


def events(found):
    return sorted([event.artifact_id, event.execution_id, event.type] for event in found)


ids = {"data_set": data_set.id, "model": logged.id, "metrics": metrics.id}
again = {
    "the same object": execution.log_output(logged).id,
    "the same in other words": execution.log_output(model("v1")).id,
    "another version": execution.log_output(model("v2")).id,
}
try:
    same_workspace(reuse_workspace_if_exists=False)
    refused = ""
except ValueError as error:
    refused = str(error)
client = store.store
(context,) = client.get_contexts_by_id([workspace.context_id])
json.dump(
    {
        "ids": ids,
        "again": again,
        "execution": execution.id,
        "events_of_execution": events(client.get_events_by_execution_ids([execution.id])),
        "events_of_model": events(client.get_events_by_artifact_ids([logged.id])),
        "models": [[found["id"], found["version"], found["hyperparameters"]] for found in workspace.list()],
        "workspace": [context.name, context.properties["labels"].string_value],
        "reused": same_workspace().context_id == workspace.context_id,
        "refused": refused,
        "artifacts_of_workspace": sorted(found.id for found in client.get_artifacts_by_context(context.id)),
        "executions_of_workspace": [found.id for found in client.get_executions_by_context(context.id)],
    },
    sys.stdout,
)
