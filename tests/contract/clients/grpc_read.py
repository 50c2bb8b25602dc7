"""Read one artifact and its events with the gRPC client of `ml-metadata`.

Usage: grpc_read.py HOST PORT ARTIFACT_ID. Prints JSON.
"""

import json
import sys

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlpb

host, port, artifact_id = sys.argv[1:4]
store = metadata_store.MetadataStore(mlpb.MetadataStoreClientConfig(host=host, port=int(port)))
(artifact,) = store.get_artifacts_by_id([int(artifact_id)])
(artifact_type,) = store.get_artifact_types_by_id([artifact.type_id])
json.dump(
    {
        "uri": artifact.uri,
        "type": artifact_type.name,
        "properties": {key: value.string_value for key, value in artifact.properties.items()},
        "executions": [event.execution_id for event in store.get_events_by_artifact_ids([artifact.id])],
    },
    sys.stdout,
)
