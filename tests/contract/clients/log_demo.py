"""Log the demo with a REST SDK and read it back. Usage: log_demo.py MODULE URL WORKSPACE. Prints JSON.

MODULE is what users import: `kfmd.metadata`, or `kubeflow.metadata.metadata`.
"""

import importlib
import json
import sys
from datetime import datetime

metadata = importlib.import_module(sys.argv[1])
url, workspace_name = sys.argv[2:4]

workspace = metadata.Workspace(
    backend_url_prefix=url,
    name=workspace_name,
    description="a workspace for testing",
    labels={"n1": "v1"},
)
run = metadata.Run(workspace=workspace, name="run-" + datetime.now().isoformat(), description="a run")
execution = metadata.Execution(
    name="execution" + datetime.now().isoformat(),
    workspace=workspace,
    run=run,
    description="execution example",
)
data_set = execution.log_input(
    metadata.DataSet(
        description="an example data",
        name="mytable-dump",
        owner="owner@my-company.org",
        uri="file://path/to/dataset",
        version="v1.0.0",
        query="SELECT * FROM mytable",
    )
)
model = execution.log_output(
    metadata.Model(
        name="MNIST",
        description="model to recognize handwritten digits",
        owner="someone@kubeflow.org",
        uri="gcs://my-bucket/mnist",
        model_type="neural network",
        training_framework={"name": "tensorflow", "version": "v1.0"},
        hyperparameters={"learning_rate": 0.5, "layers": [10, 3, 1], "early_stop": True},
        version="v0.0.1",
        labels={"mylabel": "l1"},
    )
)
metrics = execution.log_output(
    metadata.Metrics(
        name="MNIST-evaluation",
        description="validating the MNIST model to recognize handwritten digits",
        owner="someone@kubeflow.org",
        uri="gcs://my-bucket/mnist-eval.csv",
        data_set_id=data_set.id,
        model_id=model.id,
        metrics_type=metadata.Metrics.VALIDATION,
        values={"accuracy": 0.95},
        labels={"mylabel": "l1"},
    )
)


def facts(events):
    return [[event.artifact_id, event.execution_id, event.type] for event in events]


models = workspace.list()
of_model = workspace.client.list_events2(model.id)
of_execution = workspace.client.list_events(execution.id)
json.dump(
    {
        "execution": execution.id,
        "data_set": data_set.id,
        "model": model.id,
        "metrics": metrics.id,
        "models": models,
        "events_of_model": facts(of_model.events),
        "events_of_execution": facts(of_execution.events),
        "artifacts_of_execution": sorted(of_execution.artifacts),
    },
    sys.stdout,
)
