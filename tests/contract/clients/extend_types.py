"""Add a property to a type of artifacts and to one of executions, then use both.

Usage: extend_types.py MODULE URL PROPERTY. Prints JSON.
"""

import importlib
import json
import sys

metadata = importlib.import_module(sys.argv[1])
openapi_client = metadata.openapi_client
added = sys.argv[3]

client = metadata.Workspace(backend_url_prefix=sys.argv[2], name="types").client

artifact_type = client.get_artifact_type(metadata.Model.ARTIFACT_TYPE_NAME).artifact_type
artifact_type.properties[added] = openapi_client.MlMetadataPropertyType.STRING
extended = client.update_artifact_type(artifact_type).artifact_type
execution_type = client.get_execution_type(metadata.Execution.EXECUTION_TYPE_NAME).execution_type
execution_type.properties[added] = openapi_client.MlMetadataPropertyType.DOUBLE
extended_execution = client.update_execution_type(execution_type).execution_type

try:
    client.update_artifact_type(openapi_client.MlMetadataArtifactType(name=artifact_type.name, properties={}))
    conflict = None
except openapi_client.ApiException as error:
    conflict = error.status

created = client.create_artifact(
    artifact_type.name,
    openapi_client.MlMetadataArtifact(
        uri="gs://extended", properties={added: openapi_client.MlMetadataValue(string_value="/models/1")}
    ),
).artifact
read = client.get_artifact(created.id, artifact_type.name).artifact

json.dump(
    {
        "same_ids": [extended.id == artifact_type.id, extended_execution.id == execution_type.id],
        "artifact_property": extended.properties[added],
        "execution_property": extended_execution.properties[added],
        "conflict": conflict,
        "stored": read.properties[added].string_value,
    },
    sys.stdout,
)
