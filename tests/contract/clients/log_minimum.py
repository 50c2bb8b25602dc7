"""Log with as little as a REST SDK asks for, and what it must refuse.

Usage: log_minimum.py MODULE URL WORKSPACE. Prints JSON.
"""

import importlib
import json
import sys

metadata = importlib.import_module(sys.argv[1])
openapi_client = metadata.openapi_client

workspace = metadata.Workspace(backend_url_prefix=sys.argv[2], name=sys.argv[3])
run = metadata.Run(workspace=workspace, name="first run")
execution = metadata.Execution(name="test execution", workspace=workspace, run=run)
data_set = execution.log_input(metadata.DataSet(name="mytable-dump", uri="file://path/to/dataset"))
metrics = execution.log_output(metadata.Metrics(name="MNIST-evaluation", uri="gcs://my-bucket/mnist-eval.csv"))
model = execution.log_output(metadata.Model(name="MNIST", uri="gcs://my-bucket/mnist"))


class Forged:
    """An artifact that claims to belong to another workspace or run."""

    ARTIFACT_TYPE_NAME = metadata.Model.ARTIFACT_TYPE_NAME

    def __init__(self, reserved):
        self.reserved = reserved

    def serialization(self):
        value = openapi_client.MlMetadataValue(string_value="another")
        return openapi_client.MlMetadataArtifact(uri="gs://uri", custom_properties={self.reserved: value})


refused = []
for reserved in (metadata.WORKSPACE_PROPERTY_NAME, metadata.RUN_PROPERTY_NAME):
    try:
        execution.log_output(Forged(reserved))
    except ValueError:
        refused.append(reserved)

json.dump(
    {
        "ids": [execution.id, data_set.id, metrics.id, model.id],
        "refused": refused,
        "listed": {
            kind.__name__: [fields["name"] for fields in workspace.list(kind.ARTIFACT_TYPE_NAME)]
            for kind in (metadata.DataSet, metadata.Metrics, metadata.Model)
        },
        "events": len(workspace.client.list_events(execution.id).events),
    },
    sys.stdout,
)
