"""Log the demo with the gRPC client of `ml-metadata` and read it back.

Usage: grpc_log_demo.py HOST PORT WORKSPACE. Prints JSON.
"""

import json
import sys

from google.protobuf import json_format
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlpb

host, port, workspace_name = sys.argv[1:4]
store = metadata_store.MetadataStore(mlpb.MetadataStoreClientConfig(host=host, port=int(port)))

PREDEFINED = {name: store.get_artifact_type(f"kubeflow.org/alpha/{name}") for name in ("data_set", "model", "metrics")}
execution_type = store.get_execution_type("kubeflow.org/alpha/execution")
workspace_type_id = store.put_context_type(
    mlpb.ContextType(
        name="kubeflow.org/alpha/workspace", properties={"description": mlpb.STRING, "labels": mlpb.STRING}
    )
)


def text(**values):
    return {key: mlpb.Value(string_value=value) for key, value in values.items()}


def artifact(kind, name, uri):
    return mlpb.Artifact(
        type_id=PREDEFINED[kind].id,
        name=f"{workspace_name}/{name}",
        uri=uri,
        state=mlpb.Artifact.LIVE,
        properties=text(name=name, version="v1"),
        custom_properties={
            **text(__kf_workspace__=workspace_name, note="naïve 模型 🚀"),
            "loss": mlpb.Value(double_value=1e-7),
            "steps": mlpb.Value(int_value=2**62),
        },
    )


def event(kind):
    return mlpb.Event(type=kind)


workspace = mlpb.Context(type_id=workspace_type_id, name=workspace_name, properties=text(description="the demo"))
execution_id, artifact_ids, context_ids = store.put_execution(
    mlpb.Execution(
        type_id=execution_type.id,
        name=f"{workspace_name}/train",
        last_known_state=mlpb.Execution.COMPLETE,
        properties=text(name="train"),
    ),
    [
        (artifact("data_set", "mytable-dump", "file://path/to/dataset"), event(mlpb.Event.INPUT)),
        (artifact("model", "MNIST", "gcs://my-bucket/mnist"), event(mlpb.Event.OUTPUT)),
        (artifact("metrics", "MNIST-evaluation", "gcs://my-bucket/mnist-eval.csv"), event(mlpb.Event.OUTPUT)),
    ],
    [workspace],
)
data_set_id, model_id, metrics_id = artifact_ids

try:
    store.put_contexts([workspace])
    second_workspace = "accepted"
except errors.AlreadyExistsError:
    second_workspace = "refused"

(model,) = store.get_artifacts_by_id([model_id])
by_name = store.get_artifact_by_type_and_name("kubeflow.org/alpha/model", f"{workspace_name}/MNIST")
(execution,) = store.get_executions_by_id([execution_id])
(context,) = store.get_contexts_by_artifact(model_id)


def facts(events):
    return sorted([e.artifact_id, e.execution_id, mlpb.Event.Type.Name(e.type)] for e in events)


json.dump(
    {
        "execution": execution_id,
        "artifacts": list(artifact_ids),
        "model": json_format.MessageToDict(model, preserving_proto_field_name=True),
        "found_by_name": by_name.id,
        "state": mlpb.Execution.State.Name(execution.last_known_state),
        "workspace": [context.id == context_ids[0], context.name, context.properties["description"].string_value],
        "second_workspace": second_workspace,
        "artifacts_of_workspace": sorted(a.id for a in store.get_artifacts_by_context(context.id)),
        "executions_of_workspace": [e.id for e in store.get_executions_by_context(context.id)],
        "events_of_model": facts(store.get_events_by_artifact_ids([model_id])),
        "events_of_execution": facts(store.get_events_by_execution_ids([execution_id])),
        "listed": sorted(a.id for a in store.get_artifacts_by_type("kubeflow.org/alpha/model")),
        "by_uri": model_id in [a.id for a in store.get_artifacts_by_uri("gcs://my-bucket/mnist")],
    },
    sys.stdout,
)
